package edge

import (
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"reflect"
	"slices"

	"sluice/internal/edge/cache"
	"sluice/internal/edge/gate"
	"sluice/internal/edge/pattern"
	"sluice/internal/edge/relay"
	"sluice/internal/platform"
)

// release is what the requests of an environment go to: routes and backends that were
// published together. It is immutable but for its pool's connections, so a request that
// was admitted to a release never meets the routes of one and the backends of another.
type release struct {
	publication platform.Publication
	encoded     []byte // publication, as the state file has it
	routes      []*route
	table       *table // of this release's routes only
	pool        *relay.Pool
	subnet      netip.Prefix // of the environment's containers; invalid for none
	answers     *cache.Zone  // what it answered; nil for one that only operators see
	patterns    []*pattern.Pattern
}

// newRelease compiles a publication. It returns CodeInvalid when a route leads nowhere.
func (r *Router) newRelease(e *environment, p platform.Publication) (*release, error) {
	for app, addrs := range p.Backends {
		for _, a := range addrs {
			if _, _, err := net.SplitHostPort(a); err != nil {
				return nil, platform.Errorf(platform.CodeInvalid, "backend %q of application %q is not host:port", a, app)
			}
		}
	}
	if len(p.MaintenancePage) > platform.MaxMaintenancePage {
		return nil, platform.Errorf(platform.CodeInvalid, "the maintenance page has %d bytes; the limit is %d",
			len(p.MaintenancePage), platform.MaxMaintenancePage)
	}
	subnet, err := parseSubnet(p)
	if err != nil {
		return nil, err
	}
	rel := &release{publication: clone(p), routes: make([]*route, 0, len(p.Routes)), subnet: subnet}
	for _, declared := range p.Routes {
		c, err := compileRoute(e, declared)
		if err != nil {
			return nil, err
		}
		if declared.Type != platform.RouteRedirect && len(p.Backends[declared.Upstream]) == 0 {
			return nil, platform.Errorf(platform.CodeInvalid, "route %q leads to application %q, which has no backend", declared.URL, declared.Upstream)
		}
		rel.addPatterns(r.log, c.redirects.expressions())
		c.project = p.Project
		rel.routes = append(rel.routes, c)
	}
	uniteHSTS(rel.routes)
	encoded, err := json.Marshal(rel.publication)
	if err != nil {
		return nil, fmt.Errorf("encode a publication: %w", err)
	}
	rel.encoded = encoded
	rel.table = newTable([]*release{rel})
	rel.pool = relay.NewPool(rel.publication.Backends, r.dial)
	return rel, nil
}

// serves reports whether the release is what the publication asks for.
func (rel *release) serves(p platform.Publication) bool {
	return rel != nil && reflect.DeepEqual(rel.publication, clone(p))
}

// Adopt takes over the connections of a release with the same containers. Addresses alone
// do not say that they are the same: a new container can get an old address.
func (rel *release) Adopt(before gate.Release) bool {
	other := releaseOf(before)
	if other == nil || rel.publication.Release != other.publication.Release ||
		!reflect.DeepEqual(rel.publication.Backends, other.publication.Backends) {
		return false
	}
	rel.pool = other.pool
	return true
}

// Connections returns those to the release's containers.
func (rel *release) Connections() gate.Connections { return rel.pool }

// clone copies what the caller could change later, and makes nil and empty equal.
func clone(p platform.Publication) platform.Publication {
	p.Routes = append([]platform.Route{}, p.Routes...)
	backends := make(map[string][]string, len(p.Backends))
	for app, addrs := range p.Backends {
		backends[app] = slices.Clone(addrs)
	}
	p.Backends = backends
	return p
}
