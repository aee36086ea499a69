package topology_test

import (
	"slices"
	"strings"
	"testing"

	"sluice/internal/platform"
	"sluice/internal/topology"
)

func TestWarmUpAsksOnlyTheReleasesOwnHosts(t *testing.T) {
	routes := []platform.Route{
		{URL: "http://shop.test:8080/", Type: platform.RouteRedirect},
		{URL: "https://shop.test:8443/", Primary: true},
		{URL: "https://*.brands.shop.test:8443/"},
	}
	got, notices := topology.WarmUp([]string{
		"index.php", "/a?b=c", "product:*:*", "https://shop.test:8443/x", "HTTPS://Shop.TEST:8443/y",
		"http://shop.test:8080/", "https://acme.brands.shop.test:8443/",
		"https://victim.test/", "http://shop.test/", "https://shop.test:8443@victim.test/", "https://evilshop.test:8443/",
		"http://127.0.0.1/", "//victim.test/z", "ftp://shop.test/", "https://brands.shop.test:8443/",
	}, routes)
	want := []string{
		"https://shop.test:8443/index.php", "https://shop.test:8443/a?b=c", "https://shop.test:8443/x", "https://Shop.TEST:8443/y",
		"http://shop.test:8080/", "https://acme.brands.shop.test:8443/", "https://shop.test:8443/z",
	}
	if !slices.Equal(got, want) {
		t.Errorf("pages\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if len(notices) != 6 {
		t.Errorf("notices %q", notices)
	}
}

func TestWarmUpIsLimited(t *testing.T) {
	pages := make([]string, topology.MaxWarmUp+5)
	for i := range pages {
		pages[i] = "/p"
	}
	got, notices := topology.WarmUp(pages, []platform.Route{{URL: "http://shop.test/", Primary: true}})
	if len(got) != topology.MaxWarmUp || len(notices) != 1 {
		t.Errorf("%d pages, notices %q", len(got), notices)
	}
	if got, _ := topology.WarmUp(pages, nil); len(got) > 0 {
		t.Errorf("pages without a route: %d", len(got))
	}
}
