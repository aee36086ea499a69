package edge

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"sluice/internal/platform"
)

// shopWithTags is an environment whose containers are in 10.9.1.0/24, with pages that have
// their path as a tag, and another one with the same pages.
func shopWithTags(t *testing.T, opts Options) *Router {
	t.Helper()
	r, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Finish)
	backend := realBackend(t, func(w http.ResponseWriter, req *http.Request) {
		if req.Method != http.MethodGet {
			_, _ = io.WriteString(w, "the application got "+req.Method)
			return
		}
		w.Header().Set("Cache-Control", "public, max-age=60")
		w.Header().Set("X-Magento-Tags", "cat_p,"+strings.Trim(req.URL.Path, "/"))
	})
	for env, network := range map[string]string{"shop": "10.9.1.0/24", "other": "10.9.2.0/24"} {
		mustPublish(t, r, platform.Publication{
			Environment: platform.EnvironmentID(env), Release: "r1", Subnet: network,
			Routes:   []platform.Route{{URL: "http://" + env + ".test/", Type: platform.RouteUpstream, Upstream: "app", Cache: platform.RouteCache{Enabled: true}}},
			Backends: map[string][]string{"app": {backend}},
		})
	}
	return r
}

// askFrom sends a request from an address.
func askFrom(t *testing.T, r *Router, from, method, url string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), method, url, nil)
	req.RemoteAddr = netip.AddrPortFrom(netip.MustParseAddr(from), 1234).String()
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	return w
}

func TestContainersPurgeTheirOwnEnvironment(t *testing.T) {
	const (
		visitor, container, stranger = "203.0.113.7", "10.9.1.130", "10.9.2.130"
		product                      = "((^|,)cat_p_1(,|$))"
	)
	pages := []string{"http://shop.test/cat_p_1", "http://shop.test/cat_p_12", "http://shop.test/cms_b_3", "http://other.test/cat_p_1"}
	tests := []struct {
		name, from, url string
		header          []string
		status          int
		body            string
		gone            []int // of pages
	}{
		{"a tag", container, "http://shop.test/", []string{patternHeader, product}, 200, "Purged 1\n", []int{0}},
		{"two tags", container, "http://shop.test/", []string{patternHeader, product + "|((^|,)cms_b_3(,|$))"}, 200, "Purged 2\n", []int{0, 2}},
		{"by the address of the router", container, "http://10.9.1.1/", []string{patternHeader, product}, 200, "Purged 1\n", []int{0}},
		{"on somebody else's host", container, "http://other.test/", []string{patternHeader, product}, 200, "Purged 1\n", []int{0}},
		{"everything", container, "http://shop.test/", []string{patternHeader, ".*"}, 200, "Purged 3\n", []int{0, 1, 2}},
		{"a pattern of another kind", container, "http://shop.test/", []string{patternHeader, "cat_p_[0-9]+"}, 200, "Purged 3\n", []int{0, 1, 2}},
		{"one URL", container, "http://shop.test/cat_p_12", nil, 200, "Purged 1\n", []int{1}},
		{"the other environment's container", stranger, "http://shop.test/", []string{patternHeader, product}, 200, "Purged 1\n", []int{3}},
		{"a visitor", visitor, "http://shop.test/", []string{patternHeader, ".*"}, 200, "the application got PURGE", nil},
		{"a visitor who says that he is a container", visitor, "http://shop.test/", []string{patternHeader, ".*", "X-Forwarded-For", container}, 200, "the application got PURGE", nil},
		{"a visitor of nothing", visitor, "http://10.9.1.1/", []string{patternHeader, ".*"}, 404, "", nil},
		{"the machine", "10.9.1.1", "http://shop.test/", []string{patternHeader, ".*"}, 200, "the application got PURGE", nil},
		{"a proxy that visitors come through", "10.9.1.9", "http://shop.test/", []string{patternHeader, ".*"}, 200, "the application got PURGE", nil},
		{"over IPv6", "::ffff:10.9.1.130", "http://shop.test/", []string{patternHeader, product}, 200, "Purged 1\n", []int{0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := shopWithTags(t, Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.9.1.9/32")}})
			for _, page := range pages {
				if w := askFrom(t, r, visitor, http.MethodGet, page); w.Header().Get("X-Magento-Tags") != "" {
					t.Fatal("the tags reached a visitor")
				}
			}
			w := askFrom(t, r, tt.from, "PURGE", tt.url, tt.header...)
			if w.Code != tt.status || (tt.body != "" && w.Body.String() != tt.body) {
				t.Errorf("%d %q", w.Code, w.Body)
			}
			for i, page := range pages {
				kept := askFrom(t, r, visitor, http.MethodGet, page).Header().Get("X-Cache") == "HIT"
				if kept == slices.Contains(tt.gone, i) {
					t.Errorf("%s is kept: %v", page, kept)
				}
			}
		})
	}
}

// Who may not see the site may still be its container, and the containers of an
// environment that is held have things to remove, too.
func TestContainersPurgeWhateverVisitorsMeet(t *testing.T) {
	r := shopWithTags(t, Options{})
	askFrom(t, r, "203.0.113.7", http.MethodGet, "http://shop.test/cat_p_1")
	if _, err := r.Hold(t.Context(), platform.Hold{Environment: "shop", Activity: "a1"}); err != nil {
		t.Fatal(err)
	}
	if err := r.Configure(t.Context(), "shop", platform.EdgeSettings{
		Access: platform.HTTPAccess{Enabled: true, Addresses: []platform.AddressRule{{Permission: platform.Deny, Address: "any"}}},
	}); err != nil {
		t.Fatal(err)
	}
	w := askFrom(t, r, "10.9.1.130", "PURGE", "http://shop.test/", patternHeader, "((^|,)cat_p(,|$))")
	if w.Code != http.StatusOK || !strings.HasPrefix(w.Body.String(), "Purged") {
		t.Errorf("%d %q", w.Code, w.Body)
	}
}

func TestPurgeByTags(t *testing.T) {
	r := shopWithTags(t, Options{})
	for _, page := range []string{"cat_p_1", "cat_p_12", "cms_b_3"} {
		askFrom(t, r, "203.0.113.7", http.MethodGet, "http://shop.test/"+page)
	}
	for _, tt := range []struct {
		purge platform.Purge
		want  int
		code  platform.Code
	}{
		{platform.Purge{Tags: []string{"cat_p_12", "cms_b_3"}}, 2, ""},
		{platform.Purge{Tags: []string{"cat_p_12"}}, 0, ""},
		{platform.Purge{Tags: []string{"a b"}}, 0, platform.CodeInvalid},
		{platform.Purge{Tags: []string{""}}, 0, platform.CodeInvalid},
		{platform.Purge{Tags: []string{"a"}, URL: "http://shop.test/"}, 0, platform.CodeInvalid},
		{platform.Purge{Tags: make([]string, platform.MaxPurgeTags+1)}, 0, platform.CodeInvalid},
		{platform.Purge{Prefix: true}, 0, platform.CodeInvalid},
		{platform.Purge{}, 1, ""},
	} {
		report, err := r.Purge(t.Context(), "shop", tt.purge)
		if report.Removed != tt.want || (err != nil) != (tt.code != "") || (err != nil && platform.ErrorCode(err) != tt.code) {
			t.Errorf("%+v: %+v %v", tt.purge, report, err)
		}
	}
}

func TestNetworkThatIsNoneIsRefused(t *testing.T) {
	r := shopWithTags(t, Options{})
	p := publication("r2")
	p.Subnet = "10.9.3.0"
	if _, err := r.Publish(t.Context(), p); platform.ErrorCode(err) != platform.CodeInvalid {
		t.Errorf("%v", err)
	}
}

func FuzzMagentoTags(f *testing.F) {
	for _, s := range []string{"((^|,)cat_p_12(,|$))", "((^|,)a(,|$))|((^|,)b-c(,|$))", ".*", "", "((^|,)a(,|$))|", "((^|,)(,|$))", "((^|,)a.b(,|$))"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, pattern string) {
		tags, ok := magentoTags(pattern)
		if !ok {
			return
		}
		parts := make([]string, 0, len(tags))
		for _, tag := range tags {
			parts = append(parts, "((^|,)"+tag+"(,|$))")
		}
		if again := strings.Join(parts, "|"); again != pattern {
			t.Errorf("%q was read as %q", pattern, tags)
		}
	})
}
