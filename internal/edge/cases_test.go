package edge

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/platform"
)

// proxyCase is one thing that a careful reader expects of the router, tried against real
// backends on sockets.
type proxyCase struct {
	name string
	run  func(s *caseSite)
}

// caseSite is a router on sockets with an environment of some routes.
type caseSite struct {
	t     *testing.T
	r     *Router
	addr  string
	seen  atomic.Pointer[http.Request] // the last request that the backend got
	count atomic.Int64
}

func newSite(t *testing.T) *caseSite {
	t.Helper()
	r, addr := onSockets(t, Options{HealthPath: "/health"})
	t.Cleanup(r.Finish)
	s := &caseSite{t: t, r: r, addr: addr}
	s.publish("r1")
	return s
}

// publish makes a release serve whose backend answers its name.
func (s *caseSite) publish(release string) platform.HoldReport {
	s.t.Helper()
	return mustPublish(s.t, s.r, s.publication(release, realBackend(s.t, func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		s.count.Add(1)
		s.seen.Store(req)
		w.Header().Set("X-Body", string(body))
		_, _ = io.WriteString(w, release)
	})))
}

func (s *caseSite) publication(release, backend string) platform.Publication {
	p := to(release, backend)
	p.Routes = append(p.Routes,
		upstream("http://*.shop.test/"), upstream("http://other.test/"), upstream("http://shop.test/blog/"), upstream("https://secure.test/"),
		platform.Route{URL: "http://www.shop.test/", Type: platform.RouteRedirect, To: siteURL},
		platform.Route{URL: "http://parts.test/", Type: platform.RouteUpstream, Upstream: "app", Redirects: []platform.PartialRedirect{
			{Path: "/from", To: "/to", Prefix: true, AppendSuffix: true, Code: 302, Expires: "1h"},
			{Path: "^/p/(\\d+)$", To: "/product/$1", Regexp: true, Code: 301},
		}},
	)
	return p
}

// get asks for a URL; change may change the request.
func (s *caseSite) get(method, url, body string, change ...func(*http.Request)) answer {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, f := range change {
		f(req)
	}
	client := clientOf(s.addr, 1)
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	defer client.CloseIdleConnections()
	start := time.Now()
	resp, err := client.Do(req)
	if err != nil {
		return answer{err: err}
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	return answer{status: resp.StatusCode, body: string(b), header: resp.Header, err: err, took: time.Since(start)}
}

// later asks while the environment is held, and returns when n wait.
func (s *caseSite) later(n int, method, body string) <-chan answer {
	s.t.Helper()
	answers := make(chan answer, n)
	for range n {
		go func() { answers <- s.get(method, siteURL, body) }()
	}
	eventually(s.t, "they wait", func() bool { return s.r.Waiting() >= n })
	return answers
}

func (s *caseSite) hold(h platform.Hold) {
	s.t.Helper()
	h.Environment = testEnv
	if h.Activity == "" {
		h.Activity = "a1"
	}
	if _, err := s.r.Hold(s.t.Context(), h); err != nil {
		s.t.Fatal(err)
	}
}

func (a answer) want(t *testing.T, status int, body string) {
	t.Helper()
	if a.err != nil || a.status != status || !strings.Contains(a.body, body) {
		t.Errorf("got %d %q %v, want %d with %q", a.status, a.body, a.err, status, body)
	}
}

// TestProxyCases are the 22 cases.
func TestProxyCases(t *testing.T) {
	t.Parallel()
	cases := slices.Concat(routingCases(), backendCases(), holdCases(), handoverCases())
	if len(cases) != 22 {
		t.Fatalf("%d cases", len(cases))
	}
	for i, c := range cases {
		t.Run(fmt.Sprintf("%02d %s", i+1, c.name), func(t *testing.T) {
			t.Parallel()
			c.run(newSite(t))
		})
	}
}

func routingCases() []proxyCase {
	return []proxyCase{
		{"a request reaches the application and its answer the visitor", func(s *caseSite) {
			s.get("GET", siteURL, "").want(s.t, 200, "r1")
		}},
		{"every method and its body pass through", func(s *caseSite) {
			for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"} {
				a := s.get(method, siteURL, "body of "+method)
				if a.status != 200 || a.header.Get("X-Body") != "body of "+method || s.seen.Load().Method != method {
					s.t.Errorf("%s: %d %q", method, a.status, a.header.Get("X-Body"))
				}
			}
		}},
		{"an unknown host is 404, also while others are held", func(s *caseSite) {
			s.hold(platform.Hold{})
			s.get("GET", "http://nobody.test/", "").want(s.t, 404, "Site not found")
			s.get("GET", "http://nobody.test/", "", func(req *http.Request) { req.Host = "" }).want(s.t, 404, "")
		}},
		{"exact host before wildcard, several domains, any case, port and trailing dot", func(s *caseSite) {
			for _, host := range []string{"a.shop.test", "B.SHOP.TEST", "a.b.shop.test", "other.test:8080", "other.test."} {
				s.get("GET", siteURL, "", func(req *http.Request) { req.Host = host }).want(s.t, 200, "r1")
			}
			if a := s.get("GET", "http://www.shop.test/x", ""); a.status != 301 || a.header.Get("Location") != siteURL+"x" {
				s.t.Errorf("%d %q", a.status, a.header.Get("Location"))
			}
		}},
		{"the longest path prefix wins, at a slash only", func(s *caseSite) {
			for path, route := range map[string]string{"blog": "blog/", "blog/post": "blog/", "blogger": "", "": ""} {
				s.get("GET", siteURL+path, "").want(s.t, 200, "r1")
				if got := s.seen.Load().Header.Get("X-Original-Route"); !strings.HasSuffix(got, "/"+route) {
					s.t.Errorf("%s: by route %s", path, got)
				}
			}
		}},
		{"http is sent on to https where only that is declared", func(s *caseSite) {
			if a := s.get("POST", "http://secure.test/cart?x=1", "b"); a.status != 301 || a.header.Get("Location") != "https://secure.test/cart?x=1" {
				s.t.Errorf("%d %q", a.status, a.header.Get("Location"))
			}
		}},
		{"partial redirects: prefix, suffix, regular expression, code, expires", func(s *caseSite) {
			a := s.get("GET", "http://parts.test/from/a/b?q=1", "")
			if a.status != 302 || a.header.Get("Location") != "/to/a/b?q=1" || a.header.Get("Cache-Control") != "max-age=3600" {
				s.t.Errorf("%d %v", a.status, a.header)
			}
			if a := s.get("GET", "http://parts.test/p/42", ""); a.status != 301 || a.header.Get("Location") != "/product/42" {
				s.t.Errorf("%d %v", a.status, a.header)
			}
			s.get("GET", "http://parts.test/p/x", "").want(s.t, 200, "r1")
		}},
	}
}

func backendCases() []proxyCase {
	return []proxyCase{
		{"what a client says about itself is not believed", func(s *caseSite) {
			s.get("GET", siteURL, "", func(req *http.Request) {
				req.Header.Set("X-Forwarded-For", "6.6.6.6")
				req.Header.Set("X-Client-IP", "6.6.6.6")
				req.Header.Set("X-Forwarded-Proto", "https")
			}).want(s.t, 200, "r1")
			h := s.seen.Load().Header
			if h.Get("X-Forwarded-For") != "127.0.0.1" || h.Get("X-Client-Ip") != "127.0.0.1" || h.Get("X-Forwarded-Proto") != "http" {
				s.t.Errorf("%v", h)
			}
		}},
		{"a backend that is not there is 502, and the next request tries again", func(s *caseSite) {
			mustPublish(s.t, s.r, s.publication("r2", "127.0.0.1:1"))
			s.get("GET", siteURL, "").want(s.t, 502, "does not respond")
			s.publish("r3")
			s.get("GET", siteURL, "").want(s.t, 200, "r3")
		}},
		{"an application that takes longer than its route allows is 504", func(s *caseSite) {
			p := s.publication("r2", realBackend(s.t, func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() }))
			p.Routes[0].Timeout = 50 * time.Millisecond
			mustPublish(s.t, s.r, p)
			s.get("GET", siteURL, "").want(s.t, 504, "did not respond in time")
		}},
		{"a large upload and a large answer pass through whole", func(s *caseSite) {
			large := strings.Repeat("0123456789abcdef", 1<<18) // 4 MiB
			mustPublish(s.t, s.r, s.publication("r2", realBackend(s.t, func(w http.ResponseWriter, req *http.Request) { _, _ = io.Copy(w, req.Body) })))
			if a := s.get("POST", siteURL, large); a.status != 200 || a.body != large {
				s.t.Errorf("%d, %d bytes of %d, %v", a.status, len(a.body), len(large), a.err)
			}
		}},
	}
}

func holdCases() []proxyCase {
	return []proxyCase{
		{"held requests of every method go to the new release, marked", func(s *caseSite) {
			s.hold(platform.Hold{})
			gets, posts := s.later(3, "GET", ""), s.later(3, "POST", "order")
			eventually(s.t, "all wait", func() bool { return s.r.Waiting() == 6 })
			report := s.publish("r2")
			for range 3 {
				get, post := <-gets, <-posts
				get.want(s.t, 200, "r2")
				post.want(s.t, 200, "r2")
				if get.header.Get(HeldHeader) == "" || post.header.Get("X-Body") != "order" {
					s.t.Errorf("%v %v", get.header, post.header)
				}
			}
			if report.Held != 6 {
				s.t.Errorf("%+v", report)
			}
		}},
		{"nothing of a held body is read before the release", func(s *caseSite) {
			s.hold(platform.Hold{})
			c, err := net.Dial("tcp", s.addr) //nolint:noctx // nothing to cancel
			if err != nil {
				s.t.Fatal(err)
			}
			defer func() { _ = c.Close() }()
			send(s.t, c, "POST / HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 100000000\r\n\r\n")
			eventually(s.t, "it waits", func() bool { return s.r.Waiting() == 1 })
			_ = c.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
			sent, err := io.Copy(c, zeros{}) // until the buffers of the two sockets are full
			if err == nil || sent > 64<<20 {
				s.t.Errorf("%d bytes were taken: %v", sent, err)
			}
		}},
		{"more than the limit: 503, Retry-After and a page, at once", func(s *caseSite) {
			s.hold(platform.Hold{MaxRequests: 2})
			waiting := s.later(2, "GET", "")
			a := s.get("GET", siteURL, "")
			a.want(s.t, 503, "many visitors are waiting")
			if a.header.Get("Retry-After") == "" {
				s.t.Errorf("%v", a.header)
			}
			a = s.get("POST", siteURL, "x", func(req *http.Request) { req.Header.Set("Accept", "application/json") })
			a.want(s.t, 503, `"status":503`)
			s.publish("r2")
			(<-waiting).want(s.t, 200, "r2")
		}},
		{"a deadline before data was touched sends everybody to the old release", func(s *caseSite) {
			s.hold(platform.Hold{MaxWait: 100 * time.Millisecond, OnDeadline: platform.ReleaseOld})
			s.get("GET", siteURL, "").want(s.t, 200, "r1")
		}},
		{"a deadline after it closes the site until somebody opens it", func(s *caseSite) {
			s.hold(platform.Hold{MaxWait: 100 * time.Millisecond, OnDeadline: platform.Maintain})
			s.get("GET", siteURL, "").want(s.t, 503, "right back")
			s.get("GET", siteURL, "").want(s.t, 503, "right back")
			s.publish("r2")
			s.get("GET", siteURL, "").want(s.t, 200, "r2")
		}},
	}
}

func handoverCases() []proxyCase {
	return []proxyCase{
		{"a client that leaves gives its place to the next", func(s *caseSite) {
			s.hold(platform.Hold{MaxRequests: 1})
			c, err := net.Dial("tcp", s.addr) //nolint:noctx // nothing to cancel
			if err != nil {
				s.t.Fatal(err)
			}
			send(s.t, c, "GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n")
			eventually(s.t, "it waits", func() bool { return s.r.Waiting() == 1 })
			_ = c.Close()
			eventually(s.t, "it is forgotten", func() bool { return s.r.Waiting() == 0 })
			next := s.later(1, "GET", "")
			s.publish("r2")
			(<-next).want(s.t, 200, "r2")
		}},
		{"a deployment during a hold keeps the waiters and their places", func(s *caseSite) {
			s.hold(platform.Hold{Activity: "a1"})
			waiting := s.later(2, "GET", "")
			s.hold(platform.Hold{Activity: "a2"})
			if s.r.Waiting() != 2 {
				s.t.Errorf("%d wait", s.r.Waiting())
			}
			s.publish("r3")
			(<-waiting).want(s.t, 200, "r3")
		}},
		{"requests under way are finished, then cut and counted", func(s *caseSite) {
			arrived := make(chan struct{}, 1)
			mustPublish(s.t, s.r, s.publication("slow", realBackend(s.t, func(_ http.ResponseWriter, req *http.Request) {
				arrived <- struct{}{}
				<-req.Context().Done()
			})))
			cut := make(chan answer, 1)
			go func() { cut <- s.get("GET", siteURL, "") }()
			<-arrived
			report, err := s.r.Hold(s.t.Context(), platform.Hold{Environment: testEnv, Activity: "a1", DrainTimeout: 100 * time.Millisecond})
			if err != nil || report.Cut != 1 {
				s.t.Errorf("%+v %v", report, err)
			}
			(<-cut).want(s.t, 503, "Please try again")
		}},
		{"redirects and the health check are answered while requests are held", func(s *caseSite) {
			s.hold(platform.Hold{})
			if a := s.get("GET", "http://www.shop.test/", ""); a.status != 301 {
				s.t.Errorf("%d", a.status)
			}
			if a := s.get("GET", siteURL+"health", ""); a.status != 200 || a.header.Get(StateHeader) != "held" {
				s.t.Errorf("%d %v", a.status, a.header)
			}
		}},
		{"a failed deployment sends everybody back to the old release", func(s *caseSite) {
			s.hold(platform.Hold{})
			waiting := s.later(2, "POST", "order")
			if _, err := s.r.Resume(s.t.Context(), testEnv); err != nil {
				s.t.Fatal(err)
			}
			(<-waiting).want(s.t, 200, "r1")
		}},
		{"an operator sees the new release before the visitors", func(s *caseSite) {
			link, err := s.r.Bypass(s.t.Context(), testEnv, 0)
			if err != nil {
				s.t.Fatal(err)
			}
			cookie, _, _ := strings.Cut(s.get("GET", siteURL+link.Path[1:], "").header.Get("Set-Cookie"), ";")
			s.hold(platform.Hold{})
			visitor := s.later(1, "GET", "")
			next := s.publication("r2", realBackend(s.t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "r2") }))
			if err := s.r.Offer(s.t.Context(), next); err != nil {
				s.t.Fatal(err)
			}
			s.get("GET", siteURL, "", func(req *http.Request) { req.Header.Set("Cookie", cookie) }).want(s.t, 200, "r2")
			if s.r.Waiting() != 1 {
				s.t.Errorf("%d wait", s.r.Waiting())
			}
			mustPublish(s.t, s.r, next)
			(<-visitor).want(s.t, 200, "r2")
		}},
	}
}

// zeros is an endless body.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// TestClientThatSendsItsHeaderSlowly is slowloris: a header has to be there in 10 s.
func TestClientThatSendsItsHeaderSlowly(t *testing.T) {
	inWorld(t, func(w *world) {
		w.backend("r1", nil)
		w.publish("r1")
		c, err := w.net.dial(w.t.Context(), "", "router:80")
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: shop.test\r\n")
			for { // one byte a second, for ever
				time.Sleep(time.Second)
				if _, err := io.WriteString(c, "X"); err != nil {
					return
				}
			}
		}()
		start := time.Now()
		said, _ := io.ReadAll(c) // until the connection is closed
		if took := time.Since(start); took < readHeaderTimeout || took > readHeaderTimeout+time.Second {
			t.Errorf("closed after %s", took)
		}
		if len(said) > 0 && !strings.HasPrefix(string(said), "HTTP/1.1 4") {
			t.Errorf("answered %q", said)
		}
		_ = c.Close()
		<-ended
	})
}

// TestIdleConnectionsAreClosed is what keeps clients that do nothing from staying.
func TestIdleConnectionsAreClosed(t *testing.T) {
	inWorld(t, func(w *world) {
		w.backend("r1", nil)
		w.publish("r1")
		c, err := w.net.dial(w.t.Context(), "", "router:80")
		if err != nil {
			t.Fatal(err)
		}
		go func() { _, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n") }()
		in := bufio.NewReader(c)
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		start := time.Now()
		_, err = in.ReadByte()
		if took := time.Since(start); !errors.Is(err, io.EOF) || took != idleClientTimeout {
			t.Errorf("%v after %s", err, took)
		}
		_ = c.Close()
	})
}

// TestHeldRequestHasNoDeadlineButTheHolds waits for longer than any limit on a header.
func TestHeldRequestHasNoDeadlineButTheHolds(t *testing.T) {
	inWorld(t, func(w *world) {
		w.backend("r1", nil)
		w.publish("r1")
		w.hold(platform.Hold{MaxWait: 290 * time.Second})
		answers := w.start(1, http.MethodPost)
		time.Sleep(289 * time.Second)
		synctest.Wait()
		if w.status().Waiting != 1 {
			t.Fatal("it does not wait any more")
		}
		a := <-answers
		if a.status != http.StatusOK || a.took != 290*time.Second || a.header.Get(HeldHeader) != "290000" {
			t.Errorf("%d after %s, held %q", a.status, a.took, a.header.Get(HeldHeader))
		}
	})
}

// TestApplicationIsGivenItsTime is the default and a route's own limit, to the second.
func TestApplicationIsGivenItsTime(t *testing.T) {
	for _, own := range []time.Duration{0, 7 * time.Second} {
		inWorld(t, func(w *world) {
			w.backend("r1", func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() })
			p := publication("r1")
			p.Routes[0].Timeout = own
			if _, err := w.router.Publish(context.WithoutCancel(w.t.Context()), p); err != nil {
				t.Fatal(err)
			}
			a := w.get("/")
			least, most := own, own
			if own == 0 {
				least, most = platform.DefaultTimeout, platform.DefaultTimeout+platform.DefaultTimeout/10
			}
			if a.status != http.StatusGatewayTimeout || a.took < least || a.took > most {
				t.Errorf("%d after %s", a.status, a.took)
			}
		})
	}
}
