package edge

import (
	"net/http"
	"testing"
)

// BenchmarkRefusal is the page that every visitor over the limit gets.
func BenchmarkRefusal(b *testing.B) {
	ps := newPages()
	req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, siteURL, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		ps.unavailable(&recorded{header: http.Header{}}, req, pageBusy)
	}
}
