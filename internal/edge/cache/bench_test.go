package cache

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"sluice/internal/platform"
)

// nowhere is a ResponseWriter that costs nothing, like one of a server that keeps its
// header map between requests.
type nowhere struct{ header http.Header }

func (n *nowhere) Header() http.Header         { return n.header }
func (n *nowhere) WriteHeader(int)             {}
func (n *nowhere) Write(p []byte) (int, error) { return len(p), nil }

// site returns a route that keeps everything, and a request as browsers send it.
func site(tb testing.TB) (*Route, *http.Request) {
	tb.Helper()
	c, err := New(Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.Close)
	rt, err := c.NewZone().Route(platform.RouteCache{Enabled: true, DefaultTTL: 3600, Cookies: []string{"X-Magento-Vary"}, Headers: []string{"Accept", "Accept-Language"}})
	if err != nil {
		tb.Fatal(err)
	}
	req := httptest.NewRequestWithContext(tb.Context(), http.MethodGet, "http://shop.test/catalog/product/view.html?id=17", nil)
	for name, value := range map[string]string{
		"User-Agent": "Mozilla/5.0", "Accept": "text/html,application/xhtml+xml", "Accept-Language": "de,en;q=0.5",
		"Accept-Encoding": "gzip, deflate, br, zstd", "Cookie": "PHPSESSID=abcdef; X-Magento-Vary=0123456789abcdef",
		"Upgrade-Insecure-Requests": "1", "Sec-Fetch-Dest": "document", "Referer": "http://shop.test/",
	} {
		req.Header.Set(name, value)
	}
	return rt, req
}

func page(size int) http.HandlerFunc {
	body := bytes.Repeat([]byte("x"), size)
	return func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Length", strconv.Itoa(size))
		h.Set("Vary", "Accept-Encoding")
		h.Set("Etag", `"v1"`)
		_, _ = w.Write(body)
	}
}

func BenchmarkHit(b *testing.B) {
	for _, size := range []int{1 << 10, 100 << 10} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			rt, req := site(b)
			rt.Fill(httptest.NewRecorder(), req, false, page(size))
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				w := &nowhere{header: http.Header{}}
				for pb.Next() {
					if !rt.Answer(w, req, false, false) {
						b.Error("no hit")
						return
					}
				}
			})
		})
	}
}

func BenchmarkMiss(b *testing.B) {
	for _, size := range []int{1 << 10, 100 << 10} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			rt, req := site(b)
			app := page(size)
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				req.URL.RawQuery = strconv.Itoa(n)
				w := &nowhere{header: http.Header{}}
				if !rt.Answer(w, req, false, false) {
					rt.Fill(w, req, false, app)
				}
			}
		})
	}
}
