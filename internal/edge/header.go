package edge

import (
	"net/http"
	"net/http/httputil"
	"net/netip"
	"slices"
	"strings"
)

// clients knows who asks, behind proxies that are trusted to say so.
type clients struct{ trusted []netip.Prefix }

// dropped are request headers that an application may believe and a client may not set
// (spec: platform 3.6). httputil.ReverseProxy drops hop-by-hop headers and Forwarded.
func dropped() []string {
	return []string{
		"Proxy", "X-Client-Ssl", "X-Client-Verify", "X-Client-Dn", "X-Client-Cert",
		"Client-Cdn", "Client-Country", "Client-Abuse-Score", "Client-Asn", HeldHeader,
		"Expect", // the body is asked for when a backend wants it
	}
}

// rewrite prepares the request for a backend.
func (c clients) rewrite(pr *httputil.ProxyRequest) {
	v := visitOf(pr.In)
	in, out := pr.In, pr.Out
	out.URL.RawQuery = in.URL.RawQuery // it is the application's to parse
	if v.body != nil && out.Body != nil {
		out.Body = v.body
	}
	h := out.Header
	for _, name := range dropped() {
		h.Del(name)
	}
	if c.viaProxy(in) {
		h["X-Forwarded-For"] = in.Header["X-Forwarded-For"]
	}
	ip := c.address(in)
	pr.SetXForwarded()
	h.Set("X-Forwarded-Proto", scheme(c.secure(in)))
	h.Set("X-Client-Ip", ip)
	if c.secure(in) {
		h.Set("X-Client-Ssl", "on")
	}
	h.Set("X-Original-Route", v.route.OriginalURL)
	v.route.setClientCert(h, in.TLS)
	withoutBypass(h)
	if v.gate.protection.Load().consumesAuthorization() {
		delete(h, "Authorization")
	}
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
	return addr.Unmap()
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
