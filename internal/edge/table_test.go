package edge

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"sluice/internal/edge/gate"
	"sluice/internal/platform"
)

func upstream(u string) platform.Route {
	return platform.Route{URL: u, OriginalURL: u, Type: platform.RouteUpstream, Upstream: "app"}
}

func tableOf(tb testing.TB, urls ...string) *table {
	tb.Helper()
	p := platform.Publication{Environment: testEnv, Backends: map[string][]string{"app": {"127.0.0.1:1"}}}
	for _, u := range urls {
		p.Routes = append(p.Routes, upstream(u))
	}
	r := &Router{log: slog.New(slog.DiscardHandler)}
	rel, err := r.newRelease(&environment{Gate: gate.New(&gate.Metrics{}, func() {}), id: testEnv}, p)
	if err != nil {
		tb.Fatal(err)
	}
	return rel.table
}

func TestTableMatch(t *testing.T) {
	tab := tableOf(t,
		"http://shop.test:8080/", "http://shop.test:8080/blog/", "http://shop.test:8080/blog/archive/old",
		"http://*.shop.test/", "http://en.shop.test/only/", "https://secure.test/", "https://both.test/", "http://both.test/")
	tests := []struct {
		host, path string
		secure     bool
		want       string
	}{
		{"shop.test", "/", false, "http://shop.test:8080/"},
		{"shop.test:9999", "/", false, "http://shop.test:8080/"},
		{"SHOP.test.", "/x", false, "http://shop.test:8080/"},
		{"shop.test", "/", true, "http://shop.test:8080/"},
		{"shop.test", "/blog", false, "http://shop.test:8080/blog/"},
		{"shop.test", "/blog/", false, "http://shop.test:8080/blog/"},
		{"shop.test", "/blog/post", false, "http://shop.test:8080/blog/"},
		{"shop.test", "/blogger", false, "http://shop.test:8080/"},
		{"shop.test", "/blog/archive/old/1", false, "http://shop.test:8080/blog/archive/old"},
		{"shop.test", "/blog/archive", false, "http://shop.test:8080/blog/"},
		{"shop.test", strings.Repeat("/", 50_000), false, "http://shop.test:8080/"},
		{"de.shop.test", "/", false, "http://*.shop.test/"},
		{"a.b.shop.test", "/", false, "http://*.shop.test/"},
		{"en.shop.test", "/only/this", false, "http://en.shop.test/only/"},
		{"en.shop.test", "/else", false, ""},
		{"shop.test.evil.test", "/", false, ""},
		{"secure.test", "/", true, "https://secure.test/"},
		{"secure.test", "/", false, "https://secure.test/"}, // redirected to https
		{"both.test", "/", false, "http://both.test/"},
		{"both.test", "/", true, "https://both.test/"},
		{"[::1]:8080", "/", false, ""},
		{"", "/", false, ""},
	}
	for _, tt := range tests {
		got := ""
		if r := tab.match(tt.host, tt.secure, tt.path); r != nil {
			got = r.URL
		}
		if got != tt.want {
			t.Errorf("match(%q, secure=%v, %.40q) = %q, want %q", tt.host, tt.secure, tt.path, got, tt.want)
		}
	}
}

func TestPublishRefusesWhatLeadsNowhere(t *testing.T) {
	r, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	good := publication("r1")
	if _, err := r.Publish(t.Context(), good); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		change func(*platform.Publication)
		want   platform.Code
	}{
		{"relative url", func(p *platform.Publication) { p.Routes[0].URL = "/x" }, platform.CodeInvalid},
		{"no backend", func(p *platform.Publication) { p.Backends = nil }, platform.CodeInvalid},
		{"backend without port", func(p *platform.Publication) { p.Backends["app"] = []string{"10.0.0.1"} }, platform.CodeInvalid},
		{"redirect to nowhere", func(p *platform.Publication) { p.Routes[0].Type = platform.RouteRedirect }, platform.CodeInvalid},
		{"bad pattern", func(p *platform.Publication) {
			p.Routes[0].Redirects = []platform.PartialRedirect{{Path: "(", Regexp: true}}
		}, platform.CodeInvalid},
		{"host of another environment", func(p *platform.Publication) { p.Environment = "other-main" }, platform.CodeConflict},
		{"no environment", func(p *platform.Publication) { p.Environment = "" }, platform.CodeInvalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := publication("r2")
			tt.change(&p)
			if _, err := r.Publish(t.Context(), p); platform.ErrorCode(err) != tt.want {
				t.Errorf("got %v, want code %s", err, tt.want)
			}
			if s, err := r.Status(testEnv); err != nil || s.Release != "r1" || s.State != Open {
				t.Errorf("a refused publication changed the environment: %+v %v", s, err)
			}
		})
	}
}

func TestRedirects(t *testing.T) {
	rs, err := compileRedirects([]platform.PartialRedirect{
		{Path: "/from", To: "https://shop.test/to", Prefix: true, AppendSuffix: true},
		{Path: "/from/special", To: "/offer?x=1", Prefix: true, Code: 301},
		{Path: "/exact", To: "/there", Code: 307},
		{Path: "/all/", To: "/", Prefix: true, AppendSuffix: true},
		{Path: `^/p/(\d+)/(.*)$`, To: "/product/$2?id=$1", Regexp: true},
		{Path: `(?<=/look)behind$`, To: "$uri$is_args$args&$arg_a", Regexp: true},
		{Path: `^/x(.*)$`, To: "/$1", Regexp: true},
		{Path: `^/(a+)+$`, To: "/slow", Regexp: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ url, want string }{
		{"/from", "302 https://shop.test/to"},
		{"/from/", "302 https://shop.test/to/"},
		{"/from/another/path?q=1", "302 https://shop.test/to/another/path?q=1"},
		{"/fromage", ""},
		{"/from/special/deal?y=2", "301 /offer?x=1"},
		{"/exact", "307 /there"},
		{"/exact?q=1", "307 /there?q=1"},
		{"/exact/", ""},
		{"/all//evil.test/", "302 /evil.test/"},
		{"/from/a%0d%0aSet-Cookie:x", "302 https://shop.test/to/a%0D%0ASet-Cookie:x"},
		{"/p/42/red-shoe", "302 /product/red-shoe?id=42"},
		{"/lookbehind?a=1&b=2", "302 /lookbehind?a=1&b=2&1"},
		{"/x/evil.test", "302 /evil.test"},
		{"/x%5Cevil.test", "302 /%5Cevil.test"},
		{"/" + strings.Repeat("a", 40) + "!", ""},
	}
	for _, tt := range tests {
		u, err := url.Parse(tt.url)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		start := cpuTime() // the machine may do other things
		if loc, r := rs.match(nil, u); r != nil {
			got = fmt.Sprintf("%d %s", r.code, loc)
		}
		if got != tt.want {
			t.Errorf("%s leads to %q, want %q", tt.url, got, tt.want)
		}
		if d := cpuTime() - start; d > 3*time.Second {
			t.Errorf("%s took %v", tt.url, d)
		}
	}
}

func TestRouteRedirects(t *testing.T) {
	r, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	p := publication("r1")
	p.Routes = []platform.Route{
		{URL: "http://www.shop.test/", Type: platform.RouteRedirect, To: "https://shop.test/"},
		{URL: "http://shop.test/old/", Type: platform.RouteRedirect, To: "http://shop.test:8080/new"},
		upstream("https://shop.test:8443/"),
	}
	if _, err := r.Publish(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ host, path, want string }{
		{"www.shop.test", "/a/b?c=d", "https://shop.test/a/b?c=d"},
		{"www.shop.test", "/", "https://shop.test/"},
		{"shop.test", "/old/x", "http://shop.test:8080/new/x"},
		{"shop.test:8080", "/p?q=1", "https://shop.test:8443/p?q=1"},
	}
	for _, tt := range tests {
		w := httptest.NewRecorder()
		r.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+tt.host+tt.path, nil))
		if got := w.Header().Get("Location"); w.Code != http.StatusMovedPermanently || got != tt.want {
			t.Errorf("%s%s: %d %q, want 301 %q", tt.host, tt.path, w.Code, got, tt.want)
		}
	}
}

func TestParseLifetime(t *testing.T) {
	tests := map[string]time.Duration{
		"3600s": time.Hour, "1d": 24 * time.Hour, "2w": 14 * 24 * time.Hour, "3m": 3 * time.Minute, "60": time.Minute,
		"": -1, "-1": -1, "soon": -1, "9999999999d": -1, "1x": -1,
	}
	for in, want := range tests {
		if got := time.Duration(parseLifetime(in)); got != want {
			t.Errorf("parseLifetime(%q) = %v, want %v", in, got, want)
		}
	}
}

func TestLookupDoesNotAllocate(t *testing.T) {
	tab := manyRoutes(t, 50)
	if n := testing.AllocsPerRun(100, func() { tab.match("main-shop7.example.test:8080", false, "/media/catalog/a.jpg") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func manyRoutes(tb testing.TB, envs int) *table {
	tb.Helper()
	urls := make([]string, 0, envs*5)
	for i := range envs {
		base := fmt.Sprintf("http://main-shop%d.example.test:8080", i)
		urls = append(urls, base+"/", base+"/blog/", base+"/media/", base+"/api/v1/", base+"/admin/")
	}
	return tableOf(tb, urls...)
}

func BenchmarkLookup(b *testing.B) {
	for _, envs := range []int{10, 1000} {
		b.Run(fmt.Sprintf("envs=%d", envs), func(b *testing.B) {
			tab := manyRoutes(b, envs)
			b.ReportAllocs()
			for b.Loop() {
				if tab.match("main-shop7.example.test:8080", false, "/media/catalog/product/a.jpg") == nil {
					b.Fatal("no route")
				}
			}
		})
	}
}
