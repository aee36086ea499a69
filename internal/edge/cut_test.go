package edge

import (
	"bufio"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"sluice/internal/platform"
)

// TestCutEndsAnAnswerThatNobodyReads: a client that takes nothing must not keep every
// deployment waiting.
func TestCutEndsAnAnswerThatNobodyReads(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, start starter) {
		t.Helper()
		r, addr := start(t, Options{})
		mustPublish(t, r, to("r1", realBackend(t, func(w http.ResponseWriter, _ *http.Request) {
			piece := strings.Repeat("x", 64<<10)
			for {
				if _, err := io.WriteString(w, piece); err != nil {
					return
				}
			}
		})))
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		send(t, c, "GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n")
		eventually(t, "it is answered", func() bool { s, _ := r.Status(testEnv); return s.InFlight == 1 })
		report, err := r.Hold(t.Context(), platform.Hold{Environment: testEnv, Activity: "a1", DrainTimeout: 50 * time.Millisecond})
		if err != nil || report.Cut != 1 {
			t.Errorf("%+v %v", report, err)
		}
		eventually(t, "nothing is under way", func() bool { s, _ := r.Status(testEnv); return s.InFlight == 0 })
	})
}

// TestCutEndsAStreamThatNobodyReads is the same over HTTP/2, whose connection goes on.
func TestCutEndsAStreamThatNobodyReads(t *testing.T) {
	t.Parallel()
	r, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Finish)
	srv := httptest.NewUnstartedServer(nil)
	srv.Config = NewServer(r, slog.New(slog.DiscardHandler))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	t.Cleanup(srv.Close)
	mustPublish(t, r, to("r1", realBackend(t, func(w http.ResponseWriter, req *http.Request) {
		for req.URL.Path == "/endless" {
			if _, err := io.WriteString(w, strings.Repeat("x", 64<<10)); err != nil {
				return
			}
		}
	})))
	get := func(path string) *http.Response {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "shop.test"
		resp, err := srv.Client().Do(req)
		if err != nil || resp.ProtoMajor != 2 {
			t.Fatal(resp, err)
		}
		return resp
	}
	endless := get("/endless")
	defer func() { _ = endless.Body.Close() }()
	report, err := r.Hold(t.Context(), platform.Hold{Environment: testEnv, Activity: "a1", DrainTimeout: 50 * time.Millisecond})
	if err != nil || report.Cut != 1 {
		t.Errorf("%+v %v", report, err)
	}
	eventually(t, "nothing is under way", func() bool { s, _ := r.Status(testEnv); return s.InFlight == 0 })
	if _, err := r.Resume(t.Context(), testEnv); err != nil {
		t.Fatal(err)
	}
	next := get("/")
	if next.StatusCode != http.StatusOK {
		t.Errorf("then %d", next.StatusCode)
	}
	_ = next.Body.Close()
}

// TestCutEndsAnUploadThatStalls: it is answered, and its connection ends.
func TestCutEndsAnUploadThatStalls(t *testing.T) {
	onBoth(t, func(t *testing.T, start starter) {
		t.Helper()
		r, addr := start(t, Options{})
		mustPublish(t, r, to("r1", realBackend(t, func(_ http.ResponseWriter, req *http.Request) { _, _ = io.Copy(io.Discard, req.Body) })))
		for _, request := range []string{
			"POST / HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 10\r\n\r\nhalf",
			"POST / HTTP/1.1\r\nHost: shop.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhalf",
		} {
			stallAndCut(t, r, addr, request)
		}
	})
}

func stallAndCut(t *testing.T, r *Router, addr, request string) {
	t.Helper()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(5 * time.Minute))
	send(t, c, request)
	eventually(t, "it is under way", func() bool { s, _ := r.Status(testEnv); return s.InFlight == 1 })
	report, err := r.Hold(t.Context(), platform.Hold{Environment: testEnv, Activity: "a1", DrainTimeout: 50 * time.Millisecond})
	if err != nil || report.Cut != 1 {
		t.Errorf("%+v %v", report, err)
	}
	in := bufio.NewReader(c)
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(io.Discard, resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err != nil || resp.StatusCode != http.StatusServiceUnavailable || !resp.Close {
		t.Errorf("%d close=%t %v", resp.StatusCode, resp.Close, err)
	}
	if rest, err := io.ReadAll(in); len(rest) > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%q %v", rest, err)
	}
	eventually(t, "nothing is under way", func() bool { s, _ := r.Status(testEnv); return s.InFlight == 0 })
	if _, err := r.Resume(t.Context(), testEnv); err != nil {
		t.Fatal(err)
	}
}

// TestHeldRequestEndsItsConnectionAsAsked: what it said about that is not lost in waiting.
func TestHeldRequestEndsItsConnectionAsAsked(t *testing.T) {
	for name, request := range map[string]string{
		"front":    "GET /1 HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n",
		"net/http": "POST /1 HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"list":     "GET /1 HTTP/1.1\r\nHost: shop.test\r\nConnection: X-A, Close\r\n\r\n",
		"1.0":      "GET /1 HTTP/1.0\r\nHost: shop.test\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			s := newHeldSite(t)
			c, in := s.dial()
			send(t, c, request+"GET /2 HTTP/1.1\r\nHost: shop.test\r\n\r\n")
			s.waiting(1)
			mustPublish(t, s.r, to("r2", s.backend("r2")))
			if status, held, body := s.read(in); status != http.StatusOK || held == "" || !strings.Contains(body, " /1 ") {
				t.Errorf("%d %q %s", status, held, body)
			}
			if rest, err := io.ReadAll(in); len(rest) > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("it goes on: %q %v", rest, err)
			}
		})
	}
}
