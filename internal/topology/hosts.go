package topology

import (
	"net/url"
	"slices"
	"strings"

	"sluice/internal/manifest"
	"sluice/internal/platform"
)

// maxRoutes is how many routes an environment may have after {all} stands for every domain.
const maxRoutes = 1000

// ownership knows which hosts the routes of an environment may name: a host belongs to one
// project, and a repository must not be able to take that of another one.
type ownership struct {
	project string
	own     string // the environment's own host
	base    string // the domain below which environments get their hosts
	domains []string
}

func ownershipOf(in Input) ownership {
	return ownership{
		project: in.Project.ID,
		own:     in.Environment.Host() + "." + in.Site.BaseDomain,
		base:    in.Site.BaseDomain,
		domains: in.Site.Domains,
	}
}

// covers reports whether a host, or all hosts of a wildcard, belong to the environment:
// the environment's own host, a domain of the project, and what lies below them.
func (o ownership) covers(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(strings.TrimPrefix(host, "*."), "."))
	if isBelow(host, o.own) {
		return true
	}
	return o.domainOf(host) != ""
}

// domainOf returns the domain of the project that a host belongs to, "" for none. Who owns
// a domain above the base domain does not own the hosts of environments below it.
func (o ownership) domainOf(host string) string {
	i := slices.IndexFunc(o.domains, func(d string) bool {
		return isBelow(host, d) && (!isBelow(host, o.base) || o.mayBeDomain(d)) && !isBelow(o.base, host)
	})
	if i < 0 {
		return ""
	}
	return o.domains[i]
}

// mayBeDomain reports whether a domain below the base domain cannot be the host of an
// environment: those have a hyphen between branch and project. So "shop.localhost" can be
// given to a project on a machine without names of its own.
func (o ownership) mayBeDomain(domain string) bool {
	label, below := strings.CutSuffix(domain, "."+o.base)
	return below && !strings.Contains(label[strings.LastIndexByte(label, '.')+1:], "-")
}

// isBelow reports whether host is domain or lies below it.
func isBelow(host, domain string) bool {
	return host == domain || strings.HasSuffix(host, "."+domain)
}

// check refuses a route whose host does not belong to the environment.
func (o ownership) check(r *manifest.Route, route platform.Route) error {
	u, err := url.Parse(route.URL)
	if err != nil {
		return platform.Errorf(platform.CodeInvalid, "%s: the route %q is not a URL", r.Pos, r.URL)
	}
	if o.covers(u.Hostname()) {
		return nil
	}
	host := strings.TrimPrefix(u.Hostname(), "*.")
	return platform.Errorf(platform.CodeInvalid,
		"%s: the route %q is for the host %q, which does not belong to the project %s; nothing was changed", r.Pos, r.URL, u.Hostname(), o.project).
		WithHint("if it is yours, add it to the project: sluice domain:add -p %s %s; otherwise write {default} or {all} in place of the host", o.project, host)
}

// ForeignHost returns the URL of a resolved route whose host does not belong to the
// environment, as when a domain was taken from the project after a release had been stored;
// "" for none.
func ForeignHost(in Input, routes []platform.Route) string {
	o := ownershipOf(in)
	for _, r := range routes {
		if u, err := url.Parse(r.URL); err != nil || !o.covers(u.Hostname()) {
			return r.URL
		}
	}
	return ""
}
