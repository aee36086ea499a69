package edge

import (
	"maps"
	"strings"
)

// table finds the route of a request. It is immutable: a change makes a new table, which
// replaces the old one by one atomic store.
type table struct {
	hosts     map[string]*site // by host name
	wildcards map[string]*site // by the part behind "*."
}

// site is what one host name serves, by scheme.
type site struct {
	plain  paths
	secure paths
	tls    TLSPolicy // what all its routes together ask of a connection

	declared []*route // of all environments, as they were published
}

// paths maps a path without its trailing slash ("" for the root) to its route.
type paths struct {
	routes  map[string]*route
	longest int // length of the longest key; bounds the walk over hostile paths
}

// newTable indexes the routes of all releases. An earlier release wins a URL that two
// releases claim; replace refuses that before it gets here.
func newTable(releases []*release) *table {
	declared := map[string][]*route{}
	for _, rel := range releases {
		for _, r := range rel.routes {
			declared[r.host] = append(declared[r.host], r)
		}
	}
	t := &table{hosts: map[string]*site{}, wildcards: map[string]*site{}}
	for host, routes := range declared {
		t.put(host, routes)
	}
	return t
}

// replace returns a table in which e has the routes of next instead of those of old;
// either may be nil. Only hosts that one of them names are changed. It returns the
// conflict, and then no table, when another environment serves a URL of next already or another
// project has one of its hosts.
func (t *table) replace(e *environment, old, next *release) (changed *table, taken *conflict) {
	declared := map[string][]*route{}
	for _, rel := range []*release{old, next} {
		if rel == nil {
			continue
		}
		for _, r := range rel.routes {
			if _, known := declared[r.host]; !known {
				declared[r.host] = t.declared(r.host, e)
			}
		}
	}
	if next != nil {
		if taken := t.ofAnotherProject(next.routes); taken != nil {
			return nil, taken
		}
		for _, r := range next.routes {
			for _, other := range declared[r.host] {
				if other.env != e && other.path == r.path && other.secure == r.secure {
					return nil, &conflict{claim: r, holder: other}
				}
			}
			declared[r.host] = append(declared[r.host], r)
		}
	}
	changed = &table{hosts: maps.Clone(t.hosts), wildcards: maps.Clone(t.wildcards)}
	for host, routes := range declared {
		changed.put(host, routes)
	}
	return changed, nil
}

// declared returns the routes of a host but for those of e.
func (t *table) declared(host string, e *environment) []*route {
	sites, key := t.of(host)
	s := sites[key]
	if s == nil {
		return nil
	}
	var others []*route
	for _, r := range s.declared {
		if r.env != e {
			others = append(others, r)
		}
	}
	return others
}

// put makes the routes those of the host. Without any the host is unknown.
func (t *table) put(host string, routes []*route) {
	sites, key := t.of(host)
	if len(routes) == 0 {
		delete(sites, key)
		return
	}
	s := &site{declared: routes}
	for _, r := range routes {
		s.scheme(r.secure).add(r)
	}
	s.completeSchemes()
	s.tls = s.secure.tlsPolicy()
	sites[key] = s
}

// of returns where a host is found, which may begin with "*.".
func (t *table) of(host string) (sites map[string]*site, key string) {
	if rest, ok := strings.CutPrefix(host, "*."); ok {
		return t.wildcards, rest
	}
	return t.hosts, host
}

// match returns the route of a request, or nil when the host or path is unknown. host may
// carry a port. An exact host beats a wildcard, a longer path beats a shorter one.
func (t *table) match(host string, secure bool, path string) *route {
	host = hostname(host)
	if s := t.hosts[host]; s != nil {
		return s.scheme(secure).match(path)
	}
	for len(t.wildcards) > 0 {
		_, rest, ok := strings.Cut(host, ".")
		if !ok {
			return nil
		}
		if s := t.wildcards[rest]; s != nil {
			return s.scheme(secure).match(path)
		}
		host = rest
	}
	return nil
}

func (s *site) scheme(secure bool) *paths {
	if secure {
		return &s.secure
	}
	return &s.plain
}

// completeSchemes serves what is declared for http:// over https:// too, and sends
// requests to http:// on to https:// where only that is declared.
func (s *site) completeSchemes() {
	declared := make([]*route, 0, len(s.plain.routes))
	for _, r := range s.plain.routes {
		declared = append(declared, r)
	}
	for _, r := range s.secure.routes {
		if s.plain.routes[r.path] == nil {
			upgrade := *r
			upgrade.upgrade = true
			s.plain.add(&upgrade)
		}
	}
	for _, r := range declared {
		if s.secure.routes[r.path] == nil {
			s.secure.add(r)
		}
	}
}

func (p *paths) add(r *route) {
	if p.routes == nil {
		p.routes = map[string]*route{}
	}
	if p.routes[r.path] == nil {
		p.routes[r.path] = r
		p.longest = max(p.longest, len(r.path))
	}
}

// match walks from the whole path up to the root, one segment at a time.
func (p *paths) match(path string) *route {
	if len(p.routes) == 0 {
		return nil
	}
	for key := range ancestors(path, p.longest) {
		if r := p.routes[key]; r != nil {
			return r
		}
	}
	return nil
}

// ancestors yields the path itself and every prefix of it that ends before a slash, the
// longest first and none longer than longest; the last one is "".
func ancestors(path string, longest int) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		if len(path) <= longest && !yield(path) {
			return
		}
		for i := min(len(path)-1, longest); i >= 0; i-- {
			if path[i] == '/' && !yield(path[:i]) {
				return
			}
		}
	}
}

// hostname returns the lower-case host of a Host header, without port and trailing dot.
// It allocates only for a host with upper-case letters.
func hostname(host string) string {
	if strings.HasPrefix(host, "[") {
		if i := strings.IndexByte(host, ']'); i >= 0 {
			host = host[:i+1]
		}
	} else if i := strings.LastIndexByte(host, ':'); i >= 0 {
		host = host[:i]
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}
