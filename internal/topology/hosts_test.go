package topology_test

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"sluice/internal/manifest"
	"sluice/internal/platform"
	"sluice/internal/topology"
)

const oneApp = "-- .magento.app.yaml --\nname: app\ntype: php:8.2\nweb: {locations: {\"/\": {root: pub, passthru: /index.php}}}\n"

// routed resolves the lines of a routes.yaml on an installation with odd ports.
func routed(t *testing.T, lines string, change func(*topology.Input)) (map[string]platform.Route, error) {
	t.Helper()
	in := input(t, txtar.Parse([]byte(oneApp+"-- .magento/routes.yaml --\n"+lines)))
	in.Site = topology.Site{BaseDomain: "shops.example.org", HTTPPort: 38080, HTTPSPort: 38443}
	if change != nil {
		change(&in)
	}
	result, err := topology.Resolve(in)
	out := map[string]platform.Route{}
	for _, r := range result.Routes {
		out[r.OriginalURL] = r
	}
	return out, err
}

// TestARepositoryCannotTakeHostsOfOthers: hosts of other projects, of the machine's network
// and hosts that belong to no project, each as a route of a pushed repository.
func TestARepositoryCannotTakeHostsOfOthers(t *testing.T) {
	for name, tt := range map[string]struct {
		url     string
		domains string
		want    bool // may be routed
	}{
		"own host":                        {"https://{default}/checkout/", "", true},
		"own host, written out":           {"https://main-shop.shops.example.org/", "", true},
		"below the own host":              {"https://*.www.{default}/", "", true},
		"own domain":                      {"https://www.shop.test/", "shop.test", true},
		"wildcard of the own domain":      {"https://*.shop.test/", "shop.test", true},
		"own domain in capitals":          {"https://WWW.Shop.TEST/", "shop.test", true},
		"domain below the base domain":    {"https://shop.shops.example.org/", "shop.shops.example.org", true},
		"another project's domain":        {"https://www.victim.test/checkout/", "", false},
		"another one beside own":          {"https://www.victim.test/", "shop.test", false},
		"name that ends like the own":     {"https://evilshop.test/", "shop.test", false},
		"another environment":             {"https://main-othershop.shops.example.org/", "", false},
		"another environment as a domain": {"https://main-othershop.shops.example.org/", "main-othershop.shops.example.org", false},
		"below another environment":       {"https://www.main-othershop.shops.example.org/", "main-othershop.shops.example.org", false},
		"all environments":                {"https://*.shops.example.org/", "", false},
		"all environments by a domain":    {"https://*.shops.example.org/", "example.org", false},
		"one environment by a domain":     {"https://main-othershop.shops.example.org/", "example.org", false},
		"above the base domain":           {"https://*.example.org/", "example.org", false},
		"beside the base domain":          {"https://www.example.org/", "example.org", true},
		"everything of a suffix":          {"https://*.com/", "shop.com", false},
		"IPv4":                            {"http://169.254.169.254/", "", false},
		"IPv6":                            {"http://[::1]/", "", false},
		"this machine":                    {"http://localhost/", "", false},
		"user information":                {"https://main-shop.shops.example.org@www.victim.test/", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			route := &manifest.Route{
				Pos: manifest.Position{File: ".magento/routes.yaml", Line: 7}, URL: tt.url, Type: "upstream", Upstream: "app",
			}
			_, err := routed(t, "", func(in *topology.Input) {
				in.Manifest.Routes = []*manifest.Route{route}
				if tt.domains != "" {
					in.Site.Domains = []string{tt.domains}
				}
			})
			if tt.want != (err == nil) {
				t.Fatalf("error %v", err)
			}
			if err == nil {
				return
			}
			if !strings.Contains(err.Error(), ".magento/routes.yaml:7") || platform.ErrorCode(err) != platform.CodeInvalid ||
				!strings.Contains(platform.ErrorHint(err), "sluice domain:add -p shop ") {
				t.Errorf("error %v, hint %q", err, platform.ErrorHint(err))
			}
		})
	}
}

// TestPreviewsKeepOffTheLiveDomain: a domain that is written out is moved below the
// preview's own host, as those of {all} are.
func TestPreviewsKeepOffTheLiveDomain(t *testing.T) {
	routes, err := routed(t, `
"https://www.shop.test/": {type: upstream, upstream: "app:http"}
"https://*.shop.test/": {type: upstream, upstream: "app:http"}
`, func(in *topology.Input) {
		in.Site.Domains = []string{"shop.test"}
		in.Environment.Type = platform.Development
	})
	if err != nil {
		t.Fatal(err)
	}
	for original, want := range map[string]string{
		"https://www.shop.test/": "https://www.shop.test.main-shop.shops.example.org:38443/",
		"https://*.shop.test/":   "https://*.shop.test.main-shop.shops.example.org:38443/",
	} {
		if got := routes[original]; got.URL != want || !strings.HasPrefix(got.ProductionURL, strings.TrimSuffix(original, "/")) {
			t.Errorf("%s became %s, in production %s", original, got.URL, got.ProductionURL)
		}
	}
}

// TestRedirectsToOtherSitesStayAsWritten: scheme and port of this installation are for its
// own hosts only.
func TestRedirectsToOtherSitesStayAsWritten(t *testing.T) {
	for to, want := range map[string]string{
		"https://blog.partner.test/":                        "https://blog.partner.test/",
		"https://blog.partner.test":                         "https://blog.partner.test",
		"http://blog.partner.test/x?y=1":                    "http://blog.partner.test/x?y=1",
		"https://sso.partner.test/?back=https://{default}/": "https://sso.partner.test/?back=http://main-shop.shops.example.org:38080/",
		"https://{default}/":                                "http://main-shop.shops.example.org:38080/",
		"https://www.{default}/x":                           "http://www.main-shop.shops.example.org:38080/x",
		"https://www.own.test/":                             "http://www.own.test:38080/",
	} {
		routes, err := routed(t, fmt.Sprintf(`
"http://{default}/": {type: upstream, upstream: "app:http", redirects: {paths: {"/p": {to: %q}}}}
"http://{default}/blog/": {type: redirect, to: %q}
`, to, to), func(in *topology.Input) {
			in.Site.HTTPSPort = 0
			in.Site.Domains = []string{"own.test"}
			in.Environment.Type = platform.Development
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := routes["http://{default}/blog/"].To; got != want {
			t.Errorf("a route redirects to %s, want %s", got, want)
		}
		if got := routes["http://{default}/"].Redirects[0].To; got != want {
			t.Errorf("a partial redirect goes to %s, want %s", got, want)
		}
	}
}

// TestRedirectToTLSWithoutTLS: http://X/ that redirects to https://X/ would lead to itself.
func TestRedirectToTLSWithoutTLS(t *testing.T) {
	in := input(t, txtar.Parse([]byte(oneApp+`-- .magento/routes.yaml --
"http://{default}/": {type: redirect, to: "https://{default}/"}
"https://{default}/": {type: upstream, upstream: "app:http"}
`)))
	result, err := topology.Resolve(in)
	if err != nil || len(result.Routes) != 1 || result.Routes[0].Type != platform.RouteUpstream || !result.Routes[0].Primary {
		t.Errorf("%+v %v", result.Routes, err)
	}
}

func TestRoutesAreLimited(t *testing.T) {
	in := input(t, txtar.Parse([]byte(oneApp+`-- .magento/routes.yaml --
"https://{all}/": {type: upstream, upstream: "app:http"}
`)))
	in.Site.HTTPSPort = 443
	for i := range 1000 {
		in.Site.Domains = append(in.Site.Domains, fmt.Sprintf("s%d.test", i))
	}
	if result, err := topology.Resolve(in); err != nil || len(result.Routes) != 2000 { // and the redirects from http
		t.Errorf("%d routes, %v", len(result.Routes), err)
	}
	in.Site.Domains = append(in.Site.Domains, "one-too-many.test")
	if _, err := topology.Resolve(in); platform.ErrorCode(err) != platform.CodeInvalid || !strings.Contains(err.Error(), "1000 routes") {
		t.Errorf("error %v", err)
	}
}
