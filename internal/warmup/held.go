package warmup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// WarmHeld is Warm while visitors wait: link is the path of a bypass link, and the requests
// that have its cookie meet the release that is about to serve. The first page is requested
// alone, because it fills what all pages share; in parallel they would all make that.
func (w *Warmer) WarmHeld(ctx context.Context, link string, urls []string, log io.Writer) error {
	cookies := map[string][]*http.Cookie{}
	var pages []string
	for _, u := range urls {
		site := origin(u)
		if _, asked := cookies[site]; !asked {
			entered, err := w.enter(ctx, site+link)
			if err != nil {
				_, _ = fmt.Fprintf(log, "W: Warming up failed: %s: %v\n", site, err) // a log that fails stops nothing
			}
			cookies[site] = entered
		}
		if len(cookies[site]) > 0 {
			pages = append(pages, u)
		}
	}
	ready := pagesOf(pages, cookies)
	first := min(1, len(ready))
	if err := w.warm(ctx, ready[:first], log); err != nil {
		return err
	}
	return w.warm(ctx, ready[first:], log)
}

// enter exchanges a bypass link for its cookies.
func (w *Warmer) enter(ctx context.Context, link string) ([]*http.Cookie, error) {
	resp, err := w.get(ctx, page{url: link})
	if err != nil {
		// The error of a client repeats the URL, which is a secret.
		if failed, ok := errors.AsType[*url.Error](err); ok {
			err = failed.Err
		}
		return nil, fmt.Errorf("the bypass link did not answer: %w", err)
	}
	defer func() { _ = resp.Body.Close() }() // nothing is read
	if len(resp.Cookies()) == 0 {
		return nil, fmt.Errorf("the bypass link gave no cookie (status %d)", resp.StatusCode)
	}
	return resp.Cookies(), nil
}

// origin returns scheme, host and port of a URL.
func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
