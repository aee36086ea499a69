package cache

import (
	"strings"
	"testing"

	"sluice/internal/platform"
)

// TestCookiesThatApplicationsReadDifferently: a request with one of these bypasses the
// cache; the key would say something else than the application sees.
func TestCookiesThatApplicationsReadDifferently(t *testing.T) {
	tests := []struct {
		line string
		ok   bool
	}{
		{"X-Magento-Vary=vip", true},
		{"a=1;  X-Magento-Vary=vip; ", true},
		{"X-Magento-Vary=", true},
		{"cart.id=1; prefs[lang]=de; a=%20", true}, // they concern no cookie of the key
		{`a="x"; b={"k":1}`, true},
		{"X-Magento-Vary =vip", false},
		{"X-Magento-Vary\t=vip", false},
		{"a=1;\tX-Magento-Vary=vip", false},
		{"\u00a0X-Magento-Vary=vip", false},
		{"X-Magento-Vary", false},
		{"a; X-Magento-Vary=vip", false},
		{`a="x; X-Magento-Vary=vip"`, false},
		{"X-Magento-Vary[]=vip", false},
		{"X-Magento-Vary[x=vip", false},
		{"X%2DMagento-Vary=vip", false},
		{"%20X-Magento-Vary=vip", false},
		{"X-Magento-Vary%00x=vip", false},
		{"store.group=1", false},
		{"store[group=1", false},
		{"store+group=1", false},
		{"store%5Fgroup=1", false},
		{"store.group[x]=1", false},
		{"SESSa=1; SESSIONS=2", true},
		{"SESSa[0]=1", false},
		{"SES%53a=1", false},
		{strings.Repeat("a=1; ", 127) + "b=1", true},
		{strings.Repeat("a=1; ", 128) + "b=1", false},
		{strings.Repeat(";", 1000) + "X-Magento-Vary=vip", false},
	}
	c, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	rt, err := c.NewZone().Route(platform.RouteCache{Enabled: true, Cookies: []string{"X-Magento-Vary", "store_group", "/^SESS[a-z]$/"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		req := get(t.Context(), "/a")
		req.Header["Cookie"] = []string{tt.line}
		if _, ok := rt.key(nil, req, false); ok != tt.ok {
			t.Errorf("%.60q: cache used: %t", tt.line, ok)
		}
	}
}

// TestRouteThatKeysOnTheVisitor: no two visitors share what applications write into these
// headers, so nothing of such a route is stored.
func TestRouteThatKeysOnTheVisitor(t *testing.T) {
	c, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		header string
		ok     bool
	}{{"X-Client-Ip", false}, {"x-forwarded-for", false}, {"X-Forwarded-Proto", true}, {"Accept", true}} {
		rt, err := c.NewZone().Route(platform.RouteCache{Enabled: true, Headers: []string{tt.header}})
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := rt.key(nil, get(t.Context(), "/a"), false); ok != tt.ok {
			t.Errorf("%s: cache used: %t", tt.header, ok)
		}
	}
}
