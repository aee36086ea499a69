package warmup_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"sluice/internal/warmup"
)

func TestWarmRequestsEveryPageThroughTheRouter(t *testing.T) {
	var hits atomic.Int32
	router := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hits.Add(1)
		if r.Host != "shop.example.test" {
			t.Errorf("host = %q, want the site's own name", r.Host)
		}
		if r.URL.Path == "/broken" {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	defer router.Close()

	var log bytes.Buffer
	urls := []string{"http://shop.example.test/", "http://shop.example.test/broken", "http://shop.example.test/a"}
	if err := warmup.New(router.Listener.Addr().String(), "").Warm(t.Context(), urls, &log); err != nil {
		t.Fatal(err)
	}
	if hits.Load() != 3 {
		t.Errorf("%d requests, want 3", hits.Load())
	}
	if got := strings.Count(log.String(), "Warmed up page: "); got != 2 {
		t.Errorf("%d pages reported as warm, want 2:\n%s", got, log.String())
	}
	if !strings.Contains(log.String(), "W: Warming up failed: http://shop.example.test/broken: status 500") {
		t.Errorf("the failing page is not reported:\n%s", log.String())
	}
}

func TestWarmStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("shutting down")
	cancel(gone)
	urls := make([]string, 50)
	for i := range urls {
		urls[i] = "http://127.0.0.1:1/"
	}
	if err := warmup.New("127.0.0.1:1", "").Warm(ctx, urls, &bytes.Buffer{}); !errors.Is(err, gone) {
		t.Errorf("err = %v, want the cause", err)
	}
}

func TestWarmRequestsHTTPSPagesUnderTheirName(t *testing.T) {
	secure := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.Host != "shop.example.test:8443" || r.TLS.ServerName != "shop.example.test" {
			t.Errorf("host %q, server name %q", r.Host, r.TLS.ServerName)
		}
	}))
	defer secure.Close()
	var log bytes.Buffer
	urls := []string{"https://shop.example.test:8443/"}
	if err := warmup.New("127.0.0.1:1", secure.Listener.Addr().String()).Warm(t.Context(), urls, &log); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(log.String(), "Warmed up page: https://shop.example.test:8443/ (status 200") {
		t.Errorf("log: %s", log.String())
	}
}

// TestWarmHeldRequestsAsAnOperator: with the cookie of the bypass link, the first page alone.
func TestWarmHeldRequestsAsAnOperator(t *testing.T) {
	var (
		mu    sync.Mutex
		paths []string
		first = make(chan struct{})
	)
	router := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		paths = append(paths, r.URL.Path)
		mu.Unlock()
		if r.URL.Path == "/enter" {
			if r.URL.RawQuery != "token=secret" {
				t.Errorf("query %q", r.URL.RawQuery)
			}
			http.SetCookie(w, &http.Cookie{Name: "bypass", Value: "for " + r.Host})
			w.WriteHeader(http.StatusSeeOther)
			return
		}
		if c, err := r.Cookie("bypass"); err != nil || c.Value != "for "+r.Host {
			t.Errorf("%s%s was requested without the cookie of its host", r.Host, r.URL.Path)
		}
		if r.URL.Path == "/first" {
			close(first)
			return
		}
		select {
		case <-first:
		default:
			t.Errorf("%s was requested before the first page was answered", r.URL.Path)
		}
	}))
	defer router.Close()
	var log bytes.Buffer
	urls := []string{"http://shop.test/first", "http://shop.test/a", "http://other.test/b"}
	if err := warmup.New(router.Listener.Addr().String(), "").WarmHeld(t.Context(), "/enter?token=secret", urls, &log); err != nil {
		t.Fatal(err)
	}
	slices.Sort(paths)
	if want := []string{"/a", "/b", "/enter", "/enter", "/first"}; !slices.Equal(paths, want) {
		t.Errorf("requested %q, want %q", paths, want)
	}
	if got := strings.Count(log.String(), "Warmed up page: "); got != 3 {
		t.Errorf("%d pages reported as warm:\n%s", got, log.String())
	}
}

// TestWarmHeldWithoutABypass: a request without it would wait for the very release.
func TestWarmHeldWithoutABypass(t *testing.T) {
	router := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/enter" {
			t.Errorf("%s was requested", r.URL.Path)
		}
		w.WriteHeader(http.StatusForbidden)
	}))
	address := router.Listener.Addr().String()
	warm := func() string {
		var log bytes.Buffer
		if err := warmup.New(address, "").WarmHeld(t.Context(), "/enter?token=secret", []string{"http://shop.test/", "http://shop.test/a"}, &log); err != nil {
			t.Fatal(err)
		}
		return log.String()
	}
	if got, want := warm(), "W: Warming up failed: http://shop.test: the bypass link gave no cookie (status 403)\n"; got != want {
		t.Errorf("log %q, want %q", got, want)
	}
	router.Close()
	if got := warm(); !strings.HasPrefix(got, "W: Warming up failed: http://shop.test: the bypass link did not answer: ") || strings.Contains(got, "secret") {
		t.Errorf("log %q", got)
	}
}
