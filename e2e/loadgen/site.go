package loadgen

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// heldHeader is the router's: how many milliseconds the request was held.
const heldHeader = "X-Sluice-Held"

// maxBody bounds what is read of one answer.
const maxBody = 16 << 20

var (
	errSlow   = errors.New("no answer within the client's patience")
	errResent = errors.New("the connection broke after the request had been sent")
)

// Answer is one request and what came of it.
type Answer struct {
	Method    string
	Reference string // of a POST
	At        time.Time
	Took      time.Duration
	Status    int           // 0 when no response came
	Release   string        // "" when the response did not say
	Held      time.Duration // as the router says
	Err       error         // nil for a 2xx response that was read to its end
}

// site makes requests. Safe for concurrent use.
type site struct {
	opts   Options
	client *http.Client
	pool   *http.Transport
}

// visitors are those of one run. Over plain HTTP they share a pool of connections.
type visitors struct {
	opts  Options
	sites []*site
}

func newVisitors(opts Options) *visitors {
	v := &visitors{opts: opts}
	if !strings.HasPrefix(opts.BaseURL, "https://") {
		v.sites = append(v.sites, newSite(opts))
	}
	return v
}

// site returns what the n-th visitor asks through.
func (v *visitors) site(n int) *site {
	if !strings.HasPrefix(v.opts.BaseURL, "https://") {
		return v.sites[0]
	}
	s := newSite(v.opts)
	s.pool.TLSClientConfig = v.opts.TLS.Clone()
	s.pool.ForceAttemptHTTP2 = n%2 == 1
	v.sites = append(v.sites, s)
	return s
}

func (v *visitors) close() {
	for _, s := range v.sites {
		s.close()
	}
}

func newSite(opts Options) *site {
	clients := opts.GetClients + opts.PostClients
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	pool := &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, loopback(addr))
		},
		MaxIdleConns:        clients,
		MaxIdleConnsPerHost: clients,
		IdleConnTimeout:     time.Minute,
	}
	return &site{opts: opts, pool: pool, client: &http.Client{
		Transport: pool,
		// A redirect is an answer too, and not the one that was asked for.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func (s *site) close() { s.pool.CloseIdleConnections() }

// loopback needs no resolver for localhost and the names below it (RFC 6761, 6.3).
func loopback(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err == nil && (host == "localhost" || strings.HasSuffix(host, ".localhost")) {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return addr
}

func (s *site) get(ctx context.Context) Answer {
	return s.do(ctx, Answer{Method: http.MethodGet}, s.opts.GetPath, nil)
}

// orders returns a visitor who orders with a new reference each time. The reference is a
// field: net/http would send a request with the header Idempotency-Key again by itself.
func (s *site) orders(prefix string) func(context.Context) Answer {
	n := 0
	return func(ctx context.Context) Answer {
		n++
		reference := fmt.Sprintf("%s-%d", prefix, n)
		form := url.Values{"reference": {reference}}
		maps.Copy(form, s.opts.Fields)
		return s.do(ctx, Answer{Method: http.MethodPost, Reference: reference}, s.opts.PostPath, form)
	}
}

// do sends one request and reads the response to its end.
func (s *site) do(ctx context.Context, a Answer, path string, form url.Values) Answer {
	a.At = time.Now()
	ctx, cancel := context.WithTimeoutCause(ctx, s.opts.Timeout, errSlow)
	defer cancel()
	var sent atomic.Int32
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { sent.Add(1) }})

	a.Err = s.exchange(ctx, &a, path, form)
	a.Took = time.Since(a.At)
	switch {
	case a.Err != nil && ctx.Err() != nil:
		a.Err = fmt.Errorf("%w: %w", context.Cause(ctx), a.Err)
	case a.Err == nil && sent.Load() > 1:
		// net/http quietly repeats a GET whose kept connection broke; a visitor counts it.
		a.Err = errResent
	}
	return a
}

func (s *site) exchange(ctx context.Context, a *Answer, path string, form url.Values) error {
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(ctx, a.Method, strings.TrimSuffix(s.opts.BaseURL, "/")+path, body)
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return fmt.Errorf("send request: %w", err)
	}
	defer resp.Body.Close() //nolint:errcheck // nothing was written through it
	a.Status = resp.StatusCode
	a.Release = resp.Header.Get(s.opts.ReleaseHeader)
	if ms, err := strconv.ParseInt(resp.Header.Get(heldHeader), 10, 64); err == nil {
		a.Held = time.Duration(ms) * time.Millisecond
	}
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, maxBody)); err != nil {
		return fmt.Errorf("read response: %w", err)
	}
	if a.Status < 200 || a.Status > 299 {
		return fmt.Errorf("status %d", a.Status)
	}
	return nil
}
