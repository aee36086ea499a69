package poststep

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phparray"
)

const (
	defaultConcurrency = 25
	maxRedirects       = 5
	maxBody            = 32 << 20 // bytes read of a page, so that it is generated to its end
)

// warmer requests pages so that the shop's caches have them before visitors come.
type warmer struct {
	kit    *kit.Kit
	stores *stores
	client *http.Client
}

// warmUp requests the pages of WARM_UP_PAGES. A page that fails is logged and is not an error.
func warmUp(ctx context.Context, k *kit.Kit) error {
	k.Log.Info("Starting page warmup")
	w := &warmer{kit: k, stores: newStores(k), client: limited(k.HTTP)}
	concurrency, err := k.Stages.PostDeploy.Int("WARM_UP_CONCURRENCY")
	if err != nil {
		return err
	}
	if concurrency > 0 {
		k.Log.Infof("Warmup concurrency set to %d as specified by the WARM_UP_CONCURRENCY configuration", concurrency)
	} else {
		concurrency = defaultConcurrency
	}
	pages, err := k.Stages.PostDeploy.Map("WARM_UP_PAGES")
	if err != nil {
		return err
	}
	urls, err := w.collect(ctx, pages)
	if err != nil {
		return fault.Wrap(codeWarmUp, err)
	}
	return fault.Wrap(codeWarmUp, w.request(ctx, urls, concurrency))
}

// limited returns a client that follows few redirects.
func limited(client *http.Client) *http.Client {
	c := *client
	c.CheckRedirect = func(_ *http.Request, via []*http.Request) error {
		if len(via) > maxRedirects {
			return fmt.Errorf("stopped after %d redirects", maxRedirects)
		}
		return nil
	}
	return &c
}

// collect makes URLs of the entries, each URL once.
func (w *warmer) collect(ctx context.Context, pages *phparray.Array) ([]string, error) {
	base, err := w.stores.baseURL(ctx)
	if err != nil {
		return nil, err
	}
	var urls []string
	for _, v := range pages.All() {
		page := phparray.String(v)
		if p, ok := parsePattern(page); ok {
			found := w.urls(ctx, p)
			w.kit.Log.Infof("Found %d urls for pattern \"%s\"", len(found), page)
			urls = append(urls, found...)
			continue
		}
		switch {
		case strings.HasPrefix(page, "http") && strings.Contains(page, "://"):
			if !w.stores.related(ctx, page) {
				w.kit.Log.Errorf("Page \"%s\" can't be warmed-up because such domain is not registered in current Magento installation", page)
				continue
			}
			urls = append(urls, page)
		case strings.Contains(page, ":"):
			w.kit.Log.Errorf("Page \"%s\" isn't correct and can't be warmed-up", page)
		default:
			urls = append(urls, base+"/"+strings.TrimLeft(page, "/"))
		}
	}
	return unique(urls), nil
}

func unique(all []string) []string {
	var out []string
	for _, u := range all {
		if !slices.Contains(out, u) {
			out = append(out, u)
		}
	}
	return out
}

// request fetches all URLs, some at a time; it ends with the cause of ctx when that ends
// first.
func (w *warmer) request(ctx context.Context, urls []string, concurrency int) error {
	var group errgroup.Group
	var mu sync.Mutex // one line at a time, as responses come
	group.SetLimit(concurrency)
	for _, u := range urls {
		group.Go(func() error {
			if ctx.Err() != nil { // the cause is returned below
				return nil
			}
			err := w.fetch(ctx, u)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				w.kit.Log.Error("Warming up failed: " + u)
				w.kit.Log.Debug(err.Error())
				return nil
			}
			w.kit.Log.Info("Warmed up page: " + u)
			return nil
		})
	}
	return errors.Join(group.Wait(), context.Cause(ctx))
}

func (w *warmer) fetch(ctx context.Context, address string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	response, err := w.client.Do(request)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, io.LimitReader(response.Body, maxBody))
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return fmt.Errorf("%s: %w", address, err)
	}
	if response.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("%s answered %s", address, response.Status)
	}
	return nil
}
