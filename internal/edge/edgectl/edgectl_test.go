package edgectl

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/internal/edge"
	"sluice/internal/platform"
)

// gate is what the pipeline expects of a Client.
type gate interface {
	Hold(ctx context.Context, h platform.Hold) (platform.HoldReport, error)
	Commit(ctx context.Context, env platform.EnvironmentID) error
	Publish(ctx context.Context, p platform.Publication) (platform.HoldReport, error)
	Resume(ctx context.Context, env platform.EnvironmentID) (platform.HoldReport, error)
	Close(ctx context.Context, env platform.EnvironmentID, message string) (platform.HoldReport, error)
	Forget(ctx context.Context, env platform.EnvironmentID) error
}

var _ gate = (*Client)(nil)

const env = platform.EnvironmentID("shop-main")

// controlled returns a router with a control socket, and the path of that.
func controlled(t *testing.T) (*edge.Router, string) {
	t.Helper()
	r, err := edge.New(edge.Options{})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "control.sock")
	l, err := Listen(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	srv := NewServer(r, slog.New(slog.DiscardHandler)).HTTPServer()
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close() })
	return r, path
}

func publication(addr string) platform.Publication {
	return platform.Publication{
		Environment: env, Release: "r1",
		Routes:   []platform.Route{{URL: "http://shop.test/", Type: platform.RouteUpstream, Upstream: "app"}},
		Backends: map[string][]string{"app": {addr}},
	}
}

func TestClientDrivesTheRouter(t *testing.T) {
	r, path := controlled(t)
	c, ctx := NewClient(path), t.Context()
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }))
	defer backend.Close()
	p := publication(backend.Listener.Addr().String())
	wantState := func(want edge.State) {
		t.Helper()
		s, err := c.State(ctx, env)
		if err != nil || s.State != want {
			t.Fatalf("state %q (%v), want %q", s.State, err, want)
		}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := c.Publish(ctx, p)
	must(err)
	wantState(edge.Open)
	for range 2 { // everything may be said twice
		report, err := c.Hold(ctx, platform.Hold{Environment: env, Activity: "a1", MaxWait: time.Minute})
		must(err)
		if report.StartedAt.IsZero() {
			t.Error("no report")
		}
		must(c.Commit(ctx, env))
	}
	wantState(edge.Held)
	answered := make(chan string, 1)
	go func() {
		w := httptest.NewRecorder()
		r.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "http://shop.test/", nil))
		answered <- w.Body.String()
	}()
	for deadline := time.Now().Add(2 * time.Minute); ; {
		s, err := c.State(ctx, env)
		must(err)
		if s.Waiting == 1 && s.OnDeadline == platform.Maintain {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("status %+v", s)
		}
	}
	report, err := c.Publish(ctx, p)
	must(err)
	if got := <-answered; got != "hello" || report.Held != 1 || report.LongestWait <= 0 {
		t.Errorf("answer %q report %+v", got, report)
	}
	_, err = c.Close(ctx, env, "back soon")
	must(err)
	wantState(edge.Closed)
	_, err = c.Resume(ctx, env)
	must(err)
	wantState(edge.Open)
	all, err := c.Status(ctx)
	must(err)
	if len(all) != 1 || all[0].Release != "r1" || all[0].LastHold.Held != 1 {
		t.Errorf("status %+v", all)
	}
	if purged, err := c.Purge(ctx, env, platform.Purge{}); err != nil || purged.Removed != 0 {
		t.Errorf("purge: %+v %v", purged, err)
	}
	if _, err := c.Purge(ctx, env, platform.Purge{URL: "/no/host"}); platform.ErrorCode(err) != platform.CodeInvalid {
		t.Errorf("purge of no URL: %v", err)
	}
	must(c.Forget(ctx, env))
	must(c.Forget(ctx, env))
	must(c.Commit(ctx, env))
	if _, err := c.State(ctx, env); platform.ErrorCode(err) != platform.CodeNotFound {
		t.Errorf("state of a forgotten environment: %v", err)
	}
}

func TestErrorsKeepTheirCodeAndHint(t *testing.T) {
	_, path := controlled(t)
	c := NewClient(path)
	if _, err := c.Resume(t.Context(), "unknown"); platform.ErrorCode(err) != platform.CodeNotFound || platform.ErrorHint(err) == "" {
		t.Errorf("got %v", err)
	}
	if _, err := c.Publish(t.Context(), publication("no port")); platform.ErrorCode(err) != platform.CodeInvalid {
		t.Errorf("got %v", err)
	}
	if _, err := c.Hold(t.Context(), platform.Hold{Environment: env}); platform.ErrorCode(err) != platform.CodeInvalid {
		t.Errorf("got %v", err)
	}
	gone := NewClient(filepath.Join(t.TempDir(), "nobody.sock"))
	if err := gone.Forget(t.Context(), env); platform.ErrorCode(err) != platform.CodeUnavailable || platform.ErrorHint(err) == "" {
		t.Errorf("got %v", err)
	}
}

func TestHoldSurvivesTheControlConnection(t *testing.T) {
	r, path := controlled(t)
	release := make(chan struct{})
	started := make(chan struct{})
	backend := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { close(started); <-release }))
	defer backend.Close()
	c := NewClient(path)
	if _, err := c.Publish(t.Context(), publication(backend.Listener.Addr().String())); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://shop.test/", nil))
	}()
	<-started
	ctx, cancel := context.WithCancelCause(t.Context())
	crash := errors.New("crash")
	go func() {
		for s, _ := r.Status(env); s.State != edge.Held; s, _ = r.Status(env) {
			time.Sleep(time.Millisecond)
		}
		cancel(crash)
	}()
	if _, err := c.Hold(ctx, platform.Hold{Environment: env, Activity: "a1"}); !errors.Is(err, crash) {
		t.Errorf("got %v", err)
	}
	if s, err := r.Status(env); err != nil || s.State != edge.Held || s.InFlight != 1 {
		t.Errorf("status %+v %v", s, err)
	}
	time.AfterFunc(20*time.Millisecond, func() { close(release) })
	report, err := c.Hold(t.Context(), platform.Hold{Environment: env, Activity: "a1"}) // the recovered control plane
	if err != nil || report.Cut != 0 || report.Drain <= 0 {
		t.Errorf("report %+v %v", report, err)
	}
	<-done
}

func TestMetricsOnTheSocket(t *testing.T) {
	_, path := controlled(t)
	c := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}}}
	defer c.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://router/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil || !strings.Contains(string(body), "sluice_router_held_requests_total 0") {
		t.Errorf("%s %v", body, err)
	}
}

func TestListen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.sock")
	l, err := Listen(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v %v", info.Mode(), err)
	}
	if _, err := Listen(t.Context(), path); err == nil || !strings.Contains(err.Error(), "another router answers") {
		t.Errorf("a second router: %v", err)
	}
	if err := l.Listener.Close(); err != nil { // as after kill -9: the name stays
		t.Fatal(err)
	}
	l, err = Listen(t.Context(), path)
	if err != nil {
		t.Fatalf("after a crash: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	if err := os.WriteFile(path, []byte("notes"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(t.Context(), path); err == nil {
		t.Error("a file was taken for a socket")
	}
	if b, _ := os.ReadFile(path); string(b) != "notes" {
		t.Error("the file was touched")
	}
}
