package manifest

import (
	"fmt"
	"slices"
	"strings"
)

// withoutReplicas leaves out relationships to read replicas of caches. A service is one
// container here, and where that is so elsewhere these relationships are not there either;
// programs look for them and do without.
func (p *parser) withoutReplicas(m *Manifest) {
	filter := func(rels []Relationship) []Relationship {
		return slices.DeleteFunc(rels, func(r Relationship) bool {
			s := m.Service(r.Service)
			if s == nil || !isReplica(s.Type.Name, r.Endpoint) {
				return false
			}
			p.check.notice(r.Pos, "no-replica", fmt.Sprintf("relationship %s is left out", show(r.Name)), fmt.Sprintf("service %s is one container and has no replica", show(s.Name)), "")
			return true
		})
	}
	for _, a := range m.Apps {
		a.Relationships = filter(a.Relationships)
		for i := range a.Workers {
			a.Workers[i].Relationships = filter(a.Workers[i].Relationships)
		}
	}
}

// isReplica reports whether an endpoint is that of the replicas of a cache.
func isReplica(service, endpoint string) bool {
	kind := strings.TrimSuffix(service, "-persistent")
	return (kind == "redis" || kind == "valkey") && endpoint == kind+"-replica"
}
