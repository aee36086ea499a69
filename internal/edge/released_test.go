package edge

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/platform"
)

// TestEveryReleasedAnswerSaysThatItWaited, whoever made it: what became of a request that
// waited must be seen in its answer.
func TestEveryReleasedAnswerSaysThatItWaited(t *testing.T) {
	publish := func(change func(p *platform.Publication)) func(w *world) error {
		return func(w *world) error {
			p := publication("r2")
			change(&p)
			_, err := w.router.Publish(context.WithoutCancel(w.t.Context()), p)
			return err
		}
	}
	answers := func(status int) http.HandlerFunc {
		return func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(status) }
	}
	tests := []struct {
		name    string
		backend http.HandlerFunc // of the new release; nil for one that is not there
		end     func(w *world) error
		status  int
	}{
		{"answered", answers(200), publish(func(*platform.Publication) {}), 200},
		{"an error of the application", answers(500), publish(func(*platform.Publication) {}), 500},
		{"an application that is overloaded", answers(503), publish(func(*platform.Publication) {}), 503},
		{"no application", nil, publish(func(*platform.Publication) {}), 502},
		{"an application that hangs up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, publish(func(*platform.Publication) {}), 502},
		{"an application that takes too long", func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() }, publish(func(p *platform.Publication) {
			p.Routes[0].Timeout = time.Second
		}), 504},
		{"no such route any more", answers(200), publish(func(p *platform.Publication) { p.Routes[0].URL = siteURL + "only/" }), 404},
		{"a redirect now", answers(200), publish(func(p *platform.Publication) {
			p.Routes[0].Redirects = []platform.PartialRedirect{{Path: "/", To: "/new", Code: 302}}
		}), 302},
		{"only https now", answers(200), publish(func(p *platform.Publication) { p.Routes[0].URL = "https://shop.test/" }), 301},
		{"a certificate is asked for now", answers(200), publish(func(p *platform.Publication) {
			p.Routes[0].TLS.ClientAuth = platform.ClientAuthRequire
		}), 403},
		{"answered from the cache", func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Cache-Control", "max-age=60")
			_, _ = io.WriteString(rw, "x")
		}, publish(func(p *platform.Publication) { p.Routes[0].Cache = platform.RouteCache{Enabled: true} }), 200},
		{"with includes", func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(rw, `a<!--#include virtual="/b" -->`)
		}, publish(func(p *platform.Publication) { p.Routes[0].SSI = true }), 200},
		{"the old release", nil, func(w *world) error { _, err := w.router.Resume(w.t.Context(), testEnv); return err }, 200},
		{"maintenance", nil, func(w *world) error { _, err := w.router.Close(w.t.Context(), testEnv, ""); return err }, 503},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.backend("r1", nil)
				if tt.backend != nil {
					w.backend("r2", tt.backend)
				}
				w.publish("r1")
				w.hold(platform.Hold{})
				waiting := w.start(3, http.MethodGet)
				time.Sleep(7 * time.Second)
				if err := tt.end(w); err != nil {
					t.Fatal(err)
				}
				for range 3 {
					if a := <-waiting; a.err != nil || a.status != tt.status || a.header.Get(HeldHeader) != "7000" {
						t.Errorf("%d held %q %v, want %d", a.status, a.header.Get(HeldHeader), a.err, tt.status)
					}
				}
			})
		})
	}
}

// TestCountersSumUp: whoever waited went on, was turned away or left, and is counted once.
func TestCountersSumUp(t *testing.T) {
	inWorld(t, func(w *world) {
		w.backend("r1", nil)
		w.backend("r2", func(rw http.ResponseWriter, _ *http.Request) {
			time.Sleep(time.Second)
			_, _ = io.WriteString(rw, "r2")
		})
		w.publish("r1")
		w.hold(platform.Hold{Activity: "a1", MaxRequests: 100})
		leavers := func(n int) (leave func()) {
			ctx, cancel := context.WithCancelCause(w.t.Context())
			left := make(chan answer, n)
			for range n {
				req := w.request(ctx, http.MethodGet, "/", nil)
				go func() { left <- w.do(req) }()
			}
			synctest.Wait()
			return func() {
				cancel(errors.New("closed the tab"))
				for range n {
					<-left
				}
			}
		}
		leaveWaiting, leaveLetGo := leavers(5), leavers(15) // the first in the queue
		others := w.start(110, http.MethodPost)
		leaveWaiting()
		time.Sleep(3 * time.Second) // until it is noticed
		w.publish("r2")
		leaveLetGo()
		w.hold(platform.Hold{Activity: "a2"}) // in the middle of the release
		w.publish("r2")
		time.Sleep(500 * time.Millisecond)
		if _, err := w.router.Close(context.WithoutCancel(w.t.Context()), testEnv, ""); err != nil {
			t.Fatal(err)
		}
		statuses := map[int]int{}
		for range 110 {
			statuses[(<-others).status]++
		}
		synctest.Wait()
		m, waits := &w.router.gates, w.router.gates.Waits.Count()
		held, refused, away, gone := m.Held.Load(), m.Refused.Load(), m.TimedOut.Load(), m.Left.Load()
		if held != waits+away+gone || held < 100 || waits == 0 || away == 0 || gone < 5 { // some waited twice
			t.Errorf("%d waited: %d went on, %d were turned away, %d left", held, waits, away, gone)
		}
		if refused != 30 || int64(statuses[503]) != refused+away || int64(statuses[200]) > waits {
			t.Errorf("%d refused, visitors saw %v", refused, statuses)
		}
		if s := w.status(); s.Waiting != 0 || s.InFlight != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// TestHeldRequestsAreCountedOnce is the same for requests without a goroutine.
func TestHeldRequestsAreCountedOnce(t *testing.T) {
	t.Parallel()
	s := newHeldSite(t)
	const n = 12
	conns := make([]net.Conn, 0, n)
	for range n {
		c, _ := s.dial()
		send(t, c, "GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n")
		conns = append(conns, c)
	}
	s.waiting(n)
	for _, c := range conns[:3] {
		_ = c.Close()
	}
	s.waiting(n - 3)
	for _, c := range conns[3:5] { // they are let go before anybody has looked whether they are there
		_ = c.Close()
	}
	report := mustPublish(t, s.r, to("r2", s.backend("r2")))
	m := &s.r.gates
	eventually(t, "all is counted", func() bool {
		return m.Held.Load() == n && m.Waits.Count()+m.Left.Load() == n
	})
	if left := m.Left.Load(); left != 5 || report.Held > n-3 || report.Left < 3 {
		t.Errorf("%d left, %+v", left, report)
	}
}

// TestNothingIsAskedForBeforeTheRelease: a client that asks whether to send its body is
// not told so while its request waits.
func TestNothingIsAskedForBeforeTheRelease(t *testing.T) {
	s := newHeldSite(t)
	c, in := s.dial()
	send(t, c, "POST /o HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
	s.waiting(1)
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	if n, err := in.ReadByte(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%q came before the release: %v", n, err)
	}
	_ = c.SetReadDeadline(time.Time{})
	mustPublish(t, s.r, to("r2", s.backend("r2")))
	if line, err := in.ReadString('\n'); !strings.HasPrefix(line, "HTTP/1.1 100") {
		t.Errorf("%q %v", line, err)
	}
}
