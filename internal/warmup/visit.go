package warmup

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"sluice/internal/platform"
)

// Visit requests every URL, a few at a time and past all caches, and returns what came of each,
// in their order. Pages that are not done when ctx ends, or after ten minutes, have an error.
func (w *Warmer) Visit(ctx context.Context, urls []string) []platform.PageVisit {
	ctx, cancel := context.WithTimeoutCause(ctx, maxTime, errMaxTime)
	defer cancel()
	visits := make([]platform.PageVisit, len(urls))
	var group sync.WaitGroup
	slots := make(chan struct{}, w.concurrency)
	for i, u := range urls {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			visits[i] = w.visit(ctx, u)
		})
	}
	group.Wait()
	return visits
}

func (w *Warmer) visit(ctx context.Context, address string) platform.PageVisit {
	v := platform.PageVisit{Path: address}
	start := time.Now()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		v.Error = err.Error()
		return v
	}
	req.Header.Set("User-Agent", "sluice-rehearsal")
	req.Header.Set("Cache-Control", "no-cache")
	req.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8") // as browsers ask for pages
	resp, err := w.client.Do(req)
	if err != nil {
		v.Error, v.Duration = reason(err), time.Since(start)
		return v
	}
	defer func() { _ = resp.Body.Close() }() // read only
	v.Status = resp.StatusCode
	if v.Bytes, err = io.Copy(io.Discard, io.LimitReader(resp.Body, maxBody)); err != nil {
		v.Error = reason(err)
	}
	v.Duration = time.Since(start)
	if to, err := resp.Location(); err == nil {
		if to.Host == req.URL.Host {
			to = &url.URL{Path: to.Path, RawQuery: to.RawQuery}
		}
		v.Location = to.String()
	}
	return v
}

// reason leaves out the URL, which the reader has.
func reason(err error) string {
	if failed, ok := err.(*url.Error); ok { //nolint:errorlint // as net/http returns it
		return failed.Err.Error()
	}
	return err.Error()
}
