package topology

import (
	"fmt"
	"net/url"
	"strings"

	"sluice/internal/platform"
)

// MaxWarmUp is how many pages are requested after a deployment.
const MaxWarmUp = 1000

// WarmUp returns the URLs that stand for the pages of WARM_UP_PAGES: paths belong to the
// primary route, absolute URLs have to be of one of the release's routes. The router would
// serve any site of the machine, past the rules of that site, to who asks from loopback.
// Patterns such as product:*:* are the toolkit's. Notices say what is left out.
func WarmUp(pages []string, routes []platform.Route) (urls, notices []string) {
	base, hosts := servedHosts(routes)
	for _, page := range pages {
		u, err := url.Parse(page)
		switch {
		case err != nil || base == nil:
			continue
		case u.Scheme == "http" || u.Scheme == "https":
			if !hosts.serves(u) {
				notices = append(notices, fmt.Sprintf("WARM_UP_PAGES: %s is not a page of this environment; it is not requested", page))
				continue
			}
		case u.Scheme == "" && !strings.Contains(page, ":"):
			u = base.ResolveReference(&url.URL{Path: "/" + strings.TrimLeft(u.Path, "/"), RawQuery: u.RawQuery})
		default:
			continue
		}
		if len(urls) == MaxWarmUp {
			return urls, append(notices, fmt.Sprintf("WARM_UP_PAGES: only the first %d pages are requested", MaxWarmUp))
		}
		urls = append(urls, u.String())
	}
	return urls, notices
}

// origins are scheme, host and port of a release's routes.
type origins map[string]bool

// servedHosts returns the URL of the primary route, nil when there is none, and where all
// routes are served.
func servedHosts(routes []platform.Route) (base *url.URL, served origins) {
	served = origins{}
	for _, r := range routes {
		u, err := url.Parse(r.URL)
		if err != nil {
			continue
		}
		served[u.Scheme+"://"+strings.ToLower(u.Host)] = true
		if r.Primary {
			base = u
		}
	}
	return base, served
}

// serves reports whether a URL is of one of the routes, wildcards included.
func (o origins) serves(u *url.URL) bool {
	host := strings.ToLower(u.Host)
	if o[u.Scheme+"://"+host] {
		return true
	}
	for {
		_, parent, below := strings.Cut(host, ".")
		if !below {
			return false
		}
		if host = parent; o[u.Scheme+"://*."+host] {
			return true
		}
	}
}
