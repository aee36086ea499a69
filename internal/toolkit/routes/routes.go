package routes

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	"sluice/internal/toolkit/phparray"
)

// URL is a base URL of the shop.
type URL struct {
	// Key is the host as the project wrote it without {default}: "" for {default} and
	// www.{default}, "french" for french.{default}, "*", "{all}", or a whole host name.
	Key string
	URL string
}

// URLs are the base URLs by scheme, in the order of the routes. Neither list is empty.
type URLs struct {
	Secure   []URL // https
	Unsecure []URL // http
}

// defaultHost is the placeholder of the project's own domain, with an optional www.
var defaultHost = regexp.MustCompile(`(www)?\.?\{default\}`)

// From reads the decoded routes: URL -> {type, original_url, primary, …}. Only routes of the
// type upstream count, and only the primary ones when there are any. When one scheme has no
// URL, those of the other stand in.
func From(platform *phparray.Array) (URLs, error) {
	var out URLs
	primary := onlyPrimary(platform)
	for key, v := range platform.All() {
		route, ok := v.(*phparray.Array)
		if !ok || route.Text("type") != "upstream" || primary && !phparray.Truthy(route.Get("primary")) {
			continue
		}
		scheme, host, _ := strings.Cut(route.Text("original_url"), "://")
		host, _, _ = strings.Cut(host, "/")
		url := URL{Key: defaultHost.ReplaceAllString(host, ""), URL: key.String()}
		switch scheme {
		case "https":
			out.Secure = put(out.Secure, url)
		case "http":
			out.Unsecure = put(out.Unsecure, url)
		}
	}
	switch {
	case len(out.Secure)+len(out.Unsecure) == 0:
		return URLs{}, errors.New("Expected at least one valid unsecure or secure route. None found.") // exact (spec: ece-tools 10.2)
	case len(out.Unsecure) == 0:
		out.Unsecure = slices.Clone(out.Secure)
	case len(out.Secure) == 0:
		out.Secure = secured(out.Unsecure)
	}
	return out, nil
}

func onlyPrimary(platform *phparray.Array) bool {
	for _, v := range platform.All() {
		route, ok := v.(*phparray.Array)
		if ok && route.Text("type") == "upstream" && phparray.Truthy(route.Get("primary")) {
			return true
		}
	}
	return false
}

// put adds a URL; a later route of the same key takes the earlier one's place.
func put(urls []URL, u URL) []URL {
	i := slices.IndexFunc(urls, func(old URL) bool { return old.Key == u.Key })
	if i < 0 {
		return append(urls, u)
	}
	urls[i] = u
	return urls
}

func secured(urls []URL) []URL {
	out := slices.Clone(urls)
	for i, u := range out {
		if rest, ok := strings.CutPrefix(u.URL, "http://"); ok {
			out[i].URL = "https://" + rest
		}
	}
	return out
}

// Find returns the URL of a key; "" when there is none.
func Find(urls []URL, key string) string {
	i := slices.IndexFunc(urls, func(u URL) bool { return u.Key == key })
	if i < 0 {
		return ""
	}
	return urls[i].URL
}

// SecureBase is the secure URL of the project's own domain, or else the first secure one.
func (u URLs) SecureBase() string {
	if found := Find(u.Secure, ""); found != "" {
		return found
	}
	if len(u.Secure) == 0 {
		return ""
	}
	return u.Secure[0].URL
}
