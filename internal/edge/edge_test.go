package edge

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/platform"
)

// memoryNet connects clients, the router and backends inside a synctest bubble.
type memoryNet struct {
	mu        sync.Mutex
	listeners map[string]*memoryListener
}

type memoryListener struct {
	addr   memoryAddr
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

type memoryAddr string

func (a memoryAddr) Network() string { return "memory" }
func (a memoryAddr) String() string  { return string(a) }

func newMemoryNet() *memoryNet { return &memoryNet{listeners: map[string]*memoryListener{}} }

func (n *memoryNet) listen(addr string) *memoryListener {
	l := &memoryListener{addr: memoryAddr(addr), conns: make(chan net.Conn), closed: make(chan struct{})}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.listeners[addr] = l
	return l
}

// How a gate releases requests that waited: so many at first, so many more when none is
// answered for a second, and so many at once at most.
const (
	paceStart = 16
	paceStall = time.Second
	paceMax   = 256
)

var errRefused = errors.New("connection refused")

func (n *memoryNet) dial(ctx context.Context, _, addr string) (net.Conn, error) {
	n.mu.Lock()
	l := n.listeners[addr]
	n.mu.Unlock()
	if l == nil {
		return nil, errRefused
	}
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-l.closed:
		return nil, errRefused
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *memoryListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *memoryListener) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *memoryListener) Addr() net.Addr { return l.addr }

// world is a router with in-memory clients and backends.
type world struct {
	t      *testing.T
	net    *memoryNet
	router *Router
	client *http.Client
}

const (
	testEnv = platform.EnvironmentID("shop-main")
	siteURL = "http://shop.test/"
)

// inWorld runs f in a bubble with a router on "router:80".
func inWorld(t *testing.T, f func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, net: newMemoryNet()}
		router, err := New(Options{Dial: w.net.dial})
		if err != nil {
			t.Fatal(err)
		}
		w.router = router
		stop := w.serve("router:80", router)
		transport := &http.Transport{
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return w.net.dial(ctx, network, "router:80")
			},
			DisableKeepAlives: true,
		}
		w.client = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		defer func() {
			router.Discharge()
			for _, g := range router.list() {
				g.Close("")
				if rel := g.serving(); rel != nil {
					rel.pool.Retire()
				}
			}
			transport.CloseIdleConnections()
			stop()
		}()
		f(w)
	})
}

// serve runs a server on addr; the returned function ends it.
func (w *world) serve(addr string, h http.Handler) (stop func()) {
	srv := NewServer(h, w.router.log)
	l := w.net.listen(addr)
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(l) }()
	return func() { _ = srv.Close(); <-done }
}

// backend serves a release that answers its name.
func (w *world) backend(name string, h http.HandlerFunc) {
	if h == nil {
		h = func(rw http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(rw, name) }
	}
	stop := w.serve(name+":80", h)
	w.t.Cleanup(stop)
}

func publication(release string) platform.Publication {
	return platform.Publication{
		Environment: testEnv,
		Release:     release,
		Routes:      []platform.Route{{URL: siteURL, OriginalURL: "http://{default}/", Type: platform.RouteUpstream, Upstream: "app"}},
		Backends:    map[string][]string{"app": {release + ":80"}},
	}
}

func (w *world) publish(release string) platform.HoldReport {
	w.t.Helper()
	report, err := w.router.Publish(w.t.Context(), publication(release))
	if err != nil {
		w.t.Fatal(err)
	}
	return report
}

func (w *world) hold(h platform.Hold) platform.HoldReport {
	w.t.Helper()
	h.Environment = testEnv
	if h.Activity == "" {
		h.Activity = "a1"
	}
	report, err := w.router.Hold(w.t.Context(), h)
	if err != nil {
		w.t.Fatal(err)
	}
	return report
}

// answer is what a client got.
type answer struct {
	status int
	body   string
	header http.Header
	err    error
	took   time.Duration
}

func (w *world) do(req *http.Request) answer {
	start := time.Now()
	resp, err := w.client.Do(req)
	if err != nil {
		return answer{err: err, took: time.Since(start)}
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	return answer{status: resp.StatusCode, body: string(body), header: resp.Header, err: err, took: time.Since(start)}
}

func (w *world) get(path string) answer {
	return w.do(w.request(context.Background(), http.MethodGet, path, nil))
}

func (w *world) request(ctx context.Context, method, path string, body io.Reader) *http.Request {
	req, err := http.NewRequestWithContext(ctx, method, siteURL+strings.TrimPrefix(path, "/"), body)
	if err != nil {
		w.t.Fatal(err)
	}
	return req
}

// start sends n requests at once and returns where their answers arrive.
func (w *world) start(n int, method string) <-chan answer {
	answers := make(chan answer, n)
	for range n {
		var body io.Reader
		if method == http.MethodPost {
			body = strings.NewReader("payload")
		}
		req := w.request(context.Background(), method, "/", body)
		go func() { answers <- w.do(req) }()
	}
	synctest.Wait()
	return answers
}

// offers reports whether the environment offers a release to operators.
func (e *environment) offers() bool {
	_, _, offered := e.Record()
	return offered != nil
}

func (w *world) status() Status {
	w.t.Helper()
	s, err := w.router.Status(testEnv)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

func (w *world) wantAll(answers <-chan answer, n, status int, body string) {
	w.t.Helper()
	for range n {
		a := <-answers
		if a.err != nil || a.status != status || !strings.Contains(a.body, body) {
			w.t.Fatalf("got %d %q %v, want %d with %q", a.status, a.body, a.err, status, body)
		}
	}
}
