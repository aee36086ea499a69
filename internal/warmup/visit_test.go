package warmup_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sluice/internal/warmup"
)

func TestVisitSaysWhatCameOfEachPage(t *testing.T) {
	router := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != "shop.example.test" || r.Header.Get("Cache-Control") != "no-cache" || !strings.HasPrefix(r.Header.Get("Accept"), "text/html,") {
			t.Errorf("host %q, header %v", r.Host, r.Header)
		}
		switch r.URL.Path {
		case "/broken":
			w.WriteHeader(http.StatusInternalServerError)
		case "/moved":
			http.Redirect(w, r, "http://shop.example.test/to?a=b", http.StatusFound)
		case "/elsewhere":
			w.Header().Set("Location", "https://other.example.test/")
			w.WriteHeader(http.StatusMovedPermanently)
		case "/cut":
			w.Header().Set("Content-Length", "100")
		default:
			_, _ = w.Write([]byte("12345"))
		}
	}))
	defer router.Close()
	const site = "http://shop.example.test"
	visits := warmup.New(router.Listener.Addr().String(), "").Visit(t.Context(), []string{
		site + "/", site + "/broken", site + "/moved", site + "/elsewhere", site + "/cut", "http://%zz/",
	})
	for i, want := range []struct {
		status   int
		bytes    int64
		location string
		failed   bool
	}{{200, 5, "", false}, {500, 0, "", false}, {302, -1, "/to?a=b", false}, {301, 0, "https://other.example.test/", false}, {200, 0, "", true}, {0, 0, "", true}} {
		v := visits[i]
		if v.Status != want.status || want.bytes >= 0 && v.Bytes != want.bytes || v.Location != want.location || (v.Error != "") != want.failed {
			t.Errorf("%+v, want %+v", v, want)
		}
		if v.Error != "" && strings.Contains(v.Error, site) {
			t.Errorf("the error repeats the URL: %s", v.Error)
		}
	}
}

func TestVisitEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(nil)
	for _, v := range warmup.New("127.0.0.1:1", "").Visit(ctx, []string{"http://a.test/", "http://b.test/"}) {
		if v.Error == "" || v.Status != 0 {
			t.Errorf("%+v", v)
		}
	}
}
