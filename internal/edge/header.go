package edge

import (
	"maps"
	"net/http"
	"net/netip"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"sluice/internal/edge/wire"
)

// clients knows who asks, behind proxies that are trusted to say so.
type clients struct{ trusted []netip.Prefix }

// dropped are request headers that an application may believe and a client may not set
// (spec: platform 3.6).
func dropped() [12]string {
	return [...]string{
		"Proxy", "X-Client-Ssl", "X-Client-Verify", "X-Client-Dn", "X-Client-Cert",
		"Client-Cdn", "Client-Country", "Client-Abuse-Score", "Client-Asn", HeldHeader,
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
	never := dropped()
	return wire.ValidName(name) && !underscored(name) && !hopByHop(name) && !slices.Contains(never[:], name) && !strings.HasPrefix(name, "X-Forwarded-") &&
		!strings.HasPrefix(name, "Content-") && !strings.HasPrefix(name, "If-")
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
		deleteListed(h, list)
	}
}

// deleteListed removes the fields that a Connection field names.
func deleteListed(h http.Header, list string) {
	for name := range strings.SplitSeq(list, ",") {
		if name = textproto.TrimString(name); name != "" && !strings.EqualFold(name, "close") && !strings.EqualFold(name, "keep-alive") {
			h.Del(name)
		}
	}
}

// appendRequest appends the head that a backend gets.
func (c clients) appendRequest(b []byte, req *http.Request, v *visit) ([]byte, error) {
	upgrade := upgradeOf(req.Header)
	if !printable(upgrade) {
		return b, errUpgradeName
	}
	b = append(b, req.Method...)
	b = append(b, ' ')
	b = appendTarget(b, req.URL)
	b = append(b, " HTTP/1.1\r\n"...)
	b = appendField(b, "Host", req.Host)
	b = appendHeader(b, c.rewrite(req, v))
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
	return append(appendFraming(b, req, v), "\r\n"...), nil
}

// appendFraming says how the request's body ends.
func appendFraming(b []byte, req *http.Request, v *visit) []byte {
	switch {
	case v.body != nil && req.ContentLength >= 0:
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, req.ContentLength, 10)
		return append(b, "\r\n"...)
	case v.body != nil:
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

// rewrite returns the header that a backend gets, fields of the connection excepted. The
// request's own header stays as it is: the request may be sent again.
func (c clients) rewrite(in *http.Request, v *visit) http.Header {
	h := maps.Clone(in.Header)
	if h == nil {
		h = http.Header{}
	}
	for _, list := range in.Header["Connection"] {
		deleteListed(h, list)
	}
	for _, name := range dropped() {
		delete(h, name)
	}
	ip := c.address(in)
	c.setForwarded(h, in)
	h["X-Client-Ip"] = []string{ip}
	if c.secure(in) {
		h["X-Client-Ssl"] = []string{"on"}
	}
	h["X-Original-Route"] = []string{v.route.OriginalURL}
	v.route.setClientCert(h, in.TLS)
	if cookies := h["Cookie"]; cookies != nil {
		h["Cookie"] = slices.Clone(cookies)
		withoutBypass(h)
	}
	if v.gate.protection.Load().consumesAuthorization() {
		delete(h, "Authorization")
	}
	return h
}

// setForwarded says who asks for what. What the client says about that itself is believed
// from trusted proxies only.
func (c clients) setForwarded(h http.Header, in *http.Request) {
	delete(h, "Forwarded")
	from := peer(in)
	if before := in.Header["X-Forwarded-For"]; len(before) > 0 && c.viaProxy(in) {
		from = strings.Join(before, ", ") + ", " + from
	}
	h["X-Forwarded-For"] = []string{from}
	h["X-Forwarded-Host"] = []string{in.Host}
	h["X-Forwarded-Proto"] = []string{scheme(c.secure(in))}
}

// viaProxy reports whether the request's peer is a trusted proxy.
func (c clients) viaProxy(req *http.Request) bool {
	return len(c.trusted) > 0 && c.trusts(peer(req))
}

func (c clients) trusts(ip string) bool {
	addr, err := netip.ParseAddr(ip)
	return err == nil && slices.ContainsFunc(c.trusted, func(p netip.Prefix) bool { return p.Contains(addr.Unmap()) })
}

// address returns the client's address: the peer's or, behind trusted proxies, the
// nearest one that is none of them.
func (c clients) address(req *http.Request) string {
	ip := peer(req)
	if !c.viaProxy(req) {
		return ip
	}
	hops := strings.Split(strings.Join(req.Header["X-Forwarded-For"], ","), ",")
	for _, hop := range slices.Backward(hops) {
		hop = strings.TrimSpace(hop)
		if _, err := netip.ParseAddr(hop); err != nil {
			return ip
		}
		ip = hop
		if !c.trusts(hop) {
			return ip
		}
	}
	return ip
}

// addr is address, parsed; the zero Addr, which no rule matches, when it is none.
func (c clients) addr(req *http.Request) netip.Addr {
	addr, err := netip.ParseAddr(c.address(req))
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap().WithZone("") // networks have no zone, so that an address with one is in none
}

// secure reports whether the visitor speaks https.
func (c clients) secure(req *http.Request) bool {
	if req.TLS != nil {
		return true
	}
	return len(c.trusted) > 0 && c.viaProxy(req) && strings.EqualFold(req.Header.Get("X-Forwarded-Proto"), "https")
}

func peer(req *http.Request) string {
	if i := strings.LastIndexByte(req.RemoteAddr, ':'); i >= 0 {
		return strings.Trim(req.RemoteAddr[:i], "[]")
	}
	return req.RemoteAddr
}

func scheme(secure bool) string {
	if secure {
		return "https"
	}
	return "http"
}
