package edge

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/internal/platform"
)

// timedSite publishes a release whose route gives the application ten seconds.
func (w *world) timedSite(h http.HandlerFunc) {
	w.t.Helper()
	w.backend("r1", h)
	p := publication("r1")
	p.Routes[0].Timeout = 10 * time.Second
	if _, err := w.router.Publish(context.WithoutCancel(w.t.Context()), p); err != nil {
		w.t.Fatal(err)
	}
}

// slowly sends a request whose body of five bytes takes 5 times the pause, and returns the
// status and when it came.
func (w *world) slowly(framing string, chunk func(i int) string, pause time.Duration) (status int, after time.Duration) {
	w.t.Helper()
	c, err := w.net.dial(w.t.Context(), "", "router:80")
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	start := time.Now()
	go func() {
		_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: shop.test\r\n"+framing+"\r\n\r\n")
		for i := range 5 {
			time.Sleep(pause)
			if _, err := io.WriteString(c, chunk(i)); err != nil {
				return
			}
		}
	}()
	resp, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: http.MethodPost})
	if err != nil {
		w.t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode, time.Since(start)
}

// TestTheClientsTimeIsNotTheApplications: an upload over a slow line may take longer than
// an answer, which is waited for from the body's end on.
func TestTheClientsTimeIsNotTheApplications(t *testing.T) {
	framings := map[string]func(i int) string{
		"Content-Length: 5": func(int) string { return "x" },
		"Transfer-Encoding: chunked": func(i int) string {
			if i == 4 {
				return "1\r\nx\r\n0\r\n\r\n"
			}
			return "1\r\nx\r\n"
		},
	}
	tests := []struct {
		name   string
		pause  time.Duration
		handle http.HandlerFunc
		status int
		after  time.Duration
	}{
		{"slow client", 8 * time.Second, func(_ http.ResponseWriter, req *http.Request) { _, _ = io.Copy(io.Discard, req.Body) }, 200, 40 * time.Second},
		{"very slow client", time.Hour, func(_ http.ResponseWriter, req *http.Request) { _, _ = io.Copy(io.Discard, req.Body) }, 200, 5 * time.Hour},
		{"slow client, then a slow application", 8 * time.Second, func(_ http.ResponseWriter, req *http.Request) {
			_, _ = io.Copy(io.Discard, req.Body)
			time.Sleep(9 * time.Second)
		}, 200, 49 * time.Second},
		{"slow client, then an application that hangs", 8 * time.Second, func(_ http.ResponseWriter, req *http.Request) {
			_, _ = io.Copy(io.Discard, req.Body)
			<-req.Context().Done()
		}, 504, 50 * time.Second},
	}
	for framing, chunk := range framings {
		for _, tt := range tests {
			t.Run(framing+", "+tt.name, func(t *testing.T) {
				inWorld(t, func(w *world) {
					w.timedSite(tt.handle)
					if status, after := w.slowly(framing, chunk, tt.pause); status != tt.status || after != tt.after {
						t.Errorf("%d after %s, want %d after %s", status, after, tt.status, tt.after)
					}
				})
			})
		}
	}
}

// TestApplicationThatDoesNotReadIsNotWaitedFor: the client has sent its body long ago.
func TestApplicationThatDoesNotReadIsNotWaitedFor(t *testing.T) {
	inWorld(t, func(w *world) {
		hangs := make(chan struct{})
		defer time.Sleep(time.Second) // net/http lingers
		defer close(hangs)
		w.timedSite(func(http.ResponseWriter, *http.Request) { <-hangs })
		large := func(int) string { return strings.Repeat("x", 100_000) }
		if status, after := w.slowly("Content-Length: 500000", large, 0); status != http.StatusGatewayTimeout || after != 10*time.Second {
			t.Errorf("%d after %s", status, after)
		}
	})
}

// TestTrailersSayNothingThatTheRouterSays: who asks, for what, and how long the body is.
func TestTrailersSayNothingThatTheRouterSays(t *testing.T) {
	onBoth(t, func(t *testing.T, start starter) {
		t.Helper()
		seen := make(chan []string, 1)
		r, addr := start(t, Options{})
		mustPublish(t, r, to("r1", realBackend(t, func(_ http.ResponseWriter, req *http.Request) {
			_, _ = io.Copy(io.Discard, req.Body)
			names := make([]string, 0, len(req.Trailer))
			for name := range req.Trailer {
				names = append(names, name)
			}
			slices.Sort(names)
			seen <- names
		})))
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		names := []string{"X-Sum", "X-Client-Ip", "X-Forwarded-For", "X-Original-Route", "Authorization", "Cookie", "Host", "Content-Encoding", "X-Client-Verify"}
		var fields strings.Builder
		for _, name := range names {
			fields.WriteString(name + ": evil\r\n")
		}
		send(t, c, "POST / HTTP/1.1\r\nHost: shop.test\r\nTrailer: "+strings.Join(names, ", ")+"\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"+fields.String()+"\r\n")
		if got := <-seen; !slices.Equal(got, []string{"X-Sum"}) {
			t.Errorf("the application got the trailers %v", got)
		}
	})
}

// TestCutRequestsAreNotAskedForAgain: a program that reads Retry-After must not order twice.
func TestCutRequestsAreNotAskedForAgain(t *testing.T) {
	for method, again := range map[string]string{http.MethodGet: "10", http.MethodPost: ""} {
		inWorld(t, func(w *world) {
			w.backend("r1", func(_ http.ResponseWriter, req *http.Request) {
				_, _ = io.Copy(io.Discard, req.Body)
				<-req.Context().Done()
			})
			w.publish("r1")
			under := w.start(1, method)
			if report := w.hold(platform.Hold{}); report.Cut != 1 {
				t.Errorf("%+v", report)
			}
			if a := <-under; a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") != again {
				t.Errorf("%s: %d, again after %q", method, a.status, a.header.Get("Retry-After"))
			}
		})
	}
}
