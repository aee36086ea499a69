package relay

import (
	"iter"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"sluice/internal/edge/wire"
)

// Reserved are request headers that an application may believe and a client may not set.
func Reserved() [12]string {
	return [...]string{
		"Proxy", "X-Client-Ssl", "X-Client-Verify", "X-Client-Dn", "X-Client-Cert",
		"Client-Cdn", "Client-Country", "Client-Abuse-Score", "Client-Asn", "X-Sluice-Held",
		"Http2-Settings",
		"Expect", // the body is asked for when a backend wants it
	}
}

// hopByHop reports whether a field is about one connection only (RFC 9110 7.6.1).
func hopByHop(name string) bool {
	switch name {
	case "Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization",
		"Te", "Trailer", "Transfer-Encoding", "Upgrade":
		return true
	}
	return false
}

// underscored reports whether a name has an underscore. To an application that is started
// like CGI, X_Forwarded_For and X-Forwarded-For are the same variable, so a client could
// say what only the router may. nginx drops such fields, too.
func underscored(name string) bool { return strings.IndexByte(name, '_') >= 0 }

// mayTrail reports whether a client's field may follow the body: none that the router
// answers for, and none that says how the request is to be understood (RFC 9110 6.5.1).
func mayTrail(name string) bool {
	switch name {
	case "Host", "Authorization", "Cookie", "Forwarded", "Cache-Control", "Max-Forwards", "Pragma", "Range", "X-Original-Route", "X-Client-Ip":
		return false
	}
	never := Reserved()
	return wire.ValidName(name) && !underscored(name) && !hopByHop(name) && !slices.Contains(never[:], name) && !strings.HasPrefix(name, "X-Forwarded-") &&
		!strings.HasPrefix(name, "Content-") && !strings.HasPrefix(name, "If-")
}

// mayTrailResponse reports whether an application's field may follow its body.
func mayTrailResponse(name string) bool {
	switch name {
	case "Set-Cookie", "Set-Cookie2", "Location", "Server", "Www-Authenticate", "Strict-Transport-Security", "X-Sluice-Held":
		return false
	}
	return !hopByHop(name) && !strings.HasPrefix(name, "Content-") && !strings.HasPrefix(name, "X-Accel-")
}

// setFields puts a response's fields into h, without those of the backend's connection.
// The announcement of a trailer stays: the trailer is passed on.
func setFields(h http.Header, resp *wire.Response) {
	values := make([]string, 0, len(resp.Fields)) // one allocation for all
	var listed []string
	for _, f := range resp.Fields {
		switch {
		case f.Name == "Trailer" && resp.Framing == wire.Chunked:
		case f.Name == "Connection":
			listed = append(listed, f.Value)
			continue
		case hopByHop(f.Name), f.Name == "Content-Length" && (resp.Framing == wire.Chunked || h[f.Name] != nil):
			continue
		}
		if have := h[f.Name]; have != nil {
			h[f.Name] = append(have, f.Value)
			continue
		}
		values = append(values, f.Value)
		n := len(values)
		h[f.Name] = values[n-1 : n : n]
	}
	for _, list := range listed {
		DeleteListed(h, list)
	}
}

// DeleteListed removes the fields that a Connection field names, except for those that are
// about the connection anyway and those in which a trusted proxy says who the client is:
// a client cannot take these away.
func DeleteListed(h http.Header, list string) {
	for name := range listed(list) {
		h.Del(name)
	}
}

// ListsFields reports whether DeleteListed has something to remove.
func ListsFields(list string) bool {
	if strings.EqualFold(list, "keep-alive") || strings.EqualFold(list, "close") {
		return false // nearly always
	}
	for range listed(list) {
		return true
	}
	return false
}

func listed(list string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for name := range strings.SplitSeq(list, ",") {
			switch name = http.CanonicalHeaderKey(textproto.TrimString(name)); name {
			case "", "Close", "X-Forwarded-For", "X-Forwarded-Proto":
				continue
			}
			if !hopByHop(name) && !yield(name) {
				return
			}
		}
	}
}

// appendRequest appends the head that a backend gets.
func appendRequest(b []byte, req *http.Request, h http.Header, body bool) ([]byte, error) {
	upgrade := upgradeOf(req.Header)
	if !printable(upgrade) {
		return b, ErrUpgradeName
	}
	b = append(b, req.Method...)
	b = append(b, ' ')
	b = appendTarget(b, req.URL)
	b = append(b, " HTTP/1.1\r\n"...)
	b = appendField(b, "Host", req.Host)
	b = appendHeader(b, h)
	if upgrade != "" {
		b = append(b, "Connection: Upgrade\r\n"...)
		b = appendField(b, "Upgrade", upgrade)
	}
	for _, te := range req.Header["Te"] {
		if wire.HasToken(te, "trailers") {
			b = append(b, "Te: trailers\r\n"...)
			break
		}
	}
	return append(appendFraming(b, req, body), "\r\n"...), nil
}

// appendFraming says how the request's body ends.
func appendFraming(b []byte, req *http.Request, body bool) []byte {
	switch {
	case body && req.ContentLength >= 0:
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, req.ContentLength, 10)
		return append(b, "\r\n"...)
	case body:
		for name := range req.Trailer {
			if mayTrail(name) {
				b = appendField(b, "Trailer", name)
			}
		}
		return append(b, "Transfer-Encoding: chunked\r\n"...)
	case req.Method == http.MethodPost, req.Method == http.MethodPut, req.Method == http.MethodPatch:
		return append(b, "Content-Length: 0\r\n"...)
	}
	return b
}

// appendTarget appends the path as it was sent, and the query, which is the application's
// to parse.
func appendTarget(b []byte, u *url.URL) []byte {
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	b = append(b, path...)
	if u.ForceQuery || u.RawQuery != "" {
		b = append(b, '?')
		b = append(b, u.RawQuery...)
	}
	return b
}

func appendHeader(b []byte, h http.Header) []byte {
	for name, values := range h {
		if name == "Host" || name == "Content-Length" || hopByHop(name) || underscored(name) {
			continue
		}
		for _, value := range values {
			b = appendField(b, name, value)
		}
	}
	return b
}

// appendField appends one line. A line end within the value cannot be, for servers and
// parsers refuse it; should it be, it ends no line here.
func appendField(b []byte, name, value string) []byte {
	b = append(b, name...)
	b = append(b, ": "...)
	if strings.IndexByte(value, '\n') >= 0 || strings.IndexByte(value, '\r') >= 0 {
		value = strings.NewReplacer("\n", " ", "\r", " ").Replace(value)
	}
	b = append(b, value...)
	return append(b, "\r\n"...)
}

func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
