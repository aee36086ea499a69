package front

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// eventually waits for a condition that another goroutine makes true.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Minute); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("never: " + what)
		}
	}
}

// later looks at all connections as if a time had passed.
func (s *Server) later(by time.Duration) {
	now := time.Now().Add(by).UnixNano()
	for _, c := range s.list(nil) {
		c.check(now)
	}
	s.guard.check(now)
}

// blocked reports whether a handler waits for its client.
func (s *Server) blocked() bool {
	for _, c := range s.list(nil) {
		if h := c.http2.Load(); h != nil && h.Waits() || c.readingSince.Load() != 0 || c.writingSince.Load() != 0 {
			return true
		}
	}
	s.guard.mu.Lock()
	defer s.guard.mu.Unlock()
	for p := range s.guard.active {
		if p.readingSince.Load() != 0 || p.writingSince.Load() != 0 {
			return true
		}
	}
	return false
}

func TestClientsThatStallAreCutOff(t *testing.T) {
	const host = " HTTP/1.1\r\nHost: a\r\n"
	for _, tt := range []struct{ name, request string }{
		{"response is not read", "GET /write" + host + "\r\n"},
		{"response of net/http is not read", "GET /write HTTP/1.0\r\n\r\n"},
		{"body stops", "POST /read" + host + "Content-Length: 100\r\n\r\na"},
		{"body that net/http reads stops", "POST /read HTTP/1.0\r\nContent-Length: 100\r\n\r\na"},
		{"chunk stops", "POST /read" + host + "Transfer-Encoding: chunked\r\n\r\n5\r\nhe"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ended := make(chan error, 1)
			s, addr := started(t, func(w http.ResponseWriter, req *http.Request) {
				var err error
				if req.URL.Path == "/read" {
					_, err = io.Copy(io.Discard, req.Body)
				}
				for piece := strings.Repeat("x", 1<<20); err == nil; {
					_, err = io.WriteString(w, piece)
				}
				ended <- err
			}, nil)
			c, _ := dial(t, addr)
			say(t, c, tt.request)
			eventually(t, "the handler waits", func() bool {
				if !s.blocked() {
					return false
				}
				time.Sleep(20 * time.Millisecond) // room in buffers of the system
				return s.blocked()
			})
			s.later(maxStall / 2)
			if len(ended) > 0 {
				t.Error("cut off too early")
			}
			s.later(2 * maxStall)
			if err := <-ended; err == nil {
				t.Error("no error")
			}
		})
	}
}

// TestHTTP2ClientsThatStallAreCutOff: their windows are closed, and the connection is not.
func TestHTTP2ClientsThatStallAreCutOff(t *testing.T) {
	ended := make(chan error, 1)
	begun := make(chan struct{})
	certificate := httptest.NewUnstartedServer(nil)
	certificate.EnableHTTP2 = true
	certificate.StartTLS()
	t.Cleanup(certificate.Close)
	s, addr := startedTLS(t, func(w http.ResponseWriter, req *http.Request) {
		if req.ProtoMajor != 2 {
			t.Error(req.Proto)
		}
		var err error
		for piece := strings.Repeat("x", 1<<20); err == nil; {
			_, err = io.WriteString(w, piece)
		}
		ended <- err
	}, certificate.TLS)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+addr+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	client := certificate.Client()
	go func() {
		resp, err := client.Do(req)
		close(begun)
		if err == nil {
			<-t.Context().Done() // nothing of the body is read
			_ = resp.Body.Close()
		}
	}()
	<-begun
	eventually(t, "the handler waits", func() bool {
		if !s.blocked() {
			return false
		}
		time.Sleep(20 * time.Millisecond)
		return s.blocked()
	})
	s.later(2 * maxStall)
	if err := <-ended; err == nil {
		t.Error("no error")
	}
}

// startedTLS is started with TLS.
func startedTLS(t *testing.T, h http.HandlerFunc, config *tls.Config) (*Server, string) {
	t.Helper()
	s, _ := started(t, h, nil)
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(tls.NewListener(l, config)) }()
	t.Cleanup(func() {
		_ = s.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return s, l.Addr().String()
}

// from is a connection of an address.
type from struct {
	net.Conn
	addr string
}

func (f *from) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(f.addr)) }

func TestConnectionsAreCounted(t *testing.T) {
	c := counter{limits: Limits{Connections: 8, PerAddress: 2, Exempt: func(a netip.Addr) bool { return a == netip.MustParseAddr("192.0.2.9") }}}
	var open []net.Conn
	add := func(addr string, want bool) {
		t.Helper()
		conn := &from{addr: addr}
		if got := c.add(conn); got != want {
			t.Errorf("%s: %v", addr, got)
		} else if got {
			open = append(open, conn)
		}
	}
	add("192.0.2.1:1", true)
	add("192.0.2.1:2", true)
	add("192.0.2.1:3", false)
	add("[::ffff:192.0.2.1]:4", false)
	add("192.0.2.2:1", true)
	add("[2001:db8::1]:1", true)
	add("[2001:db8::2]:1", true)
	add("[2001:db8::3]:1", false) // of the same /64
	add("192.0.2.9:1", true)
	add("192.0.2.9:2", true)
	add("192.0.2.9:3", true)  // exempt
	add("192.0.2.3:1", false) // 8 are open
	c.done(open[0])
	c.done(open[0])
	add("192.0.2.3:1", true)
	add("192.0.2.1:5", false)
	for _, conn := range open {
		c.done(conn)
	}
	if len(c.from) != 0 || len(c.conns) != 0 || c.over != 5 {
		t.Errorf("%+v", &c)
	}
	for n := range 3 {
		if !(&counter{}).add(&from{addr: "192.0.2.1:1"}) {
			t.Errorf("%d: without limits", n)
		}
	}
}

// TestConnectionsAreCountedUntilTheyClose, whichever server reads them.
func TestConnectionsAreCountedUntilTheyClose(t *testing.T) {
	s, addr := started(t, func(http.ResponseWriter, *http.Request) {}, nil)
	s.Limit(Limits{Connections: 2})
	open := func() int {
		s.count.mu.Lock()
		defer s.count.mu.Unlock()
		return len(s.count.conns)
	}
	ours, in := dial(t, addr)
	say(t, ours, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	hear(t, in, "GET")
	theirs, _ := dial(t, addr)
	say(t, theirs, "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe")
	eventually(t, "two are open", func() bool { return open() == 2 })
	refused, in := dial(t, addr)
	if _, err := in.ReadByte(); err == nil {
		t.Error("a third connection was served")
	}
	_ = refused.Close()
	_ = ours.Close()
	_ = theirs.Close()
	eventually(t, "none is open", func() bool { return open() == 0 })
}
