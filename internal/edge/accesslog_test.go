package edge

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"sluice/internal/platform"
)

// lines returns the access log's lines, without what differs each time.
func logged(t *testing.T, text string) []map[string]any {
	t.Helper()
	var all []map[string]any
	for line := range strings.Lines(text) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		all = append(all, fields)
	}
	return all
}

func TestAccessLogSaysHowTheAnswerCameAbout(t *testing.T) {
	backend := realBackend(t, func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("X-Cache", "FORGED")
		w.Header().Set("X-Platform-Cache", "FORGED")
		switch req.URL.Path {
		case "/kept":
			w.Header().Set("Cache-Control", "max-age=60")
		case "/missing":
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = io.WriteString(w, "hello")
	})
	r, err := New(Options{HealthPath: "/health"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Finish)
	p := to("r1", backend)
	p.Routes[0].Cache = platform.RouteCache{Enabled: true, Cookies: []string{"*"}}
	p.Routes = append(p.Routes,
		platform.Route{URL: siteURL + "plain/", Type: platform.RouteUpstream, Upstream: "app"},
		platform.Route{URL: siteURL + "pages/", Type: platform.RouteUpstream, Upstream: "app", SSI: true},
		platform.Route{URL: siteURL + "gone/", Type: platform.RouteRedirect, To: "https://elsewhere.test/"})
	mustPublish(t, r, p)
	var text bytes.Buffer
	log := NewAccessLog(&text)
	quiet := slog.New(slog.DiscardHandler)
	client := clientOf(listenOn(t, NewFront(NewServer(log.Wrap(r), quiet), quiet)), 1)
	defer client.CloseIdleConnections()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	get := func(path string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, siteURL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.Copy(io.Discard, resp.Body)
		if err := errors.Join(err, resp.Body.Close()); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		path     string
		cache    any // nil: not said
		status   float64
		bytes    float64
		upstream any // its status
	}{
		{"kept", "MISS", 200, 5, 200.0},
		{"kept", "HIT", 200, 5, nil},
		{"missing", "MISS", 404, 5, 404.0},
		{"plain/x", "BYPASS", 200, 5, 200.0},
		{"pages/x", "BYPASS", 200, 5, 200.0},
		{"gone/x", nil, 301, 18, nil},
		{"health", nil, 200, 3, nil},
	}
	for _, tt := range tests {
		get(tt.path)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	got := logged(t, text.String())
	if len(got) != len(tests) {
		t.Fatalf("%d lines\n%s", len(got), text.String())
	}
	for i, tt := range tests {
		l := got[i]
		if l["path"] != "/"+tt.path || l["cache"] != tt.cache || l["status"] != tt.status || l["bytes"] != tt.bytes || l["upstream_status"] != tt.upstream {
			t.Errorf("%+v: %v", tt, l)
		}
		took, asked := l["upstream_us"].(float64)
		whole, ok := l["us"].(float64)
		if asked != (tt.upstream != nil) || !ok || (asked && (took <= 0 || took > whole)) {
			t.Errorf("%s: upstream %v of %v µs", tt.path, l["upstream_us"], l["us"])
		}
		if l["proto"] != "HTTP/1.1" || l["tls"] != nil || l["alpn"] != nil || l["held_ms"] != nil {
			t.Errorf("%s: %v", tt.path, l)
		}
	}
}

func TestAccessLogOfAHeldRequestOverTLS(t *testing.T) {
	var text bytes.Buffer
	log := NewAccessLog(&text)
	h := log.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set(HeldHeader, "1500")
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, "short")
	}))
	for _, version := range []uint16{tls.VersionTLS13, tls.VersionTLS12, tls.VersionTLS11, tls.VersionTLS10} {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://shop.test/p?token=secret", nil)
		req.TLS = &tls.ConnectionState{Version: version, NegotiatedProtocol: "h2"}
		h.ServeHTTP(httptest.NewRecorder(), req)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	got := logged(t, text.String())
	for i, version := range []string{"1.3", "1.2", "1.1", "1.0"} {
		l := got[i]
		if l["tls"] != version || l["alpn"] != "h2" || l["held_ms"] != 1500.0 || l["status"] != 418.0 || l["host"] != "shop.test" || l["path"] != "/p" || l["msg"] != "request" {
			t.Errorf("%v", l)
		}
	}
	if strings.Contains(text.String(), "secret") {
		t.Error("the query is in the log")
	}
}

func TestHeldHeaderIsANumber(t *testing.T) {
	for s, want := range map[string]bool{"": false, "0": true, "12": true, "012": false, "1.5": false, `1"`: false, "-1": false} {
		if digits(s) != want {
			t.Errorf("%q: %v", s, !want)
		}
	}
}

// brokenDisk fails when it is told to.
type brokenDisk struct {
	mu     sync.Mutex
	full   bool
	pieces []string
}

var errFullDisk = errors.New("no space left on device")

func (d *brokenDisk) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.full {
		return 0, errFullDisk
	}
	d.pieces = append(d.pieces, string(p))
	return len(p), nil
}

func (d *brokenDisk) fill(full bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.full = full
}

func TestAccessLogGoesOnWhenTheDiskHasRoomAgain(t *testing.T) {
	disk := &brokenDisk{full: true}
	log := NewAccessLog(disk)
	h := log.Wrap(http.NotFoundHandler())
	ask := func(path string) {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(context.Background(), http.MethodGet, "http://shop.test"+path, nil)) //nolint:usetesting // no context
	}
	ask("/lost")
	log.Flush()
	disk.fill(false)
	ask("/kept")
	if err := log.Close(); !errors.Is(err, errFullDisk) {
		t.Errorf("the error is not told: %v", err)
	}
	if all := strings.Join(disk.pieces, ""); strings.Contains(all, "/lost") || !strings.Contains(all, "/kept") {
		t.Errorf("written: %q", all)
	}
}

// Two processes write to one file during a handover.
func TestAccessLogWritesWholeLines(t *testing.T) {
	disk := &brokenDisk{}
	log := NewAccessLog(disk)
	h := log.Wrap(http.NotFoundHandler())
	for range 200 {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://shop.test/"+strings.Repeat("x", 1000), nil))
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	if len(disk.pieces) < 3 || slices.ContainsFunc(disk.pieces, func(p string) bool { return !strings.HasPrefix(p, "{") || !strings.HasSuffix(p, "}\n") }) {
		t.Errorf("%d pieces, not all of whole lines", len(disk.pieces))
	}
	if n := len(logged(t, strings.Join(disk.pieces, ""))); n != 200 {
		t.Errorf("%d lines", n)
	}
}
