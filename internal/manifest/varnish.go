package manifest

import (
	"fmt"
	"slices"
)

// varnish is a type of service that is not run: the router has a cache of its own.
const varnish = "varnish"

// withoutVarnish leaves out services of the type varnish. Routes to one lead to the
// application behind it, and relationships to it are not there.
func (p *parser) withoutVarnish(m *Manifest) {
	m.Services = slices.DeleteFunc(m.Services, func(s *Service) bool {
		if s.Type.Name != varnish {
			return false
		}
		target := behind(m, s)
		if target == "" {
			p.check.fail(s.Pos, "no-varnish", fmt.Sprintf("service %s is not run, and no application is behind it", show(s.Name)),
				"the router has a cache of its own", "remove it, and lead the routes to an application")
			return true
		}
		p.check.warn(s.Pos, "no-varnish", fmt.Sprintf("service %s is not run; routes to it lead to %s", show(s.Name), show(target)),
			"the router has a cache of its own, and VCL has no effect here", fmt.Sprintf("remove it, and write %q as the routes' upstream", target+":http"))
		for _, r := range m.Routes {
			if r.Upstream == s.Name {
				r.Upstream, r.UpstreamEnd = target, "http"
			}
		}
		m.dropRelationships(s.Name)
		return true
	})
}

// behind returns the application that a varnish service passes requests to; empty when there
// is none, or several that it could be.
func behind(m *Manifest, s *Service) string {
	for _, r := range s.Relationships {
		if m.App(r.Service) != nil || len(m.Apps) == 0 {
			return r.Service
		}
	}
	if len(m.Apps) == 1 {
		return m.Apps[0].Name
	}
	return ""
}

// dropRelationships removes all relationships to a service.
func (m *Manifest) dropRelationships(service string) {
	to := func(r Relationship) bool { return r.Service == service }
	for _, a := range m.Apps {
		a.Relationships = slices.DeleteFunc(a.Relationships, to)
		for i := range a.Workers {
			a.Workers[i].Relationships = slices.DeleteFunc(a.Workers[i].Relationships, to)
		}
	}
	for _, s := range m.Services {
		s.Relationships = slices.DeleteFunc(s.Relationships, to)
	}
}
