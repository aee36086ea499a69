package manifest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"sluice/internal/catalog"
)

// acrossFiles checks what only the files together can tell.
func (p *parser) acrossFiles(m *Manifest) {
	p.directories()
	p.withoutServices = p.noServices(m)
	for _, a := range m.Apps {
		p.relationships(m, a.Name, a.Relationships, p.apps[a.Name].get("relationships"))
		for _, w := range a.Workers {
			p.relationships(m, a.Name, w.Relationships, p.apps[a.Name].at("workers", w.Name, "relationships"))
		}
		p.mounts(m, a)
		p.locations(a)
		p.roots(a)
		p.upstream(a)
		p.hooks(a)
		p.endlessConsumers(a)
		p.lockedPHP(a)
		if !p.check.opts.Bare {
			p.committedFiles(a)
		}
	}
	for _, s := range m.Services {
		p.relationships(m, s.Name, s.Relationships, p.services.at(s.Name, "relationships"))
	}
	p.sameNames(m)
	p.nestedSources(m)
	p.cycles(m)
	p.upstreams(m)
	p.redirects(m)
	p.unusedServices(m)
	p.disks(m)
	p.endOfLife(m)
	p.plugins(m)
	p.committedSecrets(m)
	if !p.check.opts.Bare && !p.check.opts.Partial {
		p.repository(m)
	}
}

// fillEndpoints completes relationships that name no endpoint with the service's default.
func (p *parser) fillEndpoints(m *Manifest) {
	fill := func(rels []Relationship) {
		for i := range rels {
			if rels[i].Endpoint == "" {
				rels[i].Endpoint = p.defaultEndpoint(m, rels[i].Service)
			}
		}
	}
	for _, a := range m.Apps {
		fill(a.Relationships)
		for _, w := range a.Workers {
			fill(w.Relationships)
		}
	}
	for _, s := range m.Services {
		fill(s.Relationships)
	}
}

func (p *parser) defaultEndpoint(m *Manifest, name string) string {
	s := m.Service(name)
	switch {
	case s == nil:
		return "http"
	case len(s.Endpoints) > 0:
		return s.Endpoints[0].Name
	case p.check.opts.Catalog != nil:
		return cmp.Or(p.check.opts.Catalog.DefaultEndpoint(s.Type.Name), s.Type.Name)
	default:
		return s.Type.Name
	}
}

// relationships checks that every target and its endpoint exist.
func (p *parser) relationships(m *Manifest, owner string, rels []Relationship, n *node) {
	for _, r := range rels {
		pos := n.place(r.Name)
		if e := n.find(r.Name); e != nil && e.twice {
			continue // a duplicate key, which is reported
		}
		if r.Service == owner {
			p.check.fail(pos, "self-relationship", fmt.Sprintf("relationship %s leads back to %s", show(r.Name), owner), "", "")
			continue
		}
		s, a := m.Service(r.Service), m.App(r.Service)
		switch {
		case s == nil && a == nil && p.withoutServices:
		case s == nil && a == nil:
			p.missingTarget(m, r, pos)
		case a != nil && r.Endpoint != "http" && r.Endpoint != "php":
			p.check.fail(pos, "unknown-endpoint", fmt.Sprintf("application %s has no endpoint %s", show(a.Name), show(r.Endpoint)), "", fmt.Sprintf("write %q", a.Name+":http"))
		case s != nil:
			p.endpoint(s, r, pos)
		}
	}
}

func (p *parser) missingTarget(m *Manifest, r Relationship, pos Position) {
	names := make([]string, 0, len(m.Services)+len(m.Apps))
	for _, s := range m.Services {
		names = append(names, s.Name)
	}
	for _, a := range m.Apps {
		names = append(names, a.Name)
	}
	d := Diagnostic{
		Pos: pos, Severity: SeverityError, Rule: "unknown-service",
		Message: fmt.Sprintf("relationship %s needs the service %s, which does not exist", show(r.Name), show(r.Service)),
		Fix:     cmp.Or(closestOnly(r.Service, names), fmt.Sprintf("add %s to %s or remove the relationship", show(r.Service), p.home("services.yaml"))),
	}
	if p.check.opts.Partial && (p.services == nil || len(m.Apps) == 0) {
		d.Severity, d.Why = SeverityNotice, "not all files are here"
	}
	p.add(d)
}

func closestOnly(got string, candidates []string) string {
	if c := closest(got, candidates); c != "" {
		return fmt.Sprintf("did you mean %q?", c)
	}
	return ""
}

// endpoint checks an endpoint of a service: one of its own, or its type's default.
func (p *parser) endpoint(s *Service, r Relationship, pos Position) {
	var known []string
	switch c := p.check.opts.Catalog; {
	case len(s.Endpoints) > 0:
		for _, e := range s.Endpoints {
			known = append(known, e.Name)
		}
	case c == nil || len(c.ServiceVersions(s.Type.Name)) == 0:
		return // the endpoints of the type are not known here
	default:
		known = []string{c.DefaultEndpoint(s.Type.Name)}
	}
	if slices.Contains(known, r.Endpoint) || len(s.Endpoints) == 0 && canonicalType(r.Endpoint) == s.Type.Name {
		return
	}
	p.check.fail(pos, "unknown-endpoint", fmt.Sprintf("service %s has no endpoint %s", show(s.Name), show(r.Endpoint)), "", didYouMean(r.Endpoint, known))
}

// sameNames reports a service with the name of an application: both are host names.
func (p *parser) sameNames(m *Manifest) {
	for _, s := range m.Services {
		if a := m.App(s.Name); a != nil {
			p.check.fail(s.Pos, "duplicate-name", fmt.Sprintf("service %s has the name of an application", show(s.Name)), "the application is at "+a.Pos.String(), "rename one of them")
		}
	}
}

// cycles reports applications that need each other, since none could start first.
func (p *parser) cycles(m *Manifest) {
	const visiting, done = 1, 2
	state := map[string]int{}
	var visit func(a *Application, trail []string)
	visit = func(a *Application, trail []string) {
		state[a.Name] = visiting
		trail = append(trail, a.Name)
		for _, r := range a.Relationships {
			next := m.App(r.Service)
			switch {
			case next == nil || next == a || state[next.Name] == done:
			case state[next.Name] == visiting:
				at := max(0, slices.Index(trail, next.Name))
				p.check.fail(r.Pos, "relationship-cycle", "applications need each other: "+strings.Join(append(slices.Clone(trail[at:]), next.Name), " → "), "none of them could start first", "remove one of the relationships")
			default:
				visit(next, trail)
			}
		}
		state[a.Name] = done
	}
	for _, a := range m.Apps {
		if state[a.Name] == 0 {
			visit(a, nil)
		}
	}
}

// upstreams checks that routes lead to applications.
func (p *parser) upstreams(m *Manifest) {
	names := make([]string, 0, len(m.Apps))
	for _, a := range m.Apps {
		names = append(names, a.Name)
	}
	for _, r := range m.Routes {
		n := p.routes.get(r.URL)
		if n == nil {
			n = p.routes.get(strings.TrimSuffix(r.URL, "/"))
		}
		pos := n.place("upstream")
		switch {
		case r.Upstream == "" || n == nil || len(m.Apps) == 0:
		case m.App(r.Upstream) == nil:
			p.missingUpstream(m, r, names, pos)
		case r.UpstreamEnd != "" && r.UpstreamEnd != "http" && r.UpstreamEnd != "php":
			p.check.fail(pos, "unknown-endpoint", fmt.Sprintf("application %s has no endpoint %s", show(r.Upstream), show(r.UpstreamEnd)), "", fmt.Sprintf("write %q", r.Upstream+":http"))
		}
	}
}

func (p *parser) missingUpstream(m *Manifest, r *Route, names []string, pos Position) {
	d := Diagnostic{
		Pos: pos, Severity: SeverityError, Rule: "unknown-application",
		Message: fmt.Sprintf("upstream %s is not an application", show(r.Upstream)), Fix: didYouMean(r.Upstream, names),
	}
	if s := m.Service(r.Upstream); s != nil {
		d.Why = "it is a " + s.Type.Name + " service, and routes lead to applications"
		if len(m.Apps) == 1 {
			d.Fix = fmt.Sprintf("write %q", m.Apps[0].Name+":http")
		}
	}
	p.add(d)
}

// unusedServices warns about services that nothing can reach.
func (p *parser) unusedServices(m *Manifest) {
	used := map[string]bool{}
	use := func(rels []Relationship) {
		for _, r := range rels {
			used[r.Service] = true
		}
	}
	for _, a := range m.Apps {
		use(a.Relationships)
		for _, mount := range a.Mounts {
			used[mount.Service] = true
		}
		for _, w := range a.Workers {
			use(w.Relationships)
		}
	}
	for _, s := range m.Services {
		use(s.Relationships)
	}
	for _, r := range m.Routes {
		used[r.Upstream] = true // wrong, and reported already
	}
	if len(m.Apps) == 0 {
		return
	}
	for _, s := range m.Services {
		if !used[s.Name] {
			p.check.warn(s.Pos, "unused-service", fmt.Sprintf("service %s is used by no relationship", show(s.Name)), "it would run, and nothing could reach it", fmt.Sprintf("add %s: %q to an application's relationships or remove the service", s.Name, s.Name+":"+p.defaultEndpoint(m, s.Name)))
		}
	}
}

// disks compares disks with what needs them.
func (p *parser) disks(m *Manifest) {
	for _, s := range m.Services {
		entry, ok := p.serviceEntry(s)
		switch {
		case !ok:
		case entry.Persistent && s.Disk == 0:
			p.check.warn(s.Pos, "no-disk", fmt.Sprintf("service %s has no disk size", show(s.Name)), "it keeps data", `add "disk:" with MB`)
		case !entry.Persistent && s.Disk > 0:
			p.check.notice(p.services.get(s.Name).place("disk"), "ignored-key", fmt.Sprintf("disk of %s has no effect", show(s.Name)), s.Type.Name+" stores nothing on disk", "")
		}
	}
	for _, a := range m.Apps {
		if a.Disk == 0 && slices.ContainsFunc(a.Mounts, func(m Mount) bool { return m.Source == MountLocal }) {
			p.check.notice(a.Pos, "no-disk", fmt.Sprintf("application %s has mounts and no disk size", show(a.Name)), "their size is not limited", `add "disk:" with MB`)
		}
	}
}

func (p *parser) serviceEntry(s *Service) (catalog.Service, bool) {
	if p.check.opts.Catalog == nil {
		return catalog.Service{}, false
	}
	return p.check.opts.Catalog.Service(s.Type.Name, s.Type.Version)
}

func contains(list []string, s string) bool { return slices.Contains(list, s) }
