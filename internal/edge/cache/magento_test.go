package cache

import (
	"net/http"
	"strings"
	"testing"

	"sluice/internal/platform"
)

// forBrowsers is what a visitor is told of a page that only this cache may keep.
const forBrowsers = "no-store, no-cache, must-revalidate, max-age=0"

// magento answers as one does whose page cache is set to Varnish: with cookies. More lines
// of the header are in the argument.
func magento(lines ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "max-age=86400, public, s-maxage=86400")
		h.Set("X-Magento-Tags", "cat_p_12,FPC")
		h.Add("Set-Cookie", "PHPSESSID=abc; path=/; HttpOnly")
		for _, line := range lines {
			name, value, _ := strings.Cut(line, ": ")
			if name == "Set-Cookie" {
				h.Add(name, value)
			} else {
				h.Set(name, value)
			}
		}
		_, _ = w.Write([]byte("for " + req.Header.Get("Cookie") + req.Header.Get(cacheID) + req.Header.Get("Store")))
	}
}

func TestMagentoForVarnish(t *testing.T) {
	private := "max-age=0, must-revalidate, no-cache, no-store, private"
	tests := []struct {
		name    string
		cookies []string // of the route
		answer  []string // lines of its header
		request []string // name, value, ...
		second  string   // what the cache says of the same request again
		cookie  bool     // the first answer has cookies
		cc      string   // the first answer's Cache-Control
	}{
		{"a page", []string{varyCookie}, nil, nil, "HIT", false, forBrowsers},
		{"a page for who has a session", []string{varyCookie}, nil, []string{"Cookie", "PHPSESSID=abc"}, "HIT", false, forBrowsers},
		{"every cookie bypasses, and there is none", []string{"*"}, nil, nil, "HIT", false, forBrowsers},
		{"a pattern has it", []string{"/^X-Magento/"}, nil, nil, "HIT", false, forBrowsers},
		{"a route that does not tell groups apart", nil, nil, nil, "BYPASS", true, forBrowsers},
		{"a page for one visitor", []string{varyCookie}, []string{"Cache-Control: " + private}, nil, "BYPASS", true, private},
		{"a page that is not to be kept", []string{varyCookie}, []string{"Cache-Control: no-cache, no-store"}, nil, "BYPASS", true, forBrowsers},
		{"the group changes", []string{varyCookie}, []string{"Set-Cookie: X-Magento-Vary=g1; path=/"}, nil, "BYPASS", true, forBrowsers},
		{"the group changes to another", []string{varyCookie}, []string{"Set-Cookie: X-Magento-Vary=g1"}, []string{"Cookie", "X-Magento-Vary=g2"}, "BYPASS", true, forBrowsers},
		{"the group stays", []string{varyCookie}, []string{"Set-Cookie: X-Magento-Vary=g1"}, []string{"Cookie", "a=b; X-Magento-Vary=g1"}, "HIT", false, forBrowsers},
		{"GraphQL", []string{varyCookie}, []string{"X-Magento-Cache-Id: i1"}, nil, "HIT", false, forBrowsers},
		{"GraphQL of the same group", []string{varyCookie}, []string{"X-Magento-Cache-Id: i1"}, []string{cacheID, "i1"}, "HIT", false, forBrowsers},
		{"GraphQL of another group", []string{varyCookie}, []string{"X-Magento-Cache-Id: i1"}, []string{cacheID, "i2"}, "BYPASS", true, forBrowsers},
		{"GraphQL of a customer", []string{varyCookie}, []string{"X-Magento-Cache-Id: i1"}, []string{cacheID, "i1", "Authorization", "Bearer t"}, "BYPASS", true, forBrowsers},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(b box) {
				rt, err := b.zone.Route(platform.RouteCache{Enabled: true, Cookies: tt.cookies})
				if err != nil {
					t.Fatal(err)
				}
				request := func() *http.Request {
					req := get(b.t.Context(), "/page")
					for i := 0; i < len(tt.request); i += 2 {
						req.Header.Set(tt.request[i], tt.request[i+1])
					}
					return req
				}
				first := ask(rt, request(), magento(tt.answer...)).Header()
				if (first["Set-Cookie"] != nil) != tt.cookie || first.Get("Cache-Control") != tt.cc || first["X-Magento-Tags"] != nil {
					t.Errorf("first: %v", first)
				}
				second := ask(rt, request(), magento(tt.answer...)).Header()
				if second.Get(ownHeader) != tt.second || second.Get("Cache-Control") != tt.cc || (second["Set-Cookie"] != nil) != tt.cookie {
					t.Errorf("second: %v", second)
				}
			})
		})
	}
}

func TestMagentoTellsItsAnswersApart(t *testing.T) {
	bubble(t, func(b box) {
		rt, err := b.zone.Route(platform.RouteCache{Enabled: true, Cookies: []string{varyCookie}})
		if err != nil {
			t.Fatal(err)
		}
		requests := [][2]string{{"", ""}, {"Cookie", "X-Magento-Vary=g1"}, {"Store", "de"}, {"Content-Currency", "EUR"}}
		seen := map[string]bool{}
		for range 2 {
			for _, r := range requests {
				req := get(t.Context(), "/graphql?query=x")
				if r[0] != "" {
					req.Header.Set(r[0], r[1])
				}
				w := ask(rt, req, magento("X-Magento-Cache-Id: i1"))
				if want := map[bool]string{true: "HIT", false: "MISS"}[seen[r[0]]]; w.Header().Get(ownHeader) != want {
					t.Errorf("%v: %s, want %s", r, w.Header().Get(ownHeader), want)
				}
				seen[r[0]] = true
			}
		}
	})
}

func TestOtherApplicationsDecideForBrowsersThemselves(t *testing.T) {
	bubble(t, func(b box) {
		app := func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Cache-Control", "max-age=60")
			w.Header().Set("Surrogate-Key", "a b")
			_, _ = w.Write([]byte("page"))
		}
		for range 2 {
			h := ask(b.rt, get(t.Context(), "/a"), app).Header()
			if h.Get("Cache-Control") != "max-age=60" || h["Pragma"] != nil {
				t.Errorf("%v", h)
			}
		}
	})
}
