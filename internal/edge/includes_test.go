package edge

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"sluice/internal/platform"
)

// publishIncluding publishes an application with includes, whose pages come from h.
func (w *world) publishIncluding(h http.HandlerFunc) {
	w.t.Helper()
	w.backend("r1", func(rw http.ResponseWriter, req *http.Request) {
		rw.Header().Set("Content-Type", "text/html; charset=utf-8")
		h(rw, req)
	})
	p := publication("r1")
	p.Routes[0].SSI = true
	p.Routes[0].Cache = platform.RouteCache{Enabled: true, DefaultTTL: 60, Cookies: []string{}}
	mustPublish(w.t, w.router, p)
}

func TestIncludesAreCachedForThemselves(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		n := map[string]int{}
		w.publishIncluding(func(rw http.ResponseWriter, req *http.Request) {
			n[req.URL.Path]++
			switch req.URL.Path {
			case "/page":
				rw.Header().Set("Etag", `"v1"`)
				rw.Header().Set("Surrogate-Control", "content=\"SSI/1.0\"")
				_, _ = io.WriteString(rw, `page <!--# include virtual="/cart" --> <!--# include virtual="menu?x=$arg_x" -->`)
			case "/cart":
				rw.Header().Set("Cache-Control", "private")
				_, _ = fmt.Fprintf(rw, "cart %d of %s", n["/cart"], req.Header.Get("Cookie"))
			case "/menu":
				_, _ = fmt.Fprintf(rw, "menu %s %d", req.URL.RawQuery, n["/menu"])
			}
		})
		for i := range 3 {
			req := w.request(t.Context(), http.MethodGet, "/page?x=1", nil)
			req.Header.Set("Cookie", "user=eve")
			a := w.do(req)
			if want := fmt.Sprintf("page cart %d of user=eve menu x=1 1", i+1); a.body != want {
				t.Errorf("got %q, want %q", a.body, want)
			}
			if a.header.Get("Etag") != "" || a.header.Get("Surrogate-Control") != "" || a.header.Get("Cache-Control") != "private, no-cache" {
				t.Errorf("header %v", a.header)
			}
		}
		if n["/page"] != 1 || n["/menu"] != 1 || n["/cart"] != 3 {
			t.Errorf("the application was asked %v", n)
		}
		req := w.request(t.Context(), http.MethodHead, "/page?x=1", nil)
		if a := w.do(req); a.status != http.StatusOK || a.header.Get("Content-Length") != "" || a.header.Get("Etag") != "" {
			t.Errorf("HEAD: %+v", a)
		}
	})
}

func TestIncludesAreBounded(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		asked := 0
		w.publishIncluding(func(rw http.ResponseWriter, req *http.Request) {
			asked++
			switch req.URL.Path {
			case "/self":
				_, _ = io.WriteString(rw, `(<!--# include virtual="/self" -->)`)
			case "/many":
				for i := range 1000 {
					_, _ = fmt.Fprintf(rw, `<!--# include virtual="/one?%d" -->`, i)
				}
			case "/bomb":
				_, _ = io.WriteString(rw, strings.Repeat(`<!--# include virtual="/big" -->`, 20))
			case "/big":
				_, _ = io.WriteString(rw, strings.Repeat("x", 2<<20))
			case "/redirected":
				_, _ = io.WriteString(rw, `<!--# include virtual="/away" -->`)
			case "/away":
				http.Redirect(rw, req, "http://evil.test/", http.StatusFound)
			case "/huge":
				_, _ = io.WriteString(rw, strings.Repeat("x", 5<<20)+`<!--# include virtual="/one" -->`)
			default:
				_, _ = io.WriteString(rw, "1")
			}
		})
		if a := w.get("/self"); a.status != http.StatusOK || strings.Count(a.body, "(") != 9 || strings.Count(a.body, "error occurred") != 1 {
			t.Errorf("recursion: %d %q", a.status, a.body)
		}
		asked = 0
		if a := w.get("/many"); a.status != http.StatusOK || asked != 129 || strings.Count(a.body, "error occurred") != 1000-128 {
			t.Errorf("many: %d, asked %d times", a.status, asked)
		}
		if a := w.get("/bomb"); a.status != http.StatusBadGateway {
			t.Errorf("bomb: %d", a.status)
		}
		if a := w.get("/redirected"); !strings.Contains(a.body, "error occurred") {
			t.Errorf("redirected: %q", a.body)
		}
		if a := w.get("/huge"); len(a.body) < 5<<20 || !strings.HasSuffix(a.body, "-->") {
			t.Errorf("huge: %d bytes", len(a.body))
		}
	})
}

func TestWhatIsNoHTMLIsNotLookedAt(t *testing.T) {
	inWorld(t, func(w *world) {
		const text = `<!--# include virtual="/one" -->`
		w.backend("r1", func(rw http.ResponseWriter, req *http.Request) {
			switch req.URL.Path {
			case "/text":
				rw.Header().Set("Content-Type", "text/plain")
			case "/error":
				rw.Header().Set("Content-Type", "text/html")
				rw.WriteHeader(http.StatusInternalServerError)
			}
			_, _ = io.WriteString(rw, text)
		})
		p := publication("r1")
		p.Routes[0].SSI = true
		mustPublish(w.t, w.router, p)
		for _, path := range []string{"/text", "/error"} {
			if a := w.get(path); a.body != text {
				w.t.Errorf("%s: %q", path, a.body)
			}
		}
	})
}

// A part that cannot be had now makes the page wait, as the page itself would.
func TestIncludesWaitForTheRelease(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		w.publishIncluding(func(rw http.ResponseWriter, req *http.Request) {
			if req.URL.Path == "/part" {
				rw.Header().Set("Cache-Control", "no-store")
				_, _ = io.WriteString(rw, "part")
				return
			}
			_, _ = io.WriteString(rw, `page <!--# include virtual="/part" -->`)
		})
		w.get("/")
		w.hold(platform.Hold{})
		got := make(chan answer, 1)
		go func() { got <- w.get("/") }()
		time.Sleep(3 * time.Second)
		if s := w.status(); s.Waiting != 1 {
			t.Errorf("status %+v", s)
		}
		if _, err := w.router.Resume(t.Context(), testEnv); err != nil {
			t.Fatal(err)
		}
		if a := <-got; a.body != "page part" {
			t.Errorf("got %q", a.body)
		}
	})
}

// What a Magento does whose page cache is set to Varnish: its menu is an edge side include.
func TestEdgeSideIncludesOfMagento(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		n := map[string]int{}
		w.publishIncluding(func(rw http.ResponseWriter, req *http.Request) {
			n[req.URL.Path]++
			rw.Header().Set("Cache-Control", "max-age=86400, public, s-maxage=86400")
			rw.Header().Set("X-Magento-Tags", "FPC,"+strings.Trim(req.URL.Path, "/"))
			if req.URL.Path == "/menu" {
				_, _ = fmt.Fprintf(rw, "menu %d of %s", n["/menu"], req.URL.RawQuery)
				return
			}
			_, _ = fmt.Fprintf(rw, `page %d <esi:include src="http://%s/menu?a=1&amp;b=2" /> <esi:include src="http://elsewhere.test/x" />.`, n[req.URL.Path], req.Host)
		})
		see := func(want string) {
			t.Helper()
			a := w.do(w.request(t.Context(), http.MethodGet, "/page", nil))
			if a.body != want || !strings.Contains(a.header.Get("Cache-Control"), "no-cache") || a.header.Get("X-Magento-Tags") != "" {
				t.Errorf("got %q, want %q; %v", a.body, want, a.header)
			}
		}
		see("page 1 menu 1 of a=1&b=2 .")
		see("page 1 menu 1 of a=1&b=2 .")
		purge := func(tag string) {
			t.Helper()
			if report, err := w.router.Purge(t.Context(), testEnv, platform.Purge{Tags: []string{tag}}); err != nil || report.Removed != 1 {
				t.Errorf("%s: %+v %v", tag, report, err)
			}
		}
		purge("menu")
		see("page 1 menu 2 of a=1&b=2 .")
		purge("page")
		see("page 2 menu 2 of a=1&b=2 .")
	})
}
