package edge

import (
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"sluice/internal/platform"
)

// The request with which applications empty a cache in front of them, as Magento does when
// its page cache is set to Varnish: PURGE, with a pattern of the tags that are to go. It
// is for the environment's own containers: who sends it is told by the address of the
// connection, which only they have, whatever host and headers the request has.
const (
	methodPurge   = "PURGE"
	patternHeader = "X-Magento-Tags-Pattern"
)

// servePurge answers a PURGE of one of an environment's containers, and reports whether
// the request was one. From anybody else it is a request as any other.
func (r *Router) servePurge(w http.ResponseWriter, req *http.Request) bool {
	if req.Method != methodPurge {
		return false
	}
	if r.clients.trusts(peer(req)) {
		return false // a proxy passes on what visitors send
	}
	rel := r.releaseOf(peer(req))
	if rel == nil {
		return false
	}
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	n, err := rel.purge(req)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return true
	}
	_, _ = w.Write([]byte("Purged " + strconv.Itoa(n) + "\n"))
	return true
}

// releaseOf returns what the environment serves to whose containers an address belongs;
// nil for any other address.
func (r *Router) releaseOf(address string) *release {
	addr, err := netip.ParseAddr(address)
	if err != nil {
		return nil
	}
	addr = addr.Unmap()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.environments {
		if rel := e.serving(); rel != nil && rel.contains(addr) {
			return rel
		}
	}
	return nil
}

// contains reports whether an address is that of a container of the environment. The first
// of its network is the machine's, whose users have nothing to do with the environment.
func (rel *release) contains(addr netip.Addr) bool {
	return rel.subnet.IsValid() && rel.subnet.Contains(addr) && addr != rel.subnet.Addr().Next()
}

// parseSubnet reads the network of an environment's containers; "" for none.
func parseSubnet(p platform.Publication) (netip.Prefix, error) {
	if p.Subnet == "" {
		return netip.Prefix{}, nil
	}
	subnet, err := netip.ParsePrefix(p.Subnet)
	if err != nil {
		return netip.Prefix{}, platform.Errorf(platform.CodeInvalid, "%q is not the network of environment %q", p.Subnet, p.Environment)
	}
	return subnet.Masked(), nil
}

// purge removes what a PURGE names: the URL of the request, or what its pattern matches.
// A pattern that is not made as Magento makes it empties the cache: too much is asked for
// again then, and nothing that is outdated stays.
func (rel *release) purge(req *http.Request) (int, error) {
	patterns, given := req.Header[patternHeader]
	if !given {
		return rel.answers.PurgeURL("//"+req.Host+req.URL.RequestURI(), false)
	}
	var tags []string
	for _, pattern := range patterns {
		found, ok := magentoTags(pattern)
		if !ok {
			return rel.answers.Purge(), nil
		}
		tags = append(tags, found...)
	}
	return rel.answers.PurgeTags(tags), nil
}

// magentoTags returns the tags of a pattern such as ((^|,)cat_p_12(,|$))|((^|,)cms(,|$)).
func magentoTags(pattern string) (tags []string, ok bool) {
	for {
		rest, opened := strings.CutPrefix(pattern, "((^|,)")
		tag, rest, closed := strings.Cut(rest, "(,|$))")
		if !opened || !closed || tag == "" || strings.ContainsAny(tag, `\.+*?()|[]{}^$, `) {
			return nil, false
		}
		tags = append(tags, tag)
		if rest == "" {
			return tags, true
		}
		if pattern, ok = strings.CutPrefix(rest, "|"); !ok {
			return nil, false
		}
	}
}
