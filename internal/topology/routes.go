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

// resolveRoutes expands the placeholders of routes.yaml and chooses the primary route. It
// refuses hosts that belong to others, and a route that only clients with a certificate may
// reach when nothing could ask them for it.
func resolveRoutes(in Input) (routes []platform.Route, notices []string, err error) {
	s := scheme{site: in.Site, ownership: ownershipOf(in)}
	seen := map[string]bool{}
	for _, r := range in.Manifest.Routes {
		if r.TLS.ClientAuth == string(platform.ClientAuthRequire) && in.Site.HTTPSPort == 0 {
			return nil, nil, platform.Errorf(platform.CodeInvalid, "%s: the route %q requires client certificates, but the router has no TLS listener to ask for them", r.Pos, r.URL).
				WithHint("start sluice-router with --listen-tls and sluiced with --https-port, or remove tls.client_authentication")
		}
		for _, h := range hostsOf(r.URL, in) {
			route, ok := s.expand(r, h)
			if !ok || seen[route.URL] || route.Type == platform.RouteRedirect && route.To == route.URL {
				continue // without a TLS listener, http://X/ that redirects to https://X/ leads to itself
			}
			if err := s.ownership.check(r, route); err != nil {
				return nil, nil, err
			}
			if len(routes) == maxRoutes {
				return nil, nil, platform.Errorf(platform.CodeInvalid, "%s: the environment has more than %d routes; nothing was changed", r.Pos, maxRoutes).
					WithHint("{all} makes a route for each domain of the project; use wildcards such as \"https://*.{default}/\"")
			}
			seen[route.URL] = true
			routes = append(routes, route)
		}
	}
	routes = append(routes, s.redirectsToTLS(routes, seen)...)
	markPrimary(routes)
	return routes, s.notices(routes), nil
}

// CheckRoutes says what is wrong with the routes of a manifest for an environment, before
// anything is built for it.
func CheckRoutes(in Input) error {
	_, _, err := resolveRoutes(in)
	return err
}

// hosts are what the placeholders of one route stand for.
type hosts struct {
	def        string // {default}
	all        string // {all}: one of them
	production string // what stands for either in production; "" without a domain
	below      string // below which the route's host is moved; "" to leave it
}

// hostsOf returns the hosts that a route's placeholder stands for, one entry for each
// route that it becomes. In a preview environment {default} is the environment's own host
// and each domain gets a host below that. So does a domain that is written out.
func hostsOf(template string, in Input) []hosts {
	owner := ownershipOf(in)
	own, domains := owner.own, owner.domains
	if len(domains) == 0 {
		return []hosts{{def: own, all: own}}
	}
	production := in.Environment.Type == platform.Production
	if !strings.Contains(template, "{all}") {
		if production {
			own = domains[0]
		}
		h := hosts{def: own, all: own, production: domains[0]}
		if u, err := url.Parse(template); err == nil && !production && owner.domainOf(strings.TrimPrefix(u.Hostname(), "*.")) != "" {
			h.below = own
		}
		return []hosts{h}
	}
	var out []hosts
	for _, d := range domains {
		if production {
			out = append(out, hosts{def: domains[0], all: d, production: d})
		} else {
			out = append(out, hosts{def: own, all: d + "." + own, production: d})
		}
	}
	return out
}

// expand fills in the placeholders.
func (h hosts) expand(template string) string {
	return strings.NewReplacer("{default}", h.def, "{all}", h.all).Replace(template)
}

// moved fills in the placeholders of a route's own URL.
func (h hosts) moved(template string) string {
	if u, err := url.Parse(template); h.below != "" && err == nil {
		u.Host = strings.ToLower(u.Hostname()) + "." + h.below
		return u.String()
	}
	return h.expand(template)
}

// inProduction fills in what they stand for in production, "" when that is not known.
func (h hosts) inProduction(template string) string {
	if h.production == "" && strings.Contains(template, "{") {
		return ""
	}
	return strings.NewReplacer("{default}", h.production, "{all}", h.production).Replace(template)
}

// scheme knows which ports and protocols the router offers, and for which hosts.
type scheme struct {
	site      Site
	ownership ownership
}

// expand resolves one route for one host.
func (s scheme) expand(r *manifest.Route, h hosts) (platform.Route, bool) {
	address, ok := s.address(h.moved(r.URL))
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
		Timeout:     r.Timeout,
		Cache:       cacheOf(r),
		HSTS: platform.HSTS{
			Enabled:           r.TLS.HSTSEnabled,
			IncludeSubdomains: r.TLS.HSTSIncludeSubdomains,
			Preload:           r.TLS.HSTSPreload,
		},
		TLS: platform.RouteTLS{
			MinVersion: r.TLS.MinVersion,
			ClientAuth: platform.ClientAuth(r.TLS.ClientAuth),
			ClientCAs:  r.TLS.ClientCAs,
		},
	}
	route.Primary = r.Primary != nil && *r.Primary
	if route.Type == platform.RouteUpstream {
		route.Upstream = r.Upstream
	} else {
		route.To = s.target(r.To, h)
	}
	route.ProductionURL, _ = s.address(h.inProduction(r.URL))
	for _, p := range r.Redirects {
		route.Redirects = append(route.Redirects, s.redirect(p, r.Expires, h))
	}
	return route, true
}

func (s scheme) redirect(p manifest.Redirect, expires string, h hosts) platform.PartialRedirect {
	to := s.target(p.To, h)
	if p.Expires != "" {
		expires = p.Expires
	}
	return platform.PartialRedirect{
		Path: p.Path, To: to, Regexp: p.Regexp, Prefix: p.Prefix,
		AppendSuffix: p.AppendSuffix, Code: p.Code, Expires: expires,
	}
}

// target fills in the placeholders of a redirect's target. Scheme and port of this site go
// to hosts of this environment only; another site's address stays as it is written.
func (s scheme) target(to string, h hosts) string {
	expanded := h.expand(to)
	if u, err := url.Parse(expanded); err == nil && u.Host != "" && s.ownership.covers(u.Hostname()) {
		if address, ok := s.address(expanded); ok {
			return address
		}
	}
	var origins []string
	for _, proto := range []string{"https", "http"} {
		for placeholder, host := range map[string]string{"{default}": h.def, "{all}": h.all} {
			origins = append(origins, proto+"://"+placeholder, s.origin(proto, host))
		}
	}
	return h.expand(strings.NewReplacer(origins...).Replace(to))
}

// origin is where visitors reach a host of this environment.
func (s scheme) origin(proto, host string) string {
	if s.site.HTTPSPort == 0 {
		proto = "http"
	}
	return proto + "://" + host + s.portSuffix(proto)
}

// address adds the port that visitors have to use to a URL. A route for https is served
// over http while the router has no TLS listener.
func (s scheme) address(expanded string) (string, bool) {
	u, err := url.Parse(expanded)
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

// redirectsToTLS adds a redirect for every https route whose http twin is not defined. That
// of a wildcard has no target that could be written down: the router redirects to the host
// that was asked for.
func (s scheme) redirectsToTLS(routes []platform.Route, seen map[string]bool) []platform.Route {
	var added []platform.Route
	for _, r := range routes {
		u, err := url.Parse(r.URL)
		if err != nil || u.Scheme != "https" || strings.HasPrefix(u.Host, "*.") {
			continue
		}
		plain := *u
		plain.Scheme = "http"
		plain.Host = u.Hostname() + s.portSuffix("http")
		if seen[plain.String()] {
			continue
		}
		seen[plain.String()] = true
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

// markPrimary keeps the route that is marked, and marks the first upstream route
// otherwise: exactly one is primary.
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
