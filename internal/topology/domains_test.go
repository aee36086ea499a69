package topology_test

import (
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"sluice/internal/platform"
	"sluice/internal/topology"
)

const twoRoutes = `
-- .magento.app.yaml --
name: app
type: php:8.2
web: {locations: {"/": {root: pub, passthru: /index.php}}}
-- .magento/routes.yaml --
"https://{default}/": {type: upstream, upstream: "app:http"}
"https://{all}/": {type: redirect, to: "https://{default}/"}
"https://*.{default}/": {type: upstream, upstream: "app:http", tls: {min_version: TLSv1.3}}
`

func TestDomainsOfAProject(t *testing.T) {
	tests := []struct {
		name    string
		kind    platform.EnvironmentType
		domains []string
		want    []string // URL, target, production URL
	}{
		{"none", platform.Production, nil, []string{
			"https://main-shop.localhost:8443/", "https://*.main-shop.localhost:8443/",
		}},
		{"production", platform.Production, []string{"example.com", "example.org"}, []string{
			"https://example.com:8443/ production https://example.com:8443/",
			"https://example.org:8443/ -> https://example.com:8443/ production https://example.org:8443/",
			"https://*.example.com:8443/ production https://*.example.com:8443/",
		}},
		{"preview", platform.Development, []string{"example.com", "example.org"}, []string{
			"https://main-shop.localhost:8443/ production https://example.com:8443/",
			"https://example.com.main-shop.localhost:8443/ -> https://main-shop.localhost:8443/ production https://example.com:8443/",
			"https://example.org.main-shop.localhost:8443/ -> https://main-shop.localhost:8443/ production https://example.org:8443/",
			"https://*.main-shop.localhost:8443/ production https://*.example.com:8443/",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := input(t, txtar.Parse([]byte(twoRoutes)))
			in.Environment.Type = tt.kind
			in.Site.HTTPSPort, in.Site.Domains = 8443, tt.domains
			result, err := topology.Resolve(in)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range result.Routes {
				if strings.HasPrefix(r.URL, "http:") {
					continue // the redirect to https
				}
				line := r.URL
				if r.To != "" {
					line += " -> " + r.To
				}
				if r.ProductionURL != "" {
					line += " production " + r.ProductionURL
				}
				got = append(got, strings.ReplaceAll(line, in.Environment.Host(), "main-shop"))
			}
			if strings.Join(got, "\n") != strings.Join(tt.want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

func TestClientCertificatesNeedTLS(t *testing.T) {
	in := input(t, txtar.Parse([]byte(strings.Replace(twoRoutes, "min_version: TLSv1.3", "client_authentication: require", 1))))
	if _, err := topology.Resolve(in); platform.ErrorCode(err) != platform.CodeInvalid || platform.ErrorHint(err) == "" {
		t.Errorf("without a TLS listener: %v", err)
	}
	in.Site.HTTPSPort = 443
	if result, err := topology.Resolve(in); err != nil || result.Routes[1].TLS.ClientAuth != platform.ClientAuthRequire {
		t.Errorf("%+v %v", result.Routes, err)
	}
}
