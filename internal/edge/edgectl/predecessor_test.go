package edgectl

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"sluice/internal/edge"
	"sluice/internal/platform"
)

// served has s answer on a control socket.
func served(t *testing.T, s *Server, path string) *Client {
	t.Helper()
	l, err := Listen(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	srv := s.HTTPServer()
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close() })
	return NewClient(path)
}

// heldWith returns a router that holds requests, of which one waits.
func heldWith(t *testing.T) *edge.Router {
	t.Helper()
	r, err := edge.New(edge.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Publish(t.Context(), publication("127.0.0.1:1")); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Hold(t.Context(), platform.Hold{Environment: env, Activity: "a1"}); err != nil {
		t.Fatal(err)
	}
	req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://shop.test/", nil)
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		defer func() { _ = recover() }() // a client that left is not answered
		r.ServeHTTP(httptest.NewRecorder(), req)
	}()
	t.Cleanup(func() {
		_, _ = r.Close(context.WithoutCancel(t.Context()), env, "") // turns it away
		<-answered
	})
	for r.Waiting() == 0 {
		runtime.Gosched()
	}
	return r
}

// A router that hands over listens as a predecessor, and may still be asked on the first
// socket, which both processes have for a moment: it must not count itself twice.
func TestARouterIsNotItsOwnPredecessor(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	path := filepath.Join(t.TempDir(), "control.sock")
	own := heldWith(t)
	first := NewServer(own, log)
	first.FindPredecessors(path)
	c := served(t, first, path)
	served(t, NewPredecessorServer(own, log), PredecessorSocket(path, os.Getpid()))
	if s, err := c.State(t.Context(), env); err != nil || s.Waiting != 1 {
		t.Errorf("by itself: %d wait, %v", s.Waiting, err)
	}
	served(t, NewPredecessorServer(heldWith(t), log), PredecessorSocket(path, os.Getpid()+1))
	if s, err := c.State(t.Context(), env); err != nil || s.Waiting != 2 {
		t.Errorf("with another one: %d wait, %v", s.Waiting, err)
	}
}
