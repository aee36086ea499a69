package edge

import (
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"sluice/internal/edge/relay"
)

// clients finds the address and scheme of visitors, also behind trusted proxies.
type clients struct{ trusted []netip.Prefix }

// rewrite returns the header that a backend gets, fields of the connection excepted. The
// request's own header stays as it is: the request may be sent again.
func (c clients) rewrite(in *http.Request, r *route) http.Header {
	h := maps.Clone(in.Header)
	if h == nil {
		h = http.Header{}
	}
	for _, name := range relay.Reserved() {
		delete(h, name)
	}
	ip := c.address(in)
	c.setForwarded(h, in)
	h["X-Client-Ip"] = []string{ip}
	if c.secure(in) {
		h["X-Client-Ssl"] = []string{"on"}
	}
	h["X-Original-Route"] = []string{r.OriginalURL}
	r.setClientCert(h, in.TLS)
	if cookies := h["Cookie"]; cookies != nil {
		h["Cookie"] = slices.Clone(cookies)
		withoutBypass(h)
	}
	if r.env.protection.Load().consumesAuthorization() {
		delete(h, "Authorization")
	}
	return h
}

// setForwarded sets the fields about the visitor. The client's own are believed
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
// nearest one that is not a trusted proxy.
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

// addr is address, parsed; the zero Addr when that fails.
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
