package topology

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"sluice/internal/manifest"
	"sluice/internal/platform"
)

// resolveRoutes expands the placeholders of routes.yaml (spec: platform 3.1;
// commerce-cloud 5.2, 5.3) and chooses the primary route.
func resolveRoutes(in Input) (routes []platform.Route, notices []string) {
	s := scheme{site: in.Site}
	for _, r := range in.Manifest.Routes {
		for _, host := range hostsOf(r.URL, in) {
			route, ok := s.expand(r, host)
			if !ok || containsURL(routes, route.URL) {
				continue
			}
			routes = append(routes, route)
		}
	}
	routes = append(routes, s.redirectsToTLS(routes)...)
	markPrimary(routes)
	return routes, s.notices(routes)
}

// hostsOf returns the hosts that a route's placeholder stands for; one empty host when
// the URL has no placeholder.
func hostsOf(template string, in Input) []string {
	def := in.Environment.Host() + "." + in.Site.BaseDomain
	domains := in.Site.Domains
	if in.Environment.Type != platform.Production {
		domains = nil
	}
	switch {
	case strings.Contains(template, "{all}") && len(domains) > 0:
		return domains
	case strings.Contains(template, "{default}") && len(domains) > 0:
		return domains[:1]
	case strings.Contains(template, "{all}"), strings.Contains(template, "{default}"):
		return []string{def}
	default:
		return []string{""}
	}
}

// scheme knows which ports and protocols the router offers.
type scheme struct{ site Site }

// expand resolves one route for one host.
func (s scheme) expand(r *manifest.Route, host string) (platform.Route, bool) {
	address, ok := s.address(r.URL, host)
	if !ok {
		return platform.Route{}, false
	}
	route := platform.Route{
		URL:         address,
		OriginalURL: r.URL,
		Type:        platform.RouteType(r.Type),
		ID:          r.ID,
		Attributes:  r.Attributes,
		SSI:         r.SSI,
		Cache:       cacheOf(r),
		HSTS: platform.HSTS{
			Enabled:           r.TLS.HSTSEnabled,
			IncludeSubdomains: r.TLS.HSTSIncludeSubdomains,
			Preload:           r.TLS.HSTSPreload,
		},
	}
	route.Primary = r.Primary != nil && *r.Primary
	if route.Type == platform.RouteUpstream {
		route.Upstream = r.Upstream
	} else {
		route.To, _ = s.address(r.To, host)
	}
	for _, p := range r.Redirects {
		route.Redirects = append(route.Redirects, s.redirect(p, r.Expires, host))
	}
	return route, true
}

func (s scheme) redirect(p manifest.Redirect, expires, host string) platform.PartialRedirect {
	to := p.To
	if strings.Contains(to, "{default}") || strings.Contains(to, "{all}") {
		if absolute, ok := s.address(to, host); ok {
			to = absolute
		}
	}
	if p.Expires != "" {
		expires = p.Expires
	}
	return platform.PartialRedirect{
		Path: p.Path, To: to, Regexp: p.Regexp, Prefix: p.Prefix,
		AppendSuffix: p.AppendSuffix, Code: p.Code, Expires: expires,
	}
}

// address expands a URL template and adds the port that visitors have to use. A route
// for https is served over http while the router has no TLS listener.
func (s scheme) address(template, host string) (string, bool) {
	u, err := url.Parse(expandHost(template, host))
	if err != nil || u.Host == "" {
		return "", false
	}
	if u.Scheme == "https" && s.site.HTTPSPort == 0 {
		u.Scheme = "http"
	}
	if u.Port() == "" {
		u.Host += s.portSuffix(u.Scheme)
	}
	if u.Path == "" {
		u.Path = "/"
	}
	return u.String(), true
}

func (s scheme) portSuffix(proto string) string {
	port, standard := s.site.HTTPPort, 80
	if proto == "https" {
		port, standard = s.site.HTTPSPort, 443
	}
	if port == 0 || port == standard {
		return ""
	}
	return ":" + strconv.Itoa(port)
}

// redirectsToTLS adds a redirect for every https route whose http twin is not defined
// (spec: commerce-cloud 5.3).
func (s scheme) redirectsToTLS(routes []platform.Route) []platform.Route {
	var added []platform.Route
	for _, r := range routes {
		u, err := url.Parse(r.URL)
		if err != nil || u.Scheme != "https" {
			continue
		}
		plain := *u
		plain.Scheme = "http"
		plain.Host = u.Hostname() + s.portSuffix("http")
		if containsURL(routes, plain.String()) || containsURL(added, plain.String()) {
			continue
		}
		added = append(added, platform.Route{
			URL: plain.String(), OriginalURL: "http" + strings.TrimPrefix(r.OriginalURL, "https"),
			Type: platform.RouteRedirect, To: r.URL,
		})
	}
	return added
}

func (s scheme) notices(routes []platform.Route) []string {
	if s.site.HTTPSPort != 0 {
		return nil
	}
	var out []string
	for _, r := range routes {
		if strings.HasPrefix(r.OriginalURL, "https://") {
			out = append(out, fmt.Sprintf("The router has no TLS listener: the route %q is served as %s.", r.OriginalURL, r.URL))
		}
	}
	return out
}

func expandHost(template, host string) string {
	return strings.NewReplacer("{default}", host, "{all}", host).Replace(template)
}

func containsURL(routes []platform.Route, address string) bool {
	return slices.ContainsFunc(routes, func(r platform.Route) bool { return r.URL == address })
}

// markPrimary keeps the route that is marked, and marks the first upstream route
// otherwise: exactly one is primary (spec: platform 3.2).
func markPrimary(routes []platform.Route) {
	primary := -1
	for i := range routes {
		if routes[i].Primary && primary < 0 {
			primary = i
		}
		routes[i].Primary = false
	}
	if primary < 0 {
		primary = slices.IndexFunc(routes, func(r platform.Route) bool { return r.Type == platform.RouteUpstream })
	}
	if primary >= 0 {
		routes[primary].Primary = true
	}
}

func cacheOf(r *manifest.Route) platform.RouteCache {
	if r.Cache == nil {
		return platform.RouteCache{Enabled: true, Cookies: []string{"*"}, Headers: []string{"Accept", "Accept-Language"}}
	}
	return platform.RouteCache(*r.Cache)
}
