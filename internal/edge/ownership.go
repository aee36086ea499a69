package edge

import (
	"strings"

	"sluice/internal/platform"
)

// A host belongs to one project: the project that may respond below one of its paths gets its
// visitors' cookies, and a host has one set of TLS rules and one certificate.

// conflict is a route that cannot be served because of another one.
type conflict struct{ claim, holder *route }

// ofAnotherProject returns the first route whose host another project has: the same host,
// one that a wildcard of the other project covers, or one that a wildcard among the routes
// covers.
func (t *table) ofAnotherProject(routes []*route) *conflict {
	seen := map[string]bool{}
	for _, r := range routes {
		if seen[r.host] {
			continue
		}
		seen[r.host] = true
		if other := t.claimed(r); other != nil {
			return &conflict{claim: r, holder: other}
		}
	}
	return nil
}

// claimed is ofAnotherProject for the host of one route.
func (t *table) claimed(r *route) *route {
	sites, key := t.of(r.host)
	if other := sites[key].foreign(r); other != nil {
		return other
	}
	for _, above, found := strings.Cut(key, "."); found; _, above, found = strings.Cut(above, ".") {
		if other := t.wildcards[above].foreign(r); other != nil {
			return other
		}
	}
	if key == r.host {
		return nil
	}
	for _, hosts := range []map[string]*site{t.hosts, t.wildcards} {
		for host, s := range hosts {
			if strings.HasSuffix(host, "."+key) {
				if other := s.foreign(r); other != nil {
					return other
				}
			}
		}
	}
	return nil
}

// foreign returns a route of the site that is of another project than r; nil for none.
func (s *site) foreign(r *route) *route {
	if s == nil {
		return nil
	}
	for _, other := range s.declared {
		if other.env != r.env && !other.sameProject(r) {
			return other
		}
	}
	return nil
}

// sameProject reports whether two routes are of one project. Publications of an old state
// file do not name theirs: then it is found by the environment's name, and two of them are
// let be.
func (r *route) sameProject(other *route) bool {
	switch {
	case r.project == "" && other.project == "":
		return true
	case other.project == "":
		return other.of(r.project)
	}
	return r.of(other.project)
}

// err says why the claim is refused, and nothing about other projects.
func (c *conflict) err() error {
	if !c.holder.sameProject(c.claim) {
		return platform.Errorf(platform.CodeConflict, "the host of route %q belongs to another project", c.claim.URL).
			WithHint("use a host of your own project, or remove the other project's routes to it first")
	}
	return platform.Errorf(platform.CodeConflict, "route %q is served by environment %q", c.holder.URL, c.holder.env.id).
		WithHint("give the route another host or path, or remove it from the other environment")
}

// checkHosts returns CodeInvalid for a host that no request can have.
func (rel *release) checkHosts() error {
	for _, r := range rel.routes {
		if strings.Contains(strings.TrimPrefix(r.host, "*."), "*") {
			return platform.Errorf(platform.CodeInvalid, "route %q: a wildcard stands for the first part of a host name, as in *.example.com", r.URL)
		}
	}
	return nil
}
