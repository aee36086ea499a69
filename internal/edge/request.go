package edge

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"sluice/internal/edge/relay"
	"sluice/internal/edge/wire"
)

// unambiguous checks what a backend gets as the request line and the framing, once for all
// protocols: net/http lets some of it pass over HTTP/2 that HTTP/1.1 cannot carry, and a
// backend could read another request than the one that was routed, cached and logged. It
// reports false for a request that is to be refused. The request that it returns has
// http.NoBody exactly if it has no body: net/http's HTTP/2 server says so by the length
// only.
func unambiguous(req *http.Request) (*http.Request, bool) {
	if !wire.ValidName(req.Method) || !plainQuery(req.URL.RawQuery) || strings.IndexByte(req.RequestURI, '#') >= 0 {
		return req, false
	}
	if req.ProtoMajor >= 2 && !sameLength(req) {
		return req, false
	}
	if u := req.URL; u.Scheme != "" && u.Scheme != "http" && u.Scheme != "https" {
		return req, false
	}
	req = endToEnd(req)
	path := req.URL.Path
	if path == "" && req.URL.Host != "" && req.Method != http.MethodConnect {
		path = "/" // absolute form (RFC 9112 3.2.2)
	}
	if query := escapedQuery(req.URL.RawQuery); query != req.URL.RawQuery || path != req.URL.Path {
		url := *req.URL
		url.RawQuery, url.Path = query, path
		req = shallow(req)
		req.URL = &url
	}
	if req.ContentLength == 0 && req.Body != nil && req.Body != http.NoBody {
		req = shallow(req)
		req.Body = http.NoBody
	}
	return req, true
}

// shallow returns a copy to set fields of: a handler may not change the request it is given.
func shallow(req *http.Request) *http.Request {
	c := *req
	return &c
}

// endToEnd returns the request with the header that the application will see, but for what
// the router writes itself: without the fields that Connection names, and with one line of
// cookies, as HTTP/2 has it. Access control, the cache's key and the application thus see
// the same, and no response is stored for a cookie that was never passed on.
func endToEnd(req *http.Request) *http.Request {
	listed := slices.ContainsFunc(req.Header["Connection"], relay.ListsFields)
	cookies := req.Header["Cookie"]
	if !listed && len(cookies) <= 1 {
		return req
	}
	req = shallow(req)
	req.Header = maps.Clone(req.Header)
	if len(cookies) > 1 {
		req.Header["Cookie"] = []string{strings.Join(cookies, "; ")}
	}
	for _, list := range req.Header["Connection"] {
		relay.DeleteListed(req.Header, list)
	}
	return req
}

// plainQuery refuses what would end the request line or its target elsewhere.
func plainQuery(query string) bool {
	for i := range len(query) {
		if c := query[i]; c <= ' ' || c == 0x7f || c == '#' {
			return false
		}
	}
	return true
}

// escapedQuery escapes bytes that are not ASCII, which old clients send as they are.
func escapedQuery(query string) string {
	const hex = "0123456789ABCDEF"
	first := strings.IndexFunc(query, func(r rune) bool { return r > '~' })
	if first < 0 {
		return query
	}
	var b strings.Builder
	for i := range len(query) {
		if c := query[i]; c > '~' {
			_, _ = b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// sameLength reports whether the length that the header states is one number and the one
// that the server goes by. HTTP/1 was checked by its parser.
func sameLength(req *http.Request) bool {
	values, stated := req.Header["Content-Length"]
	if !stated {
		return true
	}
	if len(values) != 1 || strings.TrimLeft(values[0], "0123456789") != "" {
		return false
	}
	n, err := strconv.ParseInt(values[0], 10, 64)
	return err == nil && n == req.ContentLength
}

// refuse answers a request that is not understood. Over HTTP/1 it is the last one of its
// connection, because its end is not known.
func refuse(w http.ResponseWriter, req *http.Request, why string) {
	if req.ProtoMajor == 1 {
		w.Header().Set("Connection", "close")
	}
	http.Error(w, why, http.StatusBadRequest)
}
