package loadgen_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice/e2e/loadgen"
)

// shop counts orders as a database with a unique key would.
type shop struct {
	mu     sync.Mutex
	orders map[string]int
}

func (s *shop) order(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.orders == nil {
		s.orders = map[string]int{}
	}
	s.orders[r.FormValue("reference")+" "+r.FormValue("sku")]++
	w.Header().Set("X-Release", "r1")
	w.WriteHeader(http.StatusCreated)
}

// until returns a context that ends when n requests have ended, and the observer for it.
func until(t *testing.T, n int64) (context.Context, func(loadgen.Answer)) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	t.Cleanup(func() { cancel(nil) })
	var ended atomic.Int64
	return ctx, func(loadgen.Answer) {
		if ended.Add(1) >= n {
			cancel(errors.New("enough"))
		}
	}
}

func run(t *testing.T, ctx context.Context, opts loadgen.Options) loadgen.Report { //nolint:revive // t first, as everywhere
	t.Helper()
	r, err := loadgen.Run(ctx, opts)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestEveryOrderHasItsOwnReference(t *testing.T) {
	var s shop
	mux := http.NewServeMux()
	mux.HandleFunc("POST /orders", s.order)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Release", "r2") })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)

	ctx, observe := until(t, 200)
	r := run(t, ctx, loadgen.Options{
		BaseURL: server.URL, GetClients: 4, PostClients: 4,
		Fields: url.Values{"sku": {"enamel-mug"}}, Observe: observe,
	})
	if r.Failed() != 0 || r.Gets.Answered == 0 || r.Gets.Answered+r.Posts.Answered < 200 {
		t.Fatalf("got %s", r)
	}
	if len(s.orders) != r.Posts.Answered {
		t.Errorf("%d orders for %d answers", len(s.orders), r.Posts.Answered)
	}
	for reference, times := range s.orders {
		if times != 1 || !strings.HasSuffix(reference, " enamel-mug") {
			t.Errorf("order %q came %d times", reference, times)
		}
	}
	if r.ByRelease["r1"] != r.Posts.Answered || r.ByRelease["r2"] != r.Gets.Answered {
		t.Errorf("by release: %v", r.ByRelease)
	}
	l := r.Latency
	if l.P50 <= 0 || l.P50 > l.P90 || l.P90 > l.P99 || l.P99 > l.Max || l.Max > r.Took {
		t.Errorf("latency: %+v, took %s", l, r.Took)
	}
}

func TestRequestsUnderWayAreFinished(t *testing.T) {
	arrived, proceed := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		arrived <- struct{}{}
		<-proceed
	}))
	t.Cleanup(server.Close)

	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		for range 3 {
			<-arrived
		}
		cancel(errors.New("enough"))
		close(proceed)
	}()
	r := run(t, ctx, loadgen.Options{BaseURL: server.URL, GetClients: 2, PostClients: 1})
	if r.Gets != (loadgen.Count{Answered: 2}) || r.Posts != (loadgen.Count{Answered: 1}) {
		t.Errorf("got %s", r)
	}
}

func TestFailuresAreCountedAndTheFirstAreKept(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "not now", http.StatusServiceUnavailable)
	}))
	t.Cleanup(server.Close)

	ctx, observe := until(t, 50)
	r := run(t, ctx, loadgen.Options{BaseURL: server.URL, PostClients: 1, MaxFailures: 3, Observe: observe})
	if r.Posts != (loadgen.Count{Failed: 50}) || len(r.Failures) != 3 {
		t.Fatalf("got %s", r)
	}
	f := r.Failures[0]
	if f.Status != http.StatusServiceUnavailable || f.Err == nil || f.Reference == "" || f.At.IsZero() {
		t.Errorf("got %+v", f)
	}
	if !strings.Contains(r.String(), "status 503") {
		t.Errorf("the text does not say why:\n%s", r)
	}
}

func TestRedirectIsAFailure(t *testing.T) {
	server := httptest.NewServer(http.RedirectHandler("/elsewhere", http.StatusFound))
	t.Cleanup(server.Close)
	ctx, observe := until(t, 1)
	r := run(t, ctx, loadgen.Options{BaseURL: server.URL, GetClients: 1, Observe: observe})
	if r.Gets.Failed == 0 || r.Failures[0].Status != http.StatusFound {
		t.Errorf("got %s", r)
	}
}

// net/http sends a GET again when a kept connection breaks before a byte of the answer;
// the visitor would have seen an error.
func TestBrokenConnectionIsAFailureThoughTheTransportRepeats(t *testing.T) {
	var n atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if n.Add(1) == 2 {
			panic(http.ErrAbortHandler)
		}
	}))
	t.Cleanup(server.Close)
	ctx, observe := until(t, 3)
	r := run(t, ctx, loadgen.Options{BaseURL: server.URL, GetClients: 1, Observe: observe})
	if r.Gets.Failed != 1 || r.Gets.Answered != 2 {
		t.Errorf("got %s", r)
	}
}

func TestHeldAnswersAreCounted(t *testing.T) {
	var n atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		switch n.Add(1) {
		case 1:
			w.Header().Set("X-Sluice-Held", "1250")
		case 2:
			w.Header().Set("X-Sluice-Held", "700")
		}
	}))
	t.Cleanup(server.Close)
	ctx, observe := until(t, 5)
	r := run(t, ctx, loadgen.Options{BaseURL: server.URL, GetClients: 1, Observe: observe})
	if r.Held != 2 || r.LongestWait != 1250*time.Millisecond {
		t.Errorf("held %d, longest %s", r.Held, r.LongestWait)
	}
}

func TestSlowAnswerIsAFailure(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(release) })
	ctx, observe := until(t, 1)
	r := run(t, ctx, loadgen.Options{BaseURL: server.URL, GetClients: 1, Timeout: 20 * time.Millisecond, Observe: observe})
	if r.Gets.Failed == 0 || !strings.Contains(r.String(), "patience") {
		t.Errorf("got %s", r)
	}
}

func TestNamesBelowLocalhostNeedNoResolver(t *testing.T) {
	var host atomic.Pointer[string]
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { host.Store(&r.Host) }))
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	base := "http://main-shop.localhost:" + u.Port()
	ctx, observe := until(t, 1)
	r := run(t, ctx, loadgen.Options{BaseURL: base, GetClients: 1, Observe: observe})
	if r.Failed() != 0 {
		t.Fatalf("got %s", r)
	}
	if got := "http://" + *host.Load(); got != base {
		t.Errorf("asked %s, want %s", got, base)
	}
}

func TestVisitorsOverTLSHaveConnectionsOfTheirOwn(t *testing.T) {
	var over sync.Map // protocol and connection
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		over.Store(r.Proto+" "+r.RemoteAddr, true)
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	ctx, observe := until(t, 100)
	r := run(t, ctx, loadgen.Options{
		BaseURL: server.URL, GetClients: 4, PostClients: 2, Observe: observe, TLS: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
	})
	if r.Failed() != 0 || r.Gets.Answered == 0 || r.Posts.Answered == 0 {
		t.Errorf("got %s", r)
	}
	count := map[string]int{}
	over.Range(func(key, _ any) bool {
		proto, _, _ := strings.Cut(fmt.Sprint(key), " ")
		count[proto]++
		return true
	})
	if count["HTTP/2.0"] != 3 || count["HTTP/1.1"] != 3 {
		t.Errorf("connections: %v", count)
	}
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	for _, opts := range []loadgen.Options{
		{BaseURL: "http://localhost"},
		{BaseURL: "http://localhost", GetClients: -1, PostClients: 1},
		{BaseURL: "localhost", GetClients: 1},
		{BaseURL: "http://%zz", GetClients: 1},
	} {
		if _, err := loadgen.Run(t.Context(), opts); err == nil {
			t.Errorf("%+v was accepted", opts)
		}
	}
}
