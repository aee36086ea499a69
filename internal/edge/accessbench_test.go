package edge

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// BenchmarkAccessLog is what a line costs: one of a relayed answer over TLS.
func BenchmarkAccessLog(b *testing.B) {
	l := NewAccessLog(io.Discard)
	defer func() { _ = l.Close() }()
	h := l.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h["X-Platform-Cache"], h["X-Cache"] = []string{"MISS"}, []string{"MISS"}
		w.WriteHeader(http.StatusOK)
	}))
	req := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "https://shop.test/catalog/women/tops.html", nil)
	req.TLS = &tls.ConnectionState{Version: tls.VersionTLS13, NegotiatedProtocol: "h2"}
	w := httptest.NewRecorder()
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(w, req)
	}
}
