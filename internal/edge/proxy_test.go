package edge

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice/internal/platform"

	"github.com/google/go-cmp/cmp"
)

// onSockets starts a router on a real socket and returns it with its address.
func onSockets(tb testing.TB, opts Options) (*Router, string) {
	tb.Helper()
	r, err := New(opts)
	if err != nil {
		tb.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	return r, listenOn(tb, NewFront(NewServer(r, log), log))
}

// onFullServer is onSockets with all requests read by net/http.
func onFullServer(tb testing.TB, opts Options) (*Router, string) {
	tb.Helper()
	r, err := New(opts)
	if err != nil {
		tb.Fatal(err)
	}
	return r, listenOn(tb, NewServer(r, slog.New(slog.DiscardHandler)))
}

// starter is onSockets or onFullServer.
type starter func(tb testing.TB, opts Options) (*Router, string)

// onBoth runs a test with each of the two servers.
func onBoth(t *testing.T, f func(t *testing.T, start starter)) {
	t.Helper()
	t.Run("front", func(t *testing.T) { f(t, onSockets) })
	t.Run("net/http", func(t *testing.T) { f(t, onFullServer) })
}

type server interface {
	Serve(l net.Listener) error
	Close() error
}

func listenOn(tb testing.TB, srv server) string {
	tb.Helper()
	l, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	go func() { _ = srv.Serve(l) }()
	tb.Cleanup(func() { _ = srv.Close() })
	return l.Addr().String()
}

// realBackend returns the address of a backend.
func realBackend(tb testing.TB, h http.HandlerFunc) string {
	tb.Helper()
	return listenOn(tb, &http.Server{Handler: h, ReadHeaderTimeout: time.Minute})
}

func to(release, addr string) platform.Publication {
	p := publication(release)
	p.Routes[0] = platform.Route{URL: siteURL, OriginalURL: "http://{default}/", Type: platform.RouteUpstream, Upstream: "app"}
	p.Backends["app"] = []string{addr}
	return p
}

func mustPublish(tb testing.TB, r *Router, p platform.Publication) platform.HoldReport {
	tb.Helper()
	report, err := r.Publish(tb.Context(), p)
	if err != nil {
		tb.Fatal(err)
	}
	return report
}

func clientOf(addr string, conns int) *http.Client {
	return &http.Client{
		Timeout: time.Minute,
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, "tcp", addr)
			},
			MaxIdleConnsPerHost: conns,
		},
	}
}

// eventually waits for a condition that another goroutine makes true.
func eventually(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	for end := time.Now().Add(5 * time.Minute); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			tb.Fatal("never: " + what)
		}
	}
}

// send writes text as it is.
func send(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

// crowd is visitors who browse and order without a pause.
type crowd struct {
	t      *testing.T
	client *http.Client
	sent   atomic.Int64
	wg     sync.WaitGroup
	over   chan struct{}

	mu     sync.Mutex
	orders map[string]int // how often each order arrived
}

func (c *crowd) browse() { c.loop(func(int) { c.visit(http.MethodGet, "") }) }

func (c *crowd) buy(buyer int) {
	c.loop(func(n int) { c.visit(http.MethodPost, fmt.Sprintf("order %d of buyer %d", n, buyer)) })
}

func (c *crowd) loop(f func(n int)) {
	c.wg.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-c.over:
				return
			default:
				f(n)
			}
		}
	})
}

// visit makes one request; the crowd takes nothing but "ok" for an answer.
func (c *crowd) visit(method, body string) {
	req, err := http.NewRequestWithContext(context.WithoutCancel(c.t.Context()), method, siteURL, strings.NewReader(body))
	if err != nil {
		c.t.Error(err)
		return
	}
	c.sent.Add(1)
	resp, err := c.client.Do(req)
	if err != nil {
		c.t.Errorf("%s: %v", method, err)
		return
	}
	got, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil || resp.StatusCode != http.StatusOK || string(got) != "ok" {
		c.t.Errorf("%s: %d %q %v", method, resp.StatusCode, got, err)
	}
}

// serve is the backend that the crowd visits.
func (c *crowd) serve(w http.ResponseWriter, req *http.Request) {
	if req.Method == http.MethodPost {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		c.mu.Lock()
		c.orders[string(body)]++
		c.mu.Unlock()
	}
	_, _ = io.WriteString(w, "ok")
}

// TestDeploymentsUnderLoad is what the router is for: visitors browse and order while
// releases are switched and old backends are shut down, and nobody notices.
func TestDeploymentsUnderLoad(t *testing.T) {
	const browsers, buyers, deployments = 200, 20, 5
	r, addr := onSockets(t, Options{})
	c := &crowd{t: t, client: clientOf(addr, browsers+buyers), over: make(chan struct{}), orders: map[string]int{}}
	start := func() (*http.Server, string) {
		srv := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(c.serve)}
		return srv, listenOn(t, srv)
	}
	serving, backend := start()
	mustPublish(t, r, to("r0", backend))
	for range browsers {
		c.browse()
	}
	for b := range buyers {
		c.buy(b)
	}
	held := 0
	for d := range deployments {
		before := c.sent.Load()
		eventually(t, "clients at work", func() bool { return c.sent.Load() > before+2*(browsers+buyers) })
		if _, err := r.Hold(t.Context(), platform.Hold{Environment: testEnv, Activity: fmt.Sprint("a", d)}); err != nil {
			t.Fatal(err)
		}
		if err := serving.Close(); err != nil { // whatever still used it would fail now
			t.Fatal(err)
		}
		serving, backend = start()
		eventually(t, "everybody waits", func() bool { s, _ := r.Status(testEnv); return s.Waiting == browsers+buyers })
		held += mustPublish(t, r, to(fmt.Sprint("r", d+1), backend)).Held
	}
	close(c.over)
	c.wg.Wait()
	for order, n := range c.orders {
		if n != 1 {
			t.Errorf("%s arrived %d times", order, n)
		}
	}
	t.Logf("%d requests over %d deployments, %d orders, %d requests held", c.sent.Load(), deployments, len(c.orders), held)
	if held != deployments*(browsers+buyers) {
		t.Errorf("%d held", held)
	}
}

func TestClientThatLeavesAnUnreadBodyIsNotSentOn(t *testing.T) {
	t.Parallel()
	onBoth(t, testClientThatLeavesAnUnreadBodyIsNotSentOn)
}

func testClientThatLeavesAnUnreadBodyIsNotSentOn(t *testing.T, start starter) {
	t.Helper()
	r, addr := start(t, Options{})
	var arrived atomic.Int64
	mustPublish(t, r, to("r1", realBackend(t, func(http.ResponseWriter, *http.Request) { arrived.Add(1) })))
	if _, err := r.Hold(t.Context(), platform.Hold{Environment: testEnv, Activity: "a1"}); err != nil {
		t.Fatal(err)
	}
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	send(t, c, "POST / HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 5\r\n\r\norder")
	eventually(t, "the request waits", func() bool { s, _ := r.Status(testEnv); return s.Waiting == 1 })
	_ = c.Close()
	eventually(t, "the place is free", func() bool { s, _ := r.Status(testEnv); return s.Waiting == 0 })
	if report := mustPublish(t, r, to("r1", "127.0.0.1:1")); report.Left != 1 || report.Held != 0 {
		t.Errorf("report %+v", report)
	}
	if arrived.Load() != 0 {
		t.Error("an order was carried out for a client that had left")
	}
}

func TestHeadersTowardsTheApplication(t *testing.T) { onBoth(t, testHeadersTowardsTheApplication) }

func testHeadersTowardsTheApplication(t *testing.T, start starter) {
	t.Helper()
	seen := make(chan *http.Request, 1)
	backend := realBackend(t, func(w http.ResponseWriter, req *http.Request) {
		seen <- req
		h := w.Header()
		h.Set("Server", "nginx")
		h.Set("X-Accel-Expires", "1")
		h.Set(HeldHeader, "1")
		h.Set("Set-Cookie", "a=b")
	})
	tests := []struct {
		name    string
		trusted []netip.Prefix
		want    map[string]string
	}{
		{"stranger", nil, map[string]string{
			"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "http", "X-Client-Ip": "127.0.0.1", "X-Client-Ssl": "",
		}},
		{"trusted proxy", []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, map[string]string{
			"X-Forwarded-For": "6.6.6.6, 203.0.113.9, 127.0.0.1", "X-Forwarded-Proto": "https", "X-Client-Ip": "203.0.113.9", "X-Client-Ssl": "on",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, addr := start(t, Options{TrustedProxies: tt.trusted})
			mustPublish(t, r, to("r1", backend))
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://shop.test:8080/a%2Fb?x=1;y=%zz", nil)
			if err != nil {
				t.Fatal(err)
			}
			for k, v := range map[string]string{
				"X-Forwarded-For": "6.6.6.6, 203.0.113.9", "X-Forwarded-Proto": "https", "X-Client-Ip": "6.6.6.6", "Proxy": "http://evil",
				"X-Client-Ssl": "yes", "X-Client-Verify": "SUCCESS", "Client-Country": "XX", "X-Original-Route": "lie",
				"Connection": "X-Secret", "X-Secret": "hop", "Forwarded": "for=6.6.6.6", "Authorization": "Bearer t",
			} {
				req.Header.Set(k, v)
			}
			resp, err := clientOf(addr, 1).Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			got := <-seen
			want := map[string]string{
				"X-Forwarded-Host": "shop.test:8080", "X-Original-Route": "http://{default}/", "Authorization": "Bearer t",
				"Proxy": "", "X-Client-Verify": "", "Client-Country": "", "X-Secret": "", "Forwarded": "",
			}
			maps.Copy(want, tt.want)
			have := map[string]string{}
			for k := range want {
				have[k] = got.Header.Get(k)
			}
			if diff := cmp.Diff(want, have); diff != "" {
				t.Error(diff)
			}
			if got.Host != "shop.test:8080" || got.RequestURI != "/a%2Fb?x=1;y=%zz" {
				t.Errorf("host %q uri %q", got.Host, got.RequestURI)
			}
			h := resp.Header
			if h.Get("Server") != "" || h.Get("X-Accel-Expires") != "" || h.Get(HeldHeader) != "" || h.Get("Set-Cookie") != "a=b" {
				t.Errorf("answer %v", h)
			}
		})
	}
}

func TestWebSocketPassesThroughAndIsCutAtTheRelease(t *testing.T) {
	onBoth(t, testWebSocketPassesThroughAndIsCutAtTheRelease)
}

func testWebSocketPassesThroughAndIsCutAtTheRelease(t *testing.T, start starter) {
	t.Helper()
	r, addr := start(t, Options{})
	backend := realBackend(t, func(w http.ResponseWriter, req *http.Request) {
		if req.Header.Get("Upgrade") != "websocket" || req.Header.Get("Connection") != "Upgrade" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer func() { _ = c.Close() }()
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
		_, _ = io.Copy(c, rw)
	})
	mustPublish(t, r, to("r1", backend))
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(2 * time.Minute))
	send(t, c, "GET /ws HTTP/1.1\r\nHost: shop.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
	in := bufio.NewReader(c)
	resp, err := http.ReadResponse(in, nil) //nolint:bodyclose // a 101 has none
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%v %v", resp, err)
	}
	echo := func() {
		t.Helper()
		send(t, c, "ping\n")
		if line, err := in.ReadString('\n'); line != "ping\n" {
			t.Fatalf("echo %q %v", line, err)
		}
	}
	echo()
	report, err := r.Hold(t.Context(), platform.Hold{Environment: testEnv, Activity: "a1", DrainTimeout: time.Hour})
	if err != nil || report.Cut != 0 {
		t.Fatalf("the drain waited for an upgraded connection: %+v %v", report, err)
	}
	echo()
	if s, _ := r.Status(testEnv); s.LongLived != 1 {
		t.Errorf("status %+v", s)
	}
	mustPublish(t, r, to("r2", backend))
	if _, err := in.ReadByte(); err == nil {
		t.Error("the connection to the old release lives on")
	}
}

func TestMalformedRequestsAreRefusedAndNeverReachABackend(t *testing.T) {
	onBoth(t, testMalformedRequestsAreRefusedAndNeverReachABackend)
}

func testMalformedRequestsAreRefusedAndNeverReachABackend(t *testing.T, start starter) {
	t.Helper()
	r, addr := start(t, Options{})
	var arrived atomic.Int64
	mustPublish(t, r, to("r1", realBackend(t, func(_ http.ResponseWriter, req *http.Request) {
		if _, err := io.Copy(io.Discard, req.Body); err == nil {
			arrived.Add(1)
		}
	})))
	tests := map[string]string{
		"two lengths":            "POST / HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
		"signed length":          "POST / HTTP/1.1\r\nHost: shop.test\r\nContent-Length: +1\r\n\r\na",
		"unknown coding":         "POST / HTTP/1.1\r\nHost: shop.test\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
		"two codings":            "POST / HTTP/1.1\r\nHost: shop.test\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
		"space before colon":     "GET / HTTP/1.1\r\nHost : shop.test\r\n\r\n",
		"two hosts":              "GET / HTTP/1.1\r\nHost: shop.test\r\nHost: evil.test\r\n\r\n",
		"no host":                "GET / HTTP/1.1\r\n\r\n",
		"folded header":          "GET / HTTP/1.1\r\n folded\r\nHost: shop.test\r\n\r\n",
		"control character":      "GET /\x01 HTTP/1.1\r\nHost: shop.test\r\n\r\n",
		"bad chunk size":         "POST / HTTP/1.1\r\nHost: shop.test\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"chunk longer than told": "POST / HTTP/1.1\r\nHost: shop.test\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n",
		"huge header":            "GET / HTTP/1.1\r\nHost: shop.test\r\nX: " + strings.Repeat("x", 80<<10) + "\r\n\r\n",
		"connect":                "CONNECT shop.test:443 HTTP/1.1\r\nHost: shop.test:443\r\n\r\n",
		"not http":               "\x16\x03\x01\x02\x00\r\n\r\n",
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Close() }()
			_ = c.SetDeadline(time.Now().Add(2 * time.Minute))
			_, _ = io.WriteString(c, text)
			in := bufio.NewReader(c)
			resp, err := http.ReadResponse(in, nil)
			if err != nil {
				return // closed without an answer is a refusal, too
			}
			if resp.StatusCode < 400 || resp.StatusCode > 499 && resp.StatusCode != http.StatusNotImplemented {
				t.Errorf("answered %d", resp.StatusCode)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			if _, err := in.ReadByte(); err == nil {
				t.Error("the connection was used for more")
			}
		})
	}
	if n := arrived.Load(); n != 0 {
		t.Errorf("%d arrived at the backend", n)
	}
}

func TestErrorPages(t *testing.T) { onBoth(t, testErrorPages) }

func testErrorPages(t *testing.T, start starter) {
	t.Helper()
	r, addr := start(t, Options{HealthPath: "/health"})
	mustPublish(t, r, to("r1", "127.0.0.1:1"))
	if _, err := r.Close(t.Context(), testEnv, ""); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, method, url, accept string
		status                    int
		contentType, body         string
	}{
		{"maintenance", "GET", siteURL, "text/html,*/*", 503, "text/html; charset=utf-8", `http-equiv="refresh"`},
		{"maintenance for a program", "POST", siteURL, "application/json", 503, "application/problem+json", `"status":503`},
		{"unknown host", "GET", "http://nobody.test/", "", 404, "text/html; charset=utf-8", "Site not found"},
		{"health", "GET", "http://shop.test/health", "", 200, "text/plain; charset=utf-8", "ok"},
		{"health of no site", "GET", "http://10.0.0.1/health", "", 200, "text/plain; charset=utf-8", "ok"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), tt.method, tt.url, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Accept", tt.accept)
			resp, err := clientOf(addr, 1).Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = resp.Body.Close() }()
			body, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != tt.status || resp.Header.Get("Content-Type") != tt.contentType || !strings.Contains(string(body), tt.body) {
				t.Errorf("%d %v %s", resp.StatusCode, resp.Header, body)
			}
			if tt.name == "health" && resp.Header.Get(StateHeader) != "closed" {
				t.Errorf("state %q", resp.Header.Get(StateHeader))
			}
		})
	}
}

func TestAccessLogEscapes(t *testing.T) {
	for _, path := range []string{"plain", `"quoted"`, `back\slash`, "line\nend", "\x00\x1f\x7f", "ä", "\xff", "</script>"} {
		line := appendText([]byte(`{"a":1`), "path", path)
		var got struct{ Path string }
		if err := json.Unmarshal(append(line, '}'), &got); err != nil {
			t.Errorf("%q: %v in %s", path, err, line)
		}
		if want := strings.ToValidUTF8(path, "\ufffd"); got.Path != want {
			t.Errorf("%q became %q", path, got.Path)
		}
	}
}
