package warmup_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
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
