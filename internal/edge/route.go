package edge

import (
	"net/http"
	"net/url"
	"strings"

	"sluice/internal/edge/cache"
	"sluice/internal/edge/pattern"
	"sluice/internal/platform"
)

// route is one compiled entry of a publication.
type route struct {
	platform.Route
	env *environment

	cached *cache.Route // nil where nothing is cached

	project   string // "" in a state file from before it was said
	host      string // lower case, without port; may begin with "*."
	path      string // without trailing slash, "" for the root
	secure    bool   // declared for https://
	upgrade   bool   // stands in for an https:// route on http://: redirects there
	base      *url.URL
	redirects *redirects
	hstsValue string // of the host; "" for none
}

// compileRoute returns CodeInvalid for an entry that cannot be served.
func compileRoute(e *environment, r platform.Route) (*route, error) {
	u, err := url.Parse(r.URL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, platform.Errorf(platform.CodeInvalid, "route %q is not an absolute http:// or https:// URL", r.URL)
	}
	if r.Type == platform.RouteRedirect && r.To == "" {
		return nil, platform.Errorf(platform.CodeInvalid, "redirect route %q says no target", r.URL)
	}
	partial, err := compileRedirects(r.Redirects)
	if err != nil {
		return nil, err
	}
	return &route{
		Route:     r,
		env:       e,
		host:      hostname(u.Host),
		path:      strings.TrimRight(u.Path, "/"),
		secure:    u.Scheme == "https",
		base:      u,
		redirects: partial,
	}, nil
}

// toTLS sends a request for http:// on where only https:// was declared, and reports
// whether it did.
func (r *route) toTLS(w http.ResponseWriter, req *http.Request) bool {
	if !r.upgrade {
		return false
	}
	sendRedirect(w, "https://"+authority(r.base, req.Host)+req.URL.RequestURI(), http.StatusMovedPermanently)
	return true
}

// redirect answers the request when that needs no application: partial redirects first,
// then a redirect route. It reports whether it did.
func (r *route) redirect(w http.ResponseWriter, req *http.Request, secure bool) bool {
	if r.redirects != nil {
		if loc, rule := r.redirects.match(pattern.Of(req.Context()), req.URL); rule != nil {
			r.mark(w.Header(), secure)
			rule.expires.set(w.Header())
			sendRedirect(w, loc, rule.code)
			return true
		}
	}
	if r.Type != platform.RouteRedirect {
		return false
	}
	r.mark(w.Header(), secure)
	sendRedirect(w, withSuffix(r.To, req.URL, r.path), http.StatusMovedPermanently)
	return true
}

// authority is the host to send a visitor to: the requested name, so that wildcards
// work, with the port that the route's URL says.
func authority(base *url.URL, requested string) string {
	if port := base.Port(); port != "" {
		return hostname(requested) + ":" + port
	}
	return hostname(requested)
}

// sendRedirect writes the answer. Nothing in it can be executed: the body is plain text.
func sendRedirect(w http.ResponseWriter, location string, code int) {
	w.Header().Set("Location", location)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	_, _ = w.Write([]byte(http.StatusText(code) + "\n"))
}
