package cache

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sluice/internal/platform"
)

func FuzzDirectives(f *testing.F) {
	for _, s := range []string{"", "max-age=60", `private="a, b", max-age="60"`, "s-maxage=1,,max-age=99999999999999999999", `no-cache="x`, "max-stale, min-fresh=5", `a="\"", no-store`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d := parseDirectives([]string{s})
		for _, n := range []int64{d.maxAge, d.sMaxAge, d.swr, d.sie, d.minFresh, d.maxStale} {
			if n < unsaid || n > maxSeconds {
				t.Errorf("%q: %+v", s, d)
			}
		}
		// A directive behind what was read before is never missed when nothing is quoted.
		if more := parseDirectives([]string{s + ",no-store"}); !strings.ContainsAny(s, `"\`) && !more.is(noStore) {
			t.Errorf("%q hides no-store", s)
		}
		twice := parseDirectives([]string{s, s})
		if twice != d {
			t.Errorf("%q twice: %+v, once %+v", s, twice, d)
		}
	})
}

func FuzzVary(f *testing.F) {
	for _, s := range []string{"", "*", "Accept-Encoding", "a,b ,, C", "Cookie, *", "X-Forwarded-For", strings.Repeat("a,", 100)} {
		f.Add(s, "gzip;q=0, br")
	}
	f.Fuzz(func(t *testing.T, vary, value string) {
		names, ok := varyOf(http.Header{"Vary": {vary}})
		if !ok {
			return
		}
		if len(names) > maxVaried || strings.TrimSpace(vary) == "*" {
			t.Errorf("%q: %q", vary, names)
		}
		req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		for _, name := range names {
			req.Header[name] = []string{value}
		}
		for _, name := range names {
			v := varied{name: name, value: string(appendVaried(nil, name, req))}
			if !v.matches(nil, req) {
				t.Errorf("%q does not match itself", name)
			}
		}
	})
}

// FuzzKey wants that two requests have the same key only when an application sees the
// same in both.
func FuzzKey(f *testing.F) {
	f.Add("shop.test", "/a", "x=1", "de", "a=1", "shop.test", "/a", "x=1", "en", "a=1")
	f.Add("shop.test", "/a", "", "", "", "shop.testa", "/", "", "", "")
	f.Add("h", "/", "", "a", "b=1", "h", "/", "", "", "a=1; b=1")
	f.Fuzz(func(t *testing.T, host1, path1, query1, header1, cookie1, host2, path2, query2, header2, cookie2 string) {
		c, err := New(Options{})
		if err != nil {
			t.Fatal(err)
		}
		rt, err := c.NewZone().Route(platform.RouteCache{Enabled: true, Headers: []string{"X-A"}, Cookies: []string{"a", "b"}})
		if err != nil {
			t.Fatal(err)
		}
		request := func(host, path, query, header, cookie string) *http.Request {
			req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
			req.Host, req.URL.Path, req.URL.RawQuery = host, path, query
			req.Header = http.Header{"X-A": {header}, "Cookie": {cookie}}
			return req
		}
		one, two := request(host1, path1, query1, header1, cookie1), request(host2, path2, query2, header2, cookie2)
		k1, ok1 := rt.key(nil, one, false)
		k2, ok2 := rt.key(nil, two, false)
		if !ok1 || !ok2 || string(k1.url)+string(k1.config) != string(k2.url)+string(k2.config) {
			return
		}
		if host1 != host2 || path1 != path2 || query1 != query2 || header1 != header2 {
			t.Errorf("%q and %q have one key", []string{host1, path1, query1, header1}, []string{host2, path2, query2, header2})
		}
		named := func(line string) (all []string) {
			for _, want := range []string{"a", "b"} {
				for name, value := range cookies(line) {
					if name == want {
						all = append(all, name+"="+value)
					}
				}
			}
			return all
		}
		if strings.Join(named(cookie1), "\n") != strings.Join(named(cookie2), "\n") {
			t.Errorf("cookies %q and %q have one key", cookie1, cookie2)
		}
	})
}

// FuzzAnswer sends hostile headers both ways: nothing panics, nothing that forbids it is
// kept, and nothing that is kept can end a header line.
func FuzzAnswer(f *testing.F) {
	f.Add("Cache-Control", "max-age=60", "Vary", "Accept", "Range", "bytes=0-1,2-3,-1")
	f.Add("Set-Cookie", "a=1", "Cache-Control", "public, max-age=60", "If-None-Match", `W/"x", *`)
	f.Add("X-A", "b\r\nSet-Cookie: c", "Age", "-1", "Cache-Control", "max-stale=1,only-if-cached")
	f.Add("Last-Modified", "Mon, 06 Jan 2025 10:00:00 GMT", "Etag", `"`, "If-Modified-Since", "never")
	f.Fuzz(func(t *testing.T, name1, value1, name2, value2, asked, wish string) {
		c, err := New(Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		rt, err := c.NewZone().Route(platform.RouteCache{Enabled: true, DefaultTTL: 60, Cookies: []string{"a"}})
		if err != nil {
			t.Fatal(err)
		}
		app := func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Add(name1, value1)
			w.Header().Add(name2, value2)
			_, _ = w.Write([]byte("body"))
		}
		for range 2 {
			req := get(t.Context(), "/a")
			req.Header.Add(asked, wish)
			w := ask(rt, req, app)
			kept := w.Header().Get("X-Cache") == "HIT"
			cc := parseDirectives(w.Header()["Cache-Control"])
			if kept && (w.Header()["Set-Cookie"] != nil || cc.is(noStore|private|noCache)) {
				t.Errorf("kept: %v", w.Header())
			}
			for _, values := range w.Header() {
				for _, v := range values {
					if kept && strings.ContainsAny(v, "\r\n") {
						t.Errorf("kept: %q", v)
					}
				}
			}
		}
	})
}

func TestInitialAge(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		h    http.Header
		want time.Duration
	}{
		{http.Header{}, 0},
		{http.Header{"Age": {"30"}}, 31 * time.Second}, // and the second it took
		{http.Header{"Age": {"-5"}}, time.Second},
		{http.Header{"Date": {"Thu, 01 Jan 2026 11:59:00 GMT"}}, time.Minute},
		{http.Header{"Date": {"Thu, 01 Jan 2026 13:00:00 GMT"}}, 0},
		{http.Header{"Date": {"yesterday"}}, 0},
	}
	for _, tt := range tests {
		if got := initialAge(tt.h, now.Add(-time.Second), now); got != tt.want {
			t.Errorf("%v: %s, want %s", tt.h, got, tt.want)
		}
	}
}
