package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/internal/platform"
)

// A router that is killed leaves no answer behind that the next one could serve.
func TestKilledRouterLeavesNoCache(t *testing.T) {
	dir := t.TempDir()
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat(req.URL.Path, 2000))
	}))
	t.Cleanup(backend.Close)
	flags := []string{"--cache-dir", filepath.Join(dir, "cache"), "--cache-memory", "64K", "--cache-disk", "16M"}
	p := startRouter(t, dir, "127.0.0.1:0", flags...)
	_, err := p.client.Publish(t.Context(), platform.Publication{
		Environment: env, Release: "r1",
		Routes: []platform.Route{{
			URL: "http://shop.test/", Type: platform.RouteUpstream, Upstream: "app", Cache: platform.RouteCache{Enabled: true, DefaultTTL: 3600},
		}},
		Backends: map[string][]string{"app": {backend.Listener.Addr().String()}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"MISS", "HIT"} {
		for i := range 20 {
			if got := p.cached(t, fmt.Sprintf("/p%d", i)); got != want {
				t.Errorf("page %d: %s, want %s", i, got, want)
			}
		}
	}
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := <-p.done; err == nil {
		t.Error("a killed router ended well")
	}
	if left, err := os.ReadDir(filepath.Join(dir, "cache")); err != nil || len(left) != 0 {
		t.Errorf("left: %v %v", left, err)
	}
	p = startRouter(t, dir, p.addr, flags...)
	for i := range 20 {
		if got := p.cached(t, fmt.Sprintf("/p%d", i)); got != "MISS" {
			t.Errorf("page %d after kill -9: %s", i, got)
		}
	}
}

// cached returns what the cache did for a page, whose content it checks.
func (p *process) cached(t *testing.T, path string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+p.addr+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "shop.test"
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if b, err := io.ReadAll(resp.Body); err != nil || string(b) != strings.Repeat(path, 2000) {
		t.Fatalf("%s: %d bytes %v", path, len(b), err)
	}
	return resp.Header.Get("X-Cache")
}
