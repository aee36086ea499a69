package urlmap

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	"sluice/internal/toolkit/phparray"
)

// Site is the base URL of one store.
type Site struct {
	Key string // "" the default domain, "french" for french.{default}, "*", a fixed host
	URL string // with a slash at the end
}

// Map are the base URLs, in the order of the routes.
type Map struct {
	Unsecure, Secure []Site
	// OnlyUnsecure says that no route has TLS. Secure is Unsecure then: nothing would respond
	// at https.
	OnlyUnsecure bool
}

// Base returns the URL of the default domain as visitors reach it: with TLS if there is a
// route that has it.
func (m *Map) Base() string { return Default(m.Secure) }

// From reads the routes of the platform: URL -> {type, original_url, primary}. Only
// upstream routes count, and only primary ones when there are any, together with those of
// the other scheme for the same original hosts.
func From(routes *phparray.Array) (Map, error) {
	var all, primary Map
	for key, v := range routes.All() {
		route, ok := v.(*phparray.Array)
		if !ok || route.Text("type") != "upstream" {
			continue
		}
		all.add(key.String(), route)
		if phparray.Truthy(route.Get("primary")) {
			primary.add(key.String(), route)
		}
	}
	m := all
	if len(primary.Unsecure)+len(primary.Secure) > 0 {
		m = primary
		if len(m.Secure) == 0 {
			m.Secure = ofSameHosts(all.Secure, m.Unsecure)
		}
	}
	switch {
	case len(m.Unsecure)+len(m.Secure) == 0:
		return Map{}, errors.New("Expected at least one valid unsecure or secure route. None found.")
	case len(m.Unsecure) == 0:
		m.Unsecure = slices.Clone(m.Secure)
	case len(m.Secure) == 0:
		m.OnlyUnsecure = true
		m.Secure = slices.Clone(m.Unsecure)
	}
	m.joinPorts()
	return m, nil
}

// ofSameHosts returns the sites whose keys others have.
func ofSameHosts(sites, others []Site) []Site {
	return slices.DeleteFunc(slices.Clone(sites), func(s Site) bool { return Find(others, s.Key) == "" })
}

// joinPorts gives stores that are at two ports the secure URL only: Magento compares the
// host and port of a request to the administration with the unsecure URL, also when the request
// came over TLS, and answers 404 when they differ. Ports that browsers do not name are equal.
func (m *Map) joinPorts() {
	for i, s := range m.Unsecure {
		unsecure, ok := OriginOf(s.URL)
		secure, alsoOK := OriginOf(Find(m.Secure, s.Key))
		if ok && alsoOK && unsecure.Authority() != secure.Authority() {
			m.Unsecure[i].URL = Find(m.Secure, s.Key)
		}
	}
}

func (m *Map) add(address string, route *phparray.Array) {
	key := keyOf(route.Text("original_url"))
	switch {
	case strings.HasPrefix(address, "http://"):
		m.Unsecure = put(m.Unsecure, Site{key, address})
	case strings.HasPrefix(address, "https://"):
		m.Secure = put(m.Secure, Site{key, address})
	}
}

// put replaces the site of a key or adds it.
func put(sites []Site, s Site) []Site {
	if i := slices.IndexFunc(sites, func(o Site) bool { return o.Key == s.Key }); i >= 0 {
		sites[i] = s
		return sites
	}
	return append(sites, s)
}

var defaultHost = regexp.MustCompile(`(www)?\.?\{default\}`)

func keyOf(original string) string {
	_, rest, ok := strings.Cut(original, "://")
	if !ok {
		rest = original
	}
	host, _, _ := strings.Cut(rest, "/")
	return defaultHost.ReplaceAllString(host, "")
}

// Find returns the URL of a key; "" when there is none.
func Find(sites []Site, key string) string {
	for _, s := range sites {
		if s.Key == key {
			return s.URL
		}
	}
	return ""
}

// Default returns the URL of the default domain, else the first one.
func Default(sites []Site) string {
	if u := Find(sites, ""); u != "" || len(sites) == 0 {
		return u
	}
	return sites[0].URL
}

// TLSOnPlainPort reports whether a base URL asks for TLS on a port at which the routes serve
// plain HTTP. Browsers cannot open it.
func TLSOnPlainPort(routes *phparray.Array, base string) bool {
	want, ok := OriginOf(base)
	if !ok || want.Scheme != "https" || want.Port == "" {
		return false
	}
	want.Scheme = "http"
	return slices.ContainsFunc(routes.Keys(), func(address string) bool {
		o, ok := OriginOf(address)
		return ok && o == want
	})
}
