// Package urlmap makes base URLs of the platform's routes: one for the default domain and
// one for each further store, with and without TLS (spec: ece-tools 10.2). It is pure.
package urlmap

import (
	"errors"
	"net/url"
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
	// OnlyUnsecure says that no route has TLS and Secure is what such routes would be.
	OnlyUnsecure bool
}

// Base returns the URL of the default domain as visitors reach it: with TLS if there is a
// route that has it.
func (m *Map) Base() string {
	if m.OnlyUnsecure {
		return Default(m.Unsecure)
	}
	return Default(m.Secure)
}

// From reads the routes of the platform: URL -> {type, original_url, primary}. Only
// upstream routes count, and only primary ones when there are any.
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
	}
	switch {
	case len(m.Unsecure)+len(m.Secure) == 0:
		return Map{}, errors.New("Expected at least one valid unsecure or secure route. None found.")
	case len(m.Unsecure) == 0:
		m.Unsecure = slices.Clone(m.Secure)
	case len(m.Secure) == 0:
		m.OnlyUnsecure = true
		for _, s := range m.Unsecure {
			m.Secure = append(m.Secure, Site{s.Key, "https://" + strings.TrimPrefix(s.URL, "http://")})
		}
	}
	return m, nil
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

func keyOf(original string) string {
	_, rest, ok := strings.Cut(original, "://")
	if !ok {
		rest = original
	}
	host, _, _ := strings.Cut(rest, "/")
	return regexp.MustCompile(`(www)?\.?\{default\}`).ReplaceAllString(host, "")
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

// Host returns the host of a URL without its port; "" when there is none.
func Host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}
