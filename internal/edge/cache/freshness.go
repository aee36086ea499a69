package cache

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// Limits of what is kept of an answer but its body.
const (
	maxHeaderBytes = 16 << 10
	maxVaried      = 12
)

// verdict is whether an answer may be kept, and how long it may be used.
type verdict struct {
	keep     bool
	lifetime time.Duration
	swr      time.Duration // how long it may be used while it is being renewed
	sie      time.Duration // how long it may be used instead of an error
	strict   bool          // never to be used stale
	shared   bool          // also for requests with credentials
	vary     []string      // canonical, sorted
}

// judge decides about an answer to a request (RFC 9111 section 3). Expires
// and Pragma play no part.
func (r *rules) judge(req *http.Request, status int, h http.Header) verdict {
	cc := parseDirectives(h["Cache-Control"])
	v := verdict{
		lifetime: r.lifetime(status, &cc),
		swr:      span(cc.swr), sie: span(cc.sie),
		strict: cc.is(mustRevalidate) || cc.is(proxyRevalidate) || cc.sMaxAge != unsaid,
		shared: cc.is(public) || cc.is(mustRevalidate) || cc.sMaxAge != unsaid,
	}
	if v.strict {
		v.swr, v.sie = 0, 0
	}
	_, auth := req.Header["Authorization"]
	switch {
	case !keepable(status) || cc.is(noStore) || cc.is(noCache) || cc.is(private):
		return v
	case v.lifetime+v.swr+v.sie <= 0 || (auth && !v.shared) || !plain(h):
		return v
	}
	v.vary, v.keep = varyOf(h)
	return v
}

// lifetime is how long an answer is fresh: what it says or, when it says nothing at all,
// the route's default for answers of the ordinary kinds.
func (r *rules) lifetime(status int, cc *directives) time.Duration {
	switch {
	case cc.sMaxAge != unsaid:
		return span(cc.sMaxAge)
	case cc.maxAge != unsaid:
		return span(cc.maxAge)
	case cc.given:
		return 0
	}
	switch status {
	case http.StatusOK, http.StatusNonAuthoritativeInfo, http.StatusMovedPermanently, http.StatusPermanentRedirect:
		return r.ttl
	}
	return 0
}

// keepable are the statuses that are kept when the answer says so. Errors are not among
// them: somebody who can make an application fail would make it fail for everybody.
func keepable(status int) bool {
	switch status {
	case http.StatusOK, http.StatusNonAuthoritativeInfo, http.StatusNoContent, http.StatusMultipleChoices,
		http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect,
		http.StatusNotFound, http.StatusGone:
		return true
	}
	return false
}

// plain reports whether the header has nothing that belongs to one visitor or to one
// connection, and is of ordinary size.
func plain(h http.Header) bool {
	size := 0
	for name, values := range h {
		switch name {
		case "Set-Cookie", "Set-Cookie2", "Content-Range", "Trailer", "Upgrade", "Www-Authenticate":
			return false
		case "Content-Encoding":
			if len(values) != 1 || codingOf(values[0])&^anyCoding == 0 {
				return false
			}
		case "Content-Type":
			if len(values) > 0 && strings.HasPrefix(strings.ToLower(values[0]), "text/event-stream") {
				return false
			}
		}
		for _, v := range values {
			if size += len(name) + len(v) + 4; strings.ContainsAny(v, "\r\n\x00") {
				return false
			}
		}
	}
	return size <= maxHeaderBytes
}

// varyOf returns the headers that tell the answer's variants apart. It returns false when
// there is no telling: "*", too many, or a header that the router writes for each visitor.
func varyOf(h http.Header) ([]string, bool) {
	var names []string
	for _, v := range h["Vary"] {
		for name := range strings.SplitSeq(v, ",") {
			name = http.CanonicalHeaderKey(strings.TrimSpace(name))
			switch {
			case name == "":
			case inKey(name):
			case name == "*" || ofVisitor(name) || len(names) >= maxVaried:
				return nil, false
			default:
				names = append(names, name)
			}
		}
	}
	if h["Content-Encoding"] != nil { // whether it is said or not: others cannot read it
		names = append(names, "Accept-Encoding")
	}
	slices.Sort(names)
	return slices.Compact(names), true
}

// inKey are headers that the router writes from what the key has anyway: scheme, host and
// route.
func inKey(name string) bool {
	switch name {
	case "Host", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Client-Ssl", "X-Original-Route":
		return true
	}
	return false
}

// ofVisitor are headers that the router writes about one visitor: what the application
// saw is not what the next request carries.
func ofVisitor(name string) bool {
	return name == "X-Forwarded-For" || name == "Forwarded" || strings.HasPrefix(name, "X-Client-") || strings.HasPrefix(name, "Client-")
}

func span(seconds int64) time.Duration { return time.Duration(max(0, seconds)) * time.Second }

// initialAge is how old a response already is when it arrives (RFC 9111 section 4.2.3). Of
// an Age in several members the first counts (section 5.1).
func initialAge(h http.Header, asked, arrived time.Time) time.Duration {
	age := time.Duration(0)
	if values := h["Age"]; len(values) > 0 {
		first, _, _ := strings.Cut(values[0], ",")
		age = span(seconds(strings.TrimSpace(first))) + arrived.Sub(asked)
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		age = max(age, arrived.Sub(date).Truncate(time.Second))
	}
	return max(0, age)
}
