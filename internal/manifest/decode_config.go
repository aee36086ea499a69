package manifest

import (
	"cmp"
	"maps"
	"slices"
)

func decodeService(e entry) *Service {
	n := e.value
	s := &Service{
		Pos:           e.pos,
		Name:          e.key,
		Type:          decodeType(n.get("type")),
		Disk:          n.get("disk").number(0),
		Size:          n.get("size").str(),
		Configuration: n.get("configuration").mapping(),
		Relationships: decodeRelationships(n.get("relationships")),
	}
	s.WrittenType, s.Type.Name = s.Type.Name, canonicalType(s.Type.Name)
	if s.Type.Name == "mysql" {
		s.Schemas = n.at("configuration", "schemas").strings()
		if len(s.Schemas) == 0 {
			s.Schemas = []string{"main"}
		}
		s.Endpoints = decodeEndpoints(n.at("configuration", "endpoints"))
	}
	return s
}

// decodeEndpoints returns a database's own endpoints, sorted by name; nil for the
// default one.
func decodeEndpoints(n *node) []Endpoint {
	if !n.isMap() {
		return nil
	}
	out := make([]Endpoint, 0, len(n.entries))
	for _, e := range n.entries {
		out = append(out, Endpoint{
			Name:          e.key,
			DefaultSchema: e.value.get("default_schema").str(),
			Privileges:    e.value.get("privileges").texts(),
		})
	}
	slices.SortStableFunc(out, func(a, b Endpoint) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

func decodeRoute(e entry) *Route {
	n := e.value
	r := &Route{
		Pos:        e.pos,
		URL:        normalRoute(e.key),
		Type:       n.get("type").str(),
		To:         n.get("to").str(),
		Primary:    n.get("primary").flag(),
		ID:         n.get("id").str(),
		Attributes: n.get("attributes").texts(),
		Cache:      decodeCache(n.get("cache")),
		Redirects:  decodeRedirects(n.at("redirects", "paths")),
		Expires:    n.at("redirects", "expires").str(),
		SSI:        enabled(n.get("ssi")) || enabled(n.at("cache", "ssi")),
		TLS:        decodeTLS(n.get("tls")),
	}
	r.Timeout, _ = parseDuration(n.get("timeout").str())
	r.Upstream, r.UpstreamEnd = splitEndpoint(n.get("upstream").str())
	return r
}

// enabled reads {enabled: bool} and its short form.
func enabled(n *node) bool {
	yes, _ := n.truth()
	if n.isMap() {
		yes, _ = n.get("enabled").truth()
	}
	return yes
}

// decodeCache fills in the defaults; nil when nothing is said.
func decodeCache(n *node) *RouteCache {
	if !n.given() {
		return nil
	}
	c := &RouteCache{Enabled: true, DefaultTTL: max(0, n.get("default_ttl").number(0)), Cookies: []string{"*"}, Headers: []string{"Accept", "Accept-Language"}}
	if yes, ok := n.truth(); ok {
		c.Enabled = yes
	}
	if yes, ok := n.get("enabled").truth(); ok {
		c.Enabled = yes
	}
	if v := n.get("cookies"); v.given() {
		c.Cookies = slices.DeleteFunc(v.strings(), func(s string) bool { return s == "" })
	}
	if v := n.get("headers"); v.given() {
		c.Headers = v.strings()
	}
	return c
}

func decodeRedirects(n *node) []Redirect {
	if !n.isMap() {
		return nil
	}
	out := make([]Redirect, 0, len(n.entries))
	for _, e := range n.entries {
		regexp, _ := e.value.get("regexp").truth()
		r := Redirect{
			Pos: e.pos, Path: e.key, To: e.value.get("to").str(),
			Regexp: regexp, Prefix: !regexp, AppendSuffix: !regexp,
			Code:    e.value.get("code").number(302),
			Expires: e.value.get("expires").str(),
		}
		if yes, ok := e.value.get("prefix").truth(); ok {
			r.Prefix = yes && !regexp
		}
		if yes, ok := e.value.get("append_suffix").truth(); ok {
			r.AppendSuffix = yes && !regexp
		}
		r.AppendSuffix = r.AppendSuffix && r.Prefix
		out = append(out, r)
	}
	return out
}

func decodeTLS(n *node) TLS {
	hsts := n.get("strict_transport_security")
	return TLS{
		HSTSEnabled:           hsts.get("enabled").flag(),
		HSTSIncludeSubdomains: hsts.get("include_subdomains").flag(),
		HSTSPreload:           hsts.get("preload").flag(),
		MinVersion:            n.get("min_version").str(),
		ClientAuth:            n.get("client_authentication").str(),
		ClientCAs:             n.get("client_certificate_authorities").strings(),
	}
}

func decodeEnv(n *node, file string) *EnvFile {
	env := &EnvFile{File: file, Stage: map[string]map[string]any{}, Ordered: map[string]Pairs{}, Log: n.get("log").mapping(), System: n.at("system", "variables").texts()}
	for _, stage := range stages() {
		values := n.at("stage", stage).mapping()
		maps.DeleteFunc(values, func(_ string, v any) bool { return v == nil })
		if values != nil {
			env.Stage[stage] = values
			given, _ := n.at("stage", stage).ordered().(Pairs)
			env.Ordered[stage] = slices.DeleteFunc(given, func(p Pair) bool { return p.Value == nil })
		}
	}
	return env
}
