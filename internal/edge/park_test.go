package edge

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice/internal/edge/front"
	"sluice/internal/platform"
)

// heldSite is a router on sockets whose environment is held.
type heldSite struct {
	t    *testing.T
	r    *Router
	addr string
	log  bytes.Buffer
	end  func() error // of the access log
	full atomic.Int64 // requests that were read by net/http

	handler http.Handler
	sites   *front.Server
}

// newHeldSite serves what the backend saw of a request: method, path, protocol and body.
func newHeldSite(t *testing.T) *heldSite {
	t.Helper()
	r, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Finish)
	s := &heldSite{t: t, r: r}
	log := NewAccessLog(&s.log)
	s.end = sync.OnceValue(log.Close)
	t.Cleanup(func() { _ = s.end() })
	logged := log.Wrap(r)
	s.handler = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if front.Of(req.Context()) == nil {
			s.full.Add(1)
		}
		logged.ServeHTTP(w, req)
	})
	s.sites = NewFront(NewServer(s.handler, slog.New(slog.DiscardHandler)), slog.New(slog.DiscardHandler))
	s.addr = listenOn(t, s.sites)
	mustPublish(t, r, to("r1", s.backend("r1")))
	s.hold("a1")
	return s
}

func (s *heldSite) backend(release string) string {
	return realBackend(s.t, func(w http.ResponseWriter, req *http.Request) {
		if req.Header.Get("Upgrade") != "" {
			c, rw, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			defer func() { _ = c.Close() }()
			_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
			_, _ = io.Copy(c, rw)
			return
		}
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		_, _ = fmt.Fprintf(w, "%s: %s %s %s %q %s", release, req.Method, req.RequestURI, req.Header.Get("X-Forwarded-Proto"), body, strings.Join(req.Header["X-Many"], "+"))
	})
}

func (s *heldSite) hold(activity string) {
	s.t.Helper()
	if _, err := s.r.Hold(s.t.Context(), platform.Hold{Environment: testEnv, Activity: activity}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *heldSite) waiting(n int) {
	s.t.Helper()
	eventually(s.t, fmt.Sprint(n, " wait"), func() bool {
		st, _ := s.r.Status(testEnv)
		parked := 0
		for _, l := range s.r.allLots() {
			l.mu.Lock()
			parked += len(l.waiting)
			l.mu.Unlock()
		}
		return st.Waiting == n && parked == n
	})
}

func (s *heldSite) dial() (net.Conn, *bufio.Reader) {
	s.t.Helper()
	c, err := (&net.Dialer{}).DialContext(s.t.Context(), "tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	return c, bufio.NewReader(c)
}

func (s *heldSite) read(in *bufio.Reader) (status int, held, body string) {
	s.t.Helper()
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	b, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, resp.Header.Get(HeldHeader), string(b)
}

func TestParkedRequestsAreReadAgain(t *testing.T) {
	tests := []struct {
		name       string
		now, later string // what is sent before and after the release
		want       string
	}{
		{"get", "GET /a%2Fb?x=1;y HTTP/1.1\r\nHost: shop.test\r\nX-Many: 1\r\nX-Many: 2\r\n\r\n", "", `r2: GET /a%2Fb?x=1;y http "" 1+2`},
		{"http/1.0", "GET /old HTTP/1.0\r\nHost: shop.test\r\n\r\n", "", `r2: GET /old http "" `},
		{"body at once", "POST /o HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 5\r\n\r\nhello", "", `r2: POST /o http "hello" `},
		{"body in two parts", "PUT /o HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 5\r\n\r\nhe", "llo", `r2: PUT /o http "hello" `},
		{"body later", "PATCH /o HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 5\r\n\r\n", "hello", `r2: PATCH /o http "hello" `},
		{"chunked", "POST /o HTTP/1.1\r\nHost: shop.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n", "2\r\nlo\r\n0\r\n\r\n", `r2: POST /o http "hello" `},
		{"absolute form", "DELETE http://shop.test/x HTTP/1.1\r\nHost: shop.test\r\n\r\n", "", `r2: DELETE /x http "" `},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newHeldSite(t)
			c, in := s.dial()
			send(t, c, tt.now)
			s.waiting(1)
			mustPublish(t, s.r, to("r2", s.backend("r2")))
			send(t, c, tt.later)
			if status, held, body := s.read(in); status != http.StatusOK || held == "" || body != tt.want {
				t.Errorf("%d held %q: %s", status, held, body)
			}
			if s.r.Waiting() != 0 {
				t.Error("it still waits")
			}
			_ = s.end()
			if lines := strings.Count(s.log.String(), "\n"); lines != 1 || !strings.Contains(s.log.String(), `"status":200`) {
				t.Errorf("logged %s", s.log.String())
			}
		})
	}
}

func TestConnectionOfAParkedRequestIsKept(t *testing.T) {
	s := newHeldSite(t)
	c, in := s.dial()
	// The second request is there before the first is answered.
	send(t, c, "POST /1 HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 3\r\n\r\noneGET /2 HTTP/1.1\r\nHost: shop.test\r\n\r\n")
	s.waiting(1)
	mustPublish(t, s.r, to("r2", s.backend("r2")))
	if _, held, body := s.read(in); held == "" || body != `r2: POST /1 http "one" ` {
		t.Errorf("held %q: %s", held, body)
	}
	if _, held, body := s.read(in); held != "" || body != `r2: GET /2 http "" ` {
		t.Errorf("held %q: %s", held, body)
	}
	s.hold("a2")
	send(t, c, "GET /3 HTTP/1.1\r\nHost: shop.test\r\n\r\n")
	s.waiting(1)
	mustPublish(t, s.r, to("r3", s.backend("r3")))
	if _, held, body := s.read(in); held == "" || body != `r3: GET /3 http "" ` {
		t.Errorf("held %q: %s", held, body)
	}
	if len(s.r.allLots()) != 1 {
		t.Errorf("%d lots for one server", len(s.r.allLots()))
	}
	if n := s.full.Load(); n != 0 {
		t.Errorf("%d requests were read by net/http", n)
	}
}

// TestParkedConnectionKeepsNoRelease: it may stay open for longer than many releases.
func TestParkedConnectionKeepsNoRelease(t *testing.T) {
	s := newHeldSite(t)
	c, in := s.dial()
	send(t, c, "GET /1 HTTP/1.1\r\nHost: shop.test\r\n\r\n")
	s.waiting(1)
	mustPublish(t, s.r, to("r2", s.backend("r2")))
	s.read(in)
	freed := make(chan struct{})
	runtime.AddCleanup(s.r.known(testEnv).serving(), func(done chan struct{}) { close(done) }, freed)
	mustPublish(t, s.r, to("r3", s.backend("r3")))
	eventually(t, "the release is forgotten", func() bool {
		runtime.GC()
		select {
		case <-freed:
			return true
		default:
			return false
		}
	})
	send(t, c, "GET /2 HTTP/1.1\r\nHost: shop.test\r\n\r\n")
	if _, _, body := s.read(in); body != `r3: GET /2 http "" ` {
		t.Error(body)
	}
}

// TestParkedRequestThatCannotBeReadAgain is under way no more: no drain waits for it.
func TestParkedRequestThatCannotBeReadAgain(t *testing.T) {
	s := newHeldSite(t)
	c, in := s.dial()
	send(t, c, "GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n")
	s.waiting(1)
	for _, l := range s.r.allLots() {
		l.mu.Lock()
		for p := range l.waiting {
			p.again = []byte("SSH-2.0\r\n\r\n")
		}
		l.mu.Unlock()
	}
	mustPublish(t, s.r, to("r2", s.backend("r2")))
	if status, _, _ := s.read(in); status != http.StatusBadRequest {
		t.Error(status)
	}
	eventually(t, "nothing is under way", func() bool { st, _ := s.r.Status(testEnv); return st.InFlight == 0 })
}

func TestParkedRequestsNeedNoGoroutine(t *testing.T) {
	const n = 300
	s := newHeldSite(t)
	before := runtime.NumGoroutine()
	for range n {
		c, _ := s.dial()
		send(t, c, "GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n")
	}
	s.waiting(n)
	eventually(t, "their goroutines end", func() bool { return runtime.NumGoroutine() < before+n/10 })
}

func TestClientOfAParkedRequestLeaves(t *testing.T) {
	s := newHeldSite(t)
	for _, request := range []string{
		"GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 5\r\n\r\n",
	} {
		c, _ := s.dial()
		send(t, c, request)
		s.waiting(1)
		_ = c.Close()
		s.waiting(0)
	}
	if report := mustPublish(t, s.r, to("r2", s.backend("r2"))); report.Left != 2 || report.Held != 0 {
		t.Errorf("%+v", report)
	}
}

func TestParkedRequestIsTurnedAway(t *testing.T) {
	s := newHeldSite(t)
	c, in := s.dial()
	send(t, c, "GET / HTTP/1.1\r\nHost: shop.test\r\nAccept: application/json\r\n\r\n")
	s.waiting(1)
	if _, err := s.r.Close(t.Context(), testEnv, "later"); err != nil {
		t.Fatal(err)
	}
	if status, _, body := s.read(in); status != http.StatusServiceUnavailable || !strings.Contains(body, `"detail":"later"`) {
		t.Errorf("%d %s", status, body)
	}
}

func TestParkedUpgradePassesThrough(t *testing.T) {
	s := newHeldSite(t)
	c, in := s.dial()
	send(t, c, "GET /ws HTTP/1.1\r\nHost: shop.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
	s.waiting(1)
	mustPublish(t, s.r, to("r2", s.backend("r2")))
	resp, err := http.ReadResponse(in, nil) //nolint:bodyclose // a 101 has none
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%v %v", resp, err)
	}
	send(t, c, "ping\n")
	if line, err := in.ReadString('\n'); line != "ping\n" {
		t.Errorf("echo %q %v", line, err)
	}
	if st, _ := s.r.Status(testEnv); st.LongLived != 1 || st.InFlight != 0 {
		t.Errorf("%+v", st)
	}
}

func TestHeldRequestThatExpectsContinue(t *testing.T) {
	s := newHeldSite(t)
	c, in := s.dial()
	send(t, c, "POST /o HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
	s.waiting(1)
	mustPublish(t, s.r, to("r2", s.backend("r2")))
	if line, err := in.ReadString('\n'); !strings.HasPrefix(line, "HTTP/1.1 100") {
		t.Fatalf("%q %v", line, err)
	}
	_, _ = in.ReadString('\n')
	send(t, c, "hello")
	if status, _, body := s.read(in); status != http.StatusOK || body != `r2: POST /o http "hello" ` {
		t.Errorf("%d %s", status, body)
	}
}

func TestHeldRequestsOverTLS(t *testing.T) {
	for _, protocol := range []string{"http/1.1", "h2", "front"} {
		t.Run(protocol, func(t *testing.T) {
			s := newHeldSite(t)
			srv := httptest.NewUnstartedServer(nil)
			srv.Config = NewServer(s.handler, slog.New(slog.DiscardHandler))
			srv.EnableHTTP2 = protocol == "h2"
			srv.StartTLS()
			t.Cleanup(srv.Close)
			client, site := srv.Client(), srv.URL
			if protocol == "front" {
				f := NewFront(NewServer(s.handler, slog.New(slog.DiscardHandler)), slog.New(slog.DiscardHandler))
				site = "https://" + listenOn(t, overTLS{f, srv.TLS})
			}
			answers := make(chan string, 2)
			get := func(path string) {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, site+path, nil)
				if err != nil {
					t.Error(err)
				}
				req.Host = "shop.test"
				resp, err := client.Do(req)
				if err != nil {
					answers <- err.Error()
					return
				}
				b, _ := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				answers <- fmt.Sprint(resp.ProtoMajor, " ", string(b))
			}
			go get("/1")
			eventually(t, "it waits", func() bool { return s.r.Waiting() == 1 })
			mustPublish(t, s.r, to("r2", s.backend("r2")))
			major := map[string]string{"http/1.1": "1", "h2": "2", "front": "1"}[protocol]
			if got := <-answers; got != major+` r2: GET /1 https "" ` {
				t.Errorf("got %s", got)
			}
			get("/2") // on the same connection
			if got := <-answers; got != major+` r2: GET /2 https "" ` {
				t.Errorf("then %s", got)
			}
			if n := s.full.Load(); protocol == "front" && n != 0 {
				t.Errorf("%d requests were read by net/http", n)
			}
		})
	}
}

// overTLS is a server whose listeners speak TLS.
type overTLS struct {
	server
	config *tls.Config
}

func (s overTLS) Serve(l net.Listener) error { return s.server.Serve(tls.NewListener(l, s.config)) }

func TestSettleWaitsForWhatIsParked(t *testing.T) {
	s := newHeldSite(t)
	c, in := s.dial()
	send(t, c, "GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n")
	eventually(t, "the request is parked", func() bool {
		lots := s.r.allLots()
		return len(lots) == 1 && !lots[0].idle()
	})
	settled := make(chan bool, 1)
	go func() { settled <- s.r.Settle(t.Context()) }()
	mustPublish(t, s.r, to("r2", s.backend("r2")))
	if status, _, _ := s.read(in); status != http.StatusOK {
		t.Error(status)
	}
	if !<-settled {
		t.Error("not settled")
	}
}

// TestParkedRequestOutlastsItsServer: the process ends, and who waits is answered first.
func TestParkedRequestOutlastsItsServer(t *testing.T) {
	s := newHeldSite(t)
	c, in := s.dial()
	send(t, c, "GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n")
	s.waiting(1)
	if err := s.sites.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustPublish(t, s.r, to("r2", s.backend("r2")))
	if status, held, body := s.read(in); status != http.StatusOK || held == "" || body != `r2: GET / http "" ` {
		t.Errorf("%d held %q: %s", status, held, body)
	}
	_ = c.Close()
	if !s.r.Settle(t.Context()) {
		t.Error("not settled")
	}
}
