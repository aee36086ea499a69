package edge

import (
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/internal/edge/pattern"
	"sluice/internal/platform"
)

// redirects are the partial redirects of one route. An exact or
// prefix rule with the longest path wins; patterns follow in the order they are written.
type redirects struct {
	paths    map[string]*rule
	longest  int
	patterns []*rule
}

type rule struct {
	platform.PartialRedirect
	path    string // without trailing slash for prefix rules
	code    int
	expires lifetime
	pattern *pattern.Pattern
}

// compileRedirects returns nil for a route without partial redirects.
func compileRedirects(list []platform.PartialRedirect) (*redirects, error) {
	if len(list) == 0 {
		return nil, nil //nolint:nilnil // no redirects is a legal and common value
	}
	rs := &redirects{paths: make(map[string]*rule, len(list))}
	for _, p := range list {
		r := &rule{PartialRedirect: p, path: p.Path, code: p.Code, expires: parseLifetime(p.Expires)}
		if r.code == 0 {
			r.code = http.StatusFound
		}
		if p.Regexp {
			re, err := pattern.Compile(p.Path)
			if err != nil {
				return nil, platform.Errorf(platform.CodeInvalid, "redirect pattern %q: %v", p.Path, err)
			}
			r.pattern = re
			rs.patterns = append(rs.patterns, r)
			continue
		}
		if p.Prefix {
			r.path = strings.TrimRight(p.Path, "/")
		}
		if _, taken := rs.paths[r.path]; !taken {
			rs.paths[r.path] = r
		}
		rs.longest = max(rs.longest, len(r.path))
	}
	return rs, nil
}

// expressions returns the patterns of all rules.
func (rs *redirects) expressions() []*pattern.Pattern {
	if rs == nil {
		return nil
	}
	list := make([]*pattern.Pattern, 0, len(rs.patterns))
	for _, r := range rs.patterns {
		list = append(list, r.pattern)
	}
	return list
}

// match returns the first rule that applies to the URL and where it leads.
func (rs *redirects) match(b *pattern.Budget, u *url.URL) (location string, r *rule) {
	for key := range ancestors(u.Path, rs.longest) {
		r := rs.paths[key]
		if r == nil || (!r.Prefix && key != u.Path) {
			continue
		}
		if r.Prefix && r.AppendSuffix {
			return withSuffix(r.To, u, key), r
		}
		return withQuery(r.To, u.RawQuery), r
	}
	for _, r := range rs.patterns {
		// An error means that it took too long: the rule does not match.
		if groups, err := r.pattern.Find(b, u.Path); err == nil && groups != nil {
			return sameSite(r.To, os.Expand(r.To, captures(groups, u))), r
		}
	}
	return "", nil
}

// captures resolves the placeholders of a pattern's target. Path text is escaped again,
// so that nothing in a request can end the header or leave the path.
func captures(groups pattern.Groups, u *url.URL) func(string) string {
	return func(name string) string {
		if n, err := strconv.Atoi(name); err == nil {
			return escapePath(groups.Group(n))
		}
		arg, isArg := strings.CutPrefix(name, "arg_")
		switch {
		case name == "uri":
			return escapePath(u.Path)
		case name == "args":
			return u.RawQuery
		case name == "is_args" && u.RawQuery != "":
			return "?"
		case isArg:
			return url.QueryEscape(u.Query().Get(arg))
		}
		return ""
	}
}

// withSuffix appends what follows prefix in the path, and the query.
func withSuffix(to string, u *url.URL, prefix string) string {
	rest := escapePath(strings.TrimLeft(strings.TrimPrefix(u.Path, prefix), "/"))
	target, query, hasQuery := strings.Cut(to, "?")
	switch {
	case rest != "":
		target = strings.TrimRight(target, "/") + "/" + rest
	case strings.HasSuffix(u.Path, "/") && !strings.HasSuffix(target, "/"):
		target += "/"
	}
	if hasQuery {
		return sameSite(to, target+"?"+query)
	}
	return sameSite(to, withQuery(target, u.RawQuery))
}

// withQuery keeps the visitor's query unless the target has one of its own.
func withQuery(to, query string) string {
	if query == "" || strings.Contains(to, "?") {
		return to
	}
	return to + "?" + query
}

// sameSite keeps a target that was written as a path from becoming "//host", which a
// browser would take for another site.
func sameSite(to, location string) string {
	if strings.HasPrefix(location, "//") && !strings.HasPrefix(to, "//") {
		return "/" + strings.TrimLeft(location, "/")
	}
	return location
}

func escapePath(p string) string { return (&url.URL{Path: p}).EscapedPath() }

// lifetime is how long a browser may keep a redirect; negative when nothing was said.
type lifetime time.Duration

// lifetimeUnits are those of the routes file; "m" is minutes and "M" months, as in nginx.
func lifetimeUnits() map[string]time.Duration {
	const day = 24 * time.Hour
	return map[string]time.Duration{
		"": time.Second, "s": time.Second, "m": time.Minute, "h": time.Hour,
		"d": day, "w": 7 * day, "M": 30 * day, "y": 365 * day,
	}
}

// parseLifetime reads "3600s", "1d" or "2w"; anything else says nothing.
func parseLifetime(s string) lifetime {
	digits := slices.IndexFunc([]byte(s), func(c byte) bool { return c < '0' || c > '9' })
	if digits < 0 {
		digits = len(s)
	}
	n, err := strconv.ParseInt(s[:digits], 10, 32)
	unit, ok := lifetimeUnits()[s[digits:]]
	if err != nil || !ok || n > int64(10*365*24*time.Hour/unit) {
		return -1
	}
	return lifetime(time.Duration(n) * unit)
}

func (l lifetime) set(h http.Header) {
	if l >= 0 {
		h.Set("Cache-Control", "max-age="+strconv.FormatInt(int64(time.Duration(l).Seconds()), 10))
	}
}
