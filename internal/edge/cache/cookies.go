package cache

import (
	"net/http"
	"slices"
	"strings"

	"sluice/internal/edge/pattern"
)

// maxCookies is how many cookies a request may have that uses the cache. Applications stop
// reading somewhere (PHP after 1000), so that the key would have cookies that they ignore.
const maxCookies = 128

// cookieLine returns the request's cookies. The router joins several lines to one.
func cookieLine(req *http.Request) string {
	if lines := req.Header["Cookie"]; len(lines) > 0 {
		return lines[0]
	}
	return ""
}

// cookies yields the cookies of a line as name and value, in their order and byte for byte,
// except for the spaces before a name, which every application skips.
func cookies(line string) func(yield func(name, value string) bool) {
	return func(yield func(string, string) bool) {
		for line != "" {
			var pair string
			pair, line, _ = strings.Cut(line, ";")
			name, value, _ := strings.Cut(strings.TrimLeft(pair, " "), "=")
			if name != "" && !yield(name, value) {
				return
			}
		}
	}
}

// appendCookies adds the key's part for cookies. It returns false when the request may not
// use the cache: any cookie on a route that names none, cookies that applications do not all
// read alike, or a pattern that could not be decided.
func (r *rules) appendCookies(b []byte, req *http.Request) ([]byte, bool) {
	lines := req.Header["Cookie"]
	switch {
	case len(lines) == 0:
		return b, true
	case r.any:
		return b, false
	case len(r.names) == 0 && len(r.classes) == 0:
		return b, true
	case len(lines) > 1 || !r.unmistakable(lines[0]):
		return b, false
	}
	for _, want := range r.names {
		for name, value := range cookies(lines[0]) {
			if name == want {
				b = appendPart(appendPart(b, name), value)
			}
		}
	}
	if len(r.classes) == 0 {
		return b, true
	}
	return r.appendClasses(b, lines[0], pattern.Of(req.Context()))
}

// appendClasses adds one part for each pattern: every cookie whose name it matches. A name
// that PHP changes counts as both.
func (r *rules) appendClasses(b []byte, line string, budget *pattern.Budget) ([]byte, bool) {
	for i, class := range r.classes {
		b = append(b, byte(i), 0xff)
		for name, value := range cookies(line) {
			matches, err := class.Match(budget, name)
			if err != nil {
				return b, false
			}
			if matches {
				b = appendPart(appendPart(b, name), value)
			}
			for _, other := range readings(name) {
				if matches, err = class.Match(budget, other); err != nil || (matches && other != name) {
					return b, false
				}
			}
		}
	}
	return b, true
}

// unmistakable reports whether applications agree on what the line says about the cookies
// of the key. They do not agree on white space and other unusual bytes in names, on quotes
// that hide a semicolon, on a name without a value, and on names that PHP changes.
func (r *rules) unmistakable(line string) bool {
	n := 0
	for pair := range strings.SplitSeq(line, ";") {
		name, value, given := strings.Cut(strings.TrimLeft(pair, " "), "=")
		if n++; n > maxCookies || strings.Count(value, `"`)%2 != 0 || !graphic(name) || (name != "" && !given) {
			return false
		}
		if !slices.Contains(r.names, name) && slices.ContainsFunc(r.names, func(want string) bool { return confusable(name, want) }) {
			return false
		}
	}
	return true
}

// graphic reports whether a name has visible ASCII bytes only.
func graphic(name string) bool {
	for i := range len(name) {
		if c := name[i]; c <= ' ' || c >= 0x7f || c == '"' || c == ',' {
			return false
		}
	}
	return true
}

// confusable reports whether PHP may take a cookie for the one of another name.
func confusable(name, want string) bool {
	if !strings.ContainsAny(name, changed) && !strings.ContainsAny(want, changed) {
		return false
	}
	wanted := append(readings(want), want)
	return slices.ContainsFunc(append(readings(name), name), func(s string) bool { return slices.Contains(wanted, s) })
}

// changed are the bytes of names that PHP replaces.
const changed = ".[%+"

// readings returns the variables that PHP may make of a cookie with an unusual name: its
// older versions decode names like values, all of them allow no dot in names, and what
// follows a bracket is the index of an array, or part of the name if nothing closes it.
func readings(name string) []string {
	if !strings.ContainsAny(name, changed) {
		return nil
	}
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c == '+' {
			c = ' '
		}
		if c == '%' && i+2 < len(name) {
			if hi, lo := unhex(name[i+1]), unhex(name[i+2]); hi >= 0 && lo >= 0 {
				c = byte(hi<<4 | lo) //nolint:gosec // two digits
				i += 2
			}
		}
		switch {
		case c == 0:
			i = len(name)
		case b.Len() == 0 && (c == ' ' || c == '\t'):
		case c == '.' || c == ' ':
			b.WriteByte('_')
		default:
			b.WriteByte(c)
		}
	}
	variable := b.String()
	base, _, _ := strings.Cut(variable, "[")
	return []string{variable, base, strings.ReplaceAll(variable, "[", "_"), strings.ReplaceAll(name, ".", "_")}
}

func unhex(c byte) int { return strings.IndexByte("0123456789abcdef", c|0x20) }
