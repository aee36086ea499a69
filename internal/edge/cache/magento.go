package cache

import (
	"net/http"
	"slices"
	"strings"

	"sluice/internal/edge/pattern"
)

// Answers of a Magento whose page cache is set to Varnish are made for its configuration of
// Varnish, which does three things that no Cache-Control asks for: it drops the cookies that
// PHP sends with every page, keeps browsers from keeping pages, which it could not remove
// there, and tells answers of GraphQL apart by Magento's own headers. X-Magento-Tags says
// that an answer is one of these.

// varyCookie tells visitors apart who see other prices or another currency.
const varyCookie = "X-Magento-Vary"

// cacheID is what GraphQL's clients and answers say of the same.
const cacheID = "X-Magento-Cache-Id"

// judgeMagento is judge for an answer of Magento. It changes the header to what visitors
// get.
func (r *rules) judgeMagento(req *http.Request, status int, h http.Header) verdict {
	cookies := h["Set-Cookie"]
	if req.Method == http.MethodGet && r.tellGroups() && !changesGroup(req, cookies) {
		delete(h, "Set-Cookie")
	}
	v := r.judge(req, status, h)
	if id := h[cacheID]; v.keep && id != nil {
		asked := req.Header[cacheID]
		v.keep = req.Header["Authorization"] == nil && (asked == nil || slices.Equal(asked, id))
	}
	if v.keep {
		v.vary = append(v.vary, "Content-Currency", "Store", cacheID)
		slices.Sort(v.vary)
		v.vary = slices.Compact(v.vary)
	} else if cookies != nil {
		h["Set-Cookie"] = cookies
	}
	if cc := parseDirectives(h["Cache-Control"]); !cc.is(private) {
		h["Cache-Control"] = []string{"no-store, no-cache, must-revalidate, max-age=0"}
		h["Pragma"], h["Expires"] = []string{"no-cache"}, []string{"-1"}
	}
	return v
}

// tellGroups reports whether the route tells visitors of different groups apart. Without
// that, a page is for the visitor that it was made for, and its cookies say so.
func (r *rules) tellGroups() bool {
	if r.any || slices.Contains(r.names, varyCookie) {
		return true
	}
	return slices.ContainsFunc(r.classes, func(p *pattern.Pattern) bool {
		matches, err := p.Match(nil, varyCookie)
		return matches && err == nil
	})
}

// changesGroup reports whether cookies make the visitor one of another group than the
// request says: the answer is for that one.
func changesGroup(req *http.Request, set []string) bool {
	for _, line := range set {
		pair, _, _ := strings.Cut(line, ";")
		name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
		if name != varyCookie {
			continue
		}
		same := false
		for name, had := range cookies(cookieLine(req)) {
			same = same || (name == varyCookie && had == value)
		}
		if !same {
			return true
		}
	}
	return false
}
