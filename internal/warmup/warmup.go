// Package warmup requests pages of a site, so that its caches are warm before visitors come:
// after a deployment, and just before the requests that wait for it are released. A rehearsal
// compares pages. It is an adapter: it may import platform only.
package warmup

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// Warmer requests pages through the router of this machine, whatever the site's name
// resolves to. Safe for concurrent use.
type Warmer struct {
	client      *http.Client
	concurrency int
}

const (
	concurrency = 4
	timeout     = 60 * time.Second
	maxTime     = 10 * time.Minute // of all pages together
	maxBody     = 32 << 20         // read, so that the page is generated to its end
)

// New returns a warmer that connects to router ("host:port") for every http URL and to
// secure for every https URL.
func New(router, secure string) *Warmer {
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	// Whose certificate is shown does not matter: the connection goes to the router of this
	// machine, and a site has to be warm also when its first certificate is still ordered.
	trusting := &tls.Dialer{NetDialer: dialer, Config: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}} //nolint:gosec // see above
	return &Warmer{
		concurrency: concurrency,
		client: &http.Client{
			Timeout: timeout,
			Transport: &http.Transport{
				DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
					return dialer.DialContext(ctx, network, router)
				},
				DialTLSContext: func(ctx context.Context, network, address string) (net.Conn, error) {
					d := *trusting
					d.Config = trusting.Config.Clone()
					d.Config.ServerName, _, _ = net.SplitHostPort(address)
					return d.DialContext(ctx, network, secure)
				},
				MaxIdleConnsPerHost: concurrency,
			},
			// A redirect may lead to another machine; it is the response that is wanted here.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// errMaxTime ends a warm-up of pages that are slow.
var errMaxTime = fmt.Errorf("the pages took longer than %s together", maxTime)

// Warm requests every URL, a few at a time, and writes one line for each to log. A page
// that fails is reported and is not an error; the cause is returned when ctx ends first, or
// when all pages together take longer than ten minutes.
func (w *Warmer) Warm(ctx context.Context, urls []string, log io.Writer) error {
	return w.warm(ctx, pagesOf(urls, nil), log)
}

// page is one to request.
type page struct {
	url     string
	cookies []*http.Cookie
}

func pagesOf(urls []string, cookies map[string][]*http.Cookie) []page {
	pages := make([]page, len(urls))
	for i, u := range urls {
		pages[i] = page{u, cookies[origin(u)]}
	}
	return pages
}

func (w *Warmer) warm(ctx context.Context, pages []page, log io.Writer) error {
	var (
		mu    sync.Mutex // of log
		group sync.WaitGroup
		slots = make(chan struct{}, w.concurrency)
	)
	ctx, cancel := context.WithTimeoutCause(ctx, maxTime, errMaxTime)
	defer cancel()
	for _, p := range pages {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			group.Wait()
			return context.Cause(ctx)
		}
		group.Go(func() {
			defer func() { <-slots }()
			line := w.request(ctx, p)
			mu.Lock()
			defer mu.Unlock()
			_, _ = fmt.Fprintln(log, line) // a log that fails stops nothing
		})
	}
	group.Wait()
	return context.Cause(ctx)
}

// request returns the line to report.
func (w *Warmer) request(ctx context.Context, p page) string {
	start := time.Now()
	resp, err := w.get(ctx, p)
	if err != nil {
		return fmt.Sprintf("W: Warming up failed: %s: %v", p.url, err)
	}
	defer func() { _ = resp.Body.Close() }() // read only
	n, err := io.Copy(io.Discard, io.LimitReader(resp.Body, maxBody))
	took := time.Since(start).Seconds()
	if err != nil || resp.StatusCode >= http.StatusBadRequest {
		return fmt.Sprintf("W: Warming up failed: %s: status %d after %.3f s", p.url, resp.StatusCode, took)
	}
	return fmt.Sprintf("Warmed up page: %s (status %d, %d bytes, %.3f s)", p.url, resp.StatusCode, n, took)
}

func (w *Warmer) get(ctx context.Context, p page) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url, http.NoBody)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "sluice-warmup")
	for _, c := range p.cookies {
		req.AddCookie(c)
	}
	return w.client.Do(req)
}
