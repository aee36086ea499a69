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
		if !front.Watch(req.Context(), nil) {
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
		return st.Waiting == n
	})
}

func (s *heldSite) dial() (net.Conn, *bufio.Reader) {
	s.t.Helper()
	c, err := (&net.Dialer{}).DialContext(s.t.Context(), "tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(5 * time.Minute))
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

func TestHeldRequestsGoOnAsTheyWere(t *testing.T) {
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

func TestConnectionOfAHeldRequestIsKept(t *testing.T) {
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
	if n := s.full.Load(); n != 0 {
		t.Errorf("%d requests were read by net/http", n)
	}
}

func TestClientOfAHeldRequestLeaves(t *testing.T) {
	t.Parallel()
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

func TestHeldRequestIsTurnedAway(t *testing.T) {
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

func TestHeldUpgradePassesThrough(t *testing.T) {
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

// TestShutdownWaitsForHeldRequests: the process ends, and requests that wait are answered
// first.
func TestShutdownWaitsForHeldRequests(t *testing.T) {
	s := newHeldSite(t)
	c, in := s.dial()
	send(t, c, "GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n")
	s.waiting(1)
	ended := make(chan error, 1)
	go func() { ended <- s.sites.Shutdown(t.Context()) }()
	eventually(t, "nobody else is served", func() bool {
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.addr)
		if err == nil {
			_ = c.Close()
		}
		return err != nil
	})
	select {
	case err := <-ended:
		t.Fatal("shut down while a request waits: ", err)
	default:
	}
	mustPublish(t, s.r, to("r2", s.backend("r2")))
	if status, held, body := s.read(in); status != http.StatusOK || held == "" || body != `r2: GET / http "" ` {
		t.Errorf("%d held %q: %s", status, held, body)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
