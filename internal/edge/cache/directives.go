package cache

import (
	"strconv"
	"strings"
)

// directive is a Cache-Control directive without a value.
type directive uint16

const (
	noStore directive = 1 << iota
	noCache
	private
	public
	mustRevalidate
	proxyRevalidate
	onlyIfCached
)

// unsaid is the value of a directive that was not given.
const unsaid = -1

// maxSeconds caps what is too large to count with (RFC 9111 1.2.2).
const maxSeconds = 1 << 31

// directives is a Cache-Control header. Values are seconds, or unsaid.
type directives struct {
	flags    directive
	given    bool // there was a header at all
	maxAge   int64
	sMaxAge  int64
	swr      int64 // stale-while-revalidate (RFC 5861)
	sie      int64 // stale-if-error
	minFresh int64 // of requests
	maxStale int64 // of requests
}

func (d *directives) is(f directive) bool { return d.flags&f != 0 }

// parseDirectives reads the values of all Cache-Control lines. It has no errors: what it
// cannot read is taken in the way that keeps less. A directive that is given twice has the
// smaller value, private="field" and no-cache="field" are taken for the whole answer, and
// a lifetime that is not a number is 0 (RFC 9111 4.2.1).
func parseDirectives(values []string) directives {
	d := directives{maxAge: unsaid, sMaxAge: unsaid, swr: unsaid, sie: unsaid, minFresh: unsaid, maxStale: unsaid}
	for _, v := range values {
		d.given = true
		for v != "" {
			var item string
			item, v = cutItem(v)
			d.add(item)
		}
	}
	return d
}

// cutItem returns the list's first item and what follows its comma. A comma in quotes is
// part of the item.
func cutItem(s string) (item, rest string) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quoted:
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == ',' && !quoted:
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

func (d *directives) add(item string) {
	name, value, valued := strings.Cut(item, "=")
	name, value = strings.TrimSpace(name), strings.Trim(strings.TrimSpace(value), `"`)
	if f := flagOf(name); f != 0 {
		d.flags |= f
		return
	}
	switch {
	case strings.EqualFold(name, "max-age"):
		lower(&d.maxAge, value)
	case strings.EqualFold(name, "s-maxage"):
		lower(&d.sMaxAge, value)
	case strings.EqualFold(name, "stale-while-revalidate"):
		lower(&d.swr, value)
	case strings.EqualFold(name, "stale-if-error"):
		lower(&d.sie, value)
	case strings.EqualFold(name, "min-fresh"):
		d.minFresh = max(d.minFresh, seconds(value))
	case strings.EqualFold(name, "max-stale") && !valued:
		d.maxStale = maxSeconds
	case strings.EqualFold(name, "max-stale"):
		lower(&d.maxStale, value)
	}
}

func flagOf(name string) directive {
	switch {
	case strings.EqualFold(name, "no-store"):
		return noStore
	case strings.EqualFold(name, "no-cache"):
		return noCache
	case strings.EqualFold(name, "private"):
		return private
	case strings.EqualFold(name, "public"):
		return public
	case strings.EqualFold(name, "must-revalidate"):
		return mustRevalidate
	case strings.EqualFold(name, "proxy-revalidate"):
		return proxyRevalidate
	case strings.EqualFold(name, "only-if-cached"):
		return onlyIfCached
	}
	return 0
}

// lower sets the directive, or keeps the smaller of two values.
func lower(d *int64, value string) {
	if n := seconds(value); *d == unsaid || n < *d {
		*d = n
	}
}

// seconds reads a delta-seconds; 0 for anything else.
func seconds(s string) int64 {
	if s == "" {
		return 0
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n > maxSeconds {
		return maxSeconds // digits only: too many of them
	}
	return n
}
