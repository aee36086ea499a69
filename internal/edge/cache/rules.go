package cache

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"sluice/internal/edge/pattern"
	"sluice/internal/platform"
)

// rules is a compiled cache section.
type rules struct {
	ttl     time.Duration // of answers that say nothing
	off     bool          // nothing is kept
	headers []string      // canonical, sorted
	any     bool          // any cookie bypasses the cache
	names   []string      // of cookies that are part of the key, sorted
	classes []*pattern.Pattern
}

// forbiddenHeaders cannot be part of a key: they belong to the connection, or are in the
// key in a form of their own.
func forbiddenHeaders() []string {
	return []string{"Accept-Encoding", "Connection", "Proxy-Authorization", "Te", "Upgrade", "Cookie"}
}

// compile returns CodeInvalid for a header that cannot be part of a key and for an invalid
// pattern.
func compile(c platform.RouteCache) (*rules, error) {
	r := &rules{ttl: time.Duration(max(0, min(c.DefaultTTL, maxSeconds))) * time.Second}
	for _, h := range c.Headers {
		h = http.CanonicalHeaderKey(strings.TrimSpace(h))
		if slices.Contains(forbiddenHeaders(), h) {
			return nil, platform.Errorf(platform.CodeInvalid, "header %q cannot tell cached answers apart", h).
				WithHint("remove it from cache.headers of the route")
		}
		switch {
		case h == "", inKey(h):
		case ofVisitor(h):
			r.off = true // applications see what the router writes about each visitor
		default:
			r.headers = append(r.headers, h)
		}
	}
	for _, name := range c.Cookies {
		if err := r.cookie(name); err != nil {
			return nil, err
		}
	}
	slices.Sort(r.headers)
	r.headers = slices.Compact(r.headers)
	slices.Sort(r.names)
	r.names = slices.Compact(r.names)
	return r, nil
}

// cookie adds one entry of cache.cookies: "*", a name, or a pattern between slashes. An
// empty one, as in the guide's sample, names no cookie.
func (r *rules) cookie(name string) error {
	switch {
	case name == "*":
		r.any = true
	case len(name) > 2 && name[0] == '/' && name[len(name)-1] == '/':
		p, err := pattern.Compile(name[1 : len(name)-1])
		if err != nil {
			return platform.Errorf(platform.CodeInvalid, "cookie pattern %q of the cache: %v", name, err).
				WithHint("write a name, or a regular expression between slashes, in cache.cookies of the route")
		}
		r.classes = append(r.classes, p)
	case name != "":
		r.names = append(r.names, name)
	}
	return nil
}
