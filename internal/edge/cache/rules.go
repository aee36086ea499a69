package cache

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"sluice/internal/edge/pattern"
	"sluice/internal/platform"
)

// maxCookies is how many cookies are compared with patterns: a request that brings more
// bypasses the cache.
const maxCookies = 128

// rules is a compiled cache section.
type rules struct {
	ttl     time.Duration // of answers that say nothing
	headers []string      // canonical, sorted
	any     bool          // any cookie bypasses the cache
	names   []string      // of cookies that are part of the key, sorted
	classes []*pattern.Pattern
}

// forbiddenHeaders cannot be part of a key (spec: platform 3.4).
func forbiddenHeaders() []string {
	return []string{"Accept-Encoding", "Connection", "Proxy-Authorization", "Te", "Upgrade", "Cookie"}
}

// compile returns CodeInvalid for a header that cannot be part of a key and for a pattern
// that is none.
func compile(c platform.RouteCache) (*rules, error) {
	r := &rules{ttl: time.Duration(max(0, min(c.DefaultTTL, maxSeconds))) * time.Second}
	for _, h := range c.Headers {
		h = http.CanonicalHeaderKey(strings.TrimSpace(h))
		if slices.Contains(forbiddenHeaders(), h) {
			return nil, platform.Errorf(platform.CodeInvalid, "header %q cannot tell cached answers apart", h).
				WithHint("remove it from cache.headers of the route")
		}
		if h != "" {
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

// cookies yields the cookies of the request as name and value, in their order.
func cookies(lines []string) func(yield func(name, value string) bool) {
	return func(yield func(string, string) bool) {
		for _, line := range lines {
			for line != "" {
				var pair string
				pair, line, _ = strings.Cut(line, ";")
				name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
				if name = strings.TrimSpace(name); name != "" && !yield(name, value) {
					return
				}
			}
		}
	}
}

// appendCookies adds the key's part for cookies. It returns false when the request may
// not use the cache: any cookie on a route that names none, or a pattern that could not
// be decided.
func (r *rules) appendCookies(b []byte, req *http.Request) ([]byte, bool) {
	lines := req.Header["Cookie"]
	if len(lines) == 0 {
		return b, true
	}
	if r.any {
		return b, false
	}
	for _, want := range r.names {
		for name, value := range cookies(lines) {
			if name == want {
				b = appendPart(appendPart(b, name), value)
			}
		}
	}
	if len(r.classes) == 0 {
		return b, true
	}
	return r.appendClasses(b, lines, pattern.Of(req.Context()))
}

// appendClasses adds one part for each pattern: every cookie whose name it matches.
func (r *rules) appendClasses(b []byte, lines []string, budget *pattern.Budget) ([]byte, bool) {
	for i, class := range r.classes {
		b = append(b, byte(i), 0xff)
		seen := 0
		for name, value := range cookies(lines) {
			if seen++; seen > maxCookies {
				return b, false
			}
			matches, err := class.Match(budget, name)
			if err != nil {
				return b, false
			}
			if matches {
				b = appendPart(appendPart(b, name), value)
			}
		}
	}
	return b, true
}
