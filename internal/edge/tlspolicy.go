package edge

import (
	"cmp"
	"crypto/tls"
	"slices"
	"strings"

	"sluice/internal/platform"
)

// TLSPolicy is how connections to one host have to be made. It is comparable: hosts with
// the same policy can share a configuration.
type TLSPolicy struct {
	MinVersion  uint16              // as in crypto/tls; 0: the default
	ClientAuth  platform.ClientAuth // whether clients show a certificate
	Authorities string              // PEM of those that sign clients' certificates; "": the machine's
}

// minVersion reads tls.min_version; 0 for the default.
func minVersion(name string) uint16 {
	switch name {
	case "TLSv1.0":
		return tls.VersionTLS10
	case "TLSv1.1":
		return tls.VersionTLS11
	case "TLSv1.2":
		return tls.VersionTLS12
	case "TLSv1.3":
		return tls.VersionTLS13
	default:
		return 0
	}
}

// TLSPolicy returns the policy of a requested name and the host of the route table that it
// belongs to, "*.example.com" for a wildcard; host is empty for a name that is not served.
func (r *Router) TLSPolicy(name string) (policy TLSPolicy, host string) {
	return r.table.Load().tlsPolicy(name)
}

// Hosts returns every host that is served, wildcards included, sorted.
func (r *Router) Hosts() []string {
	t := r.table.Load()
	hosts := make([]string, 0, len(t.hosts)+len(t.wildcards))
	for host := range t.hosts {
		hosts = append(hosts, host)
	}
	for host := range t.wildcards {
		hosts = append(hosts, "*."+host)
	}
	slices.Sort(hosts)
	return hosts
}

// Serves reports whether an environment of the project has routes for host, one of Hosts.
func (r *Router) Serves(project, host string) bool {
	t := r.table.Load()
	sites, key := t.of(host)
	s := sites[key]
	return s != nil && slices.ContainsFunc(s.declared, func(route *route) bool { return route.of(project) })
}

// Owner returns the project whose routes host, one of Hosts, has; empty for none. In a state
// file from before publications named their project, the environment has to stand for it.
func (r *Router) Owner(host string) string {
	t := r.table.Load()
	sites, key := t.of(host)
	if s := sites[key]; s != nil && len(s.declared) > 0 {
		return cmp.Or(s.declared[0].project, string(s.declared[0].env.id))
	}
	return ""
}

// of reports whether the route is of one of the project's environments. In a state file
// from before publications named their project, the environment's name has to tell, until
// sluiced publishes again, which it does when it starts.
func (r *route) of(project string) bool {
	if r.project != "" {
		return r.project == project
	}
	return project != "" && strings.HasPrefix(string(r.env.id), project+"-")
}

func (t *table) tlsPolicy(name string) (TLSPolicy, string) {
	name = hostname(name)
	if s := t.hosts[name]; s != nil {
		return s.tls, name
	}
	for len(t.wildcards) > 0 {
		_, rest, ok := strings.Cut(name, ".")
		if !ok {
			break
		}
		if s := t.wildcards[rest]; s != nil {
			return s.tls, "*." + rest
		}
		name = rest
	}
	return TLSPolicy{}, ""
}

// tlsPolicy joins what the routes of one host say: the strictest counts.
func (s *paths) tlsPolicy() TLSPolicy {
	var p TLSPolicy
	var authorities []string
	for _, r := range s.routes {
		p.MinVersion = max(p.MinVersion, minVersion(r.TLS.MinVersion))
		if r.TLS.ClientAuth == platform.ClientAuthRequire || p.ClientAuth == "" {
			p.ClientAuth = r.TLS.ClientAuth
		}
		authorities = append(authorities, r.TLS.ClientCAs...)
	}
	if len(authorities) > 0 {
		slices.Sort(authorities)
		p.Authorities = strings.Join(slices.Compact(authorities), "\n")
	}
	return p
}
