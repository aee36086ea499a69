package cache

import (
	"net/http"
	"time"
)

// Answer answers the request from the cache, if it can, and reports whether it did. held
// says that the application cannot be asked now but will be again: then answers are used
// that are stale, too. It must not be called for requests that may not see the site.
func (rt *Route) Answer(w http.ResponseWriter, req *http.Request, secure, held bool) bool {
	if rt == nil {
		return false
	}
	var room [keyRoom]byte
	k, ok := rt.key(room[:0], req, secure)
	if !ok {
		return false
	}
	f, ok := rt.zone.cache.store.find(&k, req)
	if ok && !f.mark() {
		if use := rt.usable(&f, &k, req, held); use != outcomeMiss && rt.send(w, req, &f, use) {
			return true
		}
	}
	return !held && onlyCached(req, w)
}

// wishes are what a request's Cache-Control asks for. Reading it is left out for the many
// requests that have none.
func wishes(req *http.Request) (directives, bool) {
	values := req.Header["Cache-Control"]
	if len(values) == 0 {
		return directives{}, false
	}
	return parseDirectives(values), true
}

// usable says how the entry may be used for the request, outcomeMiss for not at all.
func (rt *Route) usable(f *found, k *key, req *http.Request, held bool) outcome {
	if k.auth && !f.verdict.shared {
		return outcomeMiss
	}
	age := f.at(time.Now())
	left := f.verdict.lifetime - age
	if held {
		// What a request prefers is kept for later: the application cannot be asked now.
		return f.whileHeld(left, rt.zone.cache.opts.Grace)
	}
	if renews(req) {
		return outcomeMiss
	}
	if cc, given := wishes(req); given {
		return f.asWished(&cc, age, left)
	}
	switch {
	case left > 0:
		return outcomeHit
	case left > -f.verdict.swr:
		rt.zone.cache.renew(f.entry, req)
		return outcomeStale
	}
	return outcomeMiss
}

func (e *entry) whileHeld(left, grace time.Duration) outcome {
	switch {
	case left > 0:
		return outcomeHit
	case left > -grace && !e.verdict.strict:
		return outcomeHeld
	}
	return outcomeMiss
}

// asWished applies the request's directives (RFC 9111 5.2.1).
func (e *entry) asWished(cc *directives, age, left time.Duration) outcome {
	switch {
	case cc.is(noStore) || cc.is(noCache) || (cc.maxAge != unsaid && age > span(cc.maxAge)):
		return outcomeMiss
	case cc.maxAge == 0:
		return outcomeMiss
	case left > span(cc.minFresh):
		return outcomeHit
	case cc.minFresh == unsaid && cc.maxStale != unsaid && !e.verdict.strict && left > -span(cc.maxStale):
		return outcomeStale
	}
	return outcomeMiss
}

// onlyCached answers a request that wants nothing but what is kept.
func onlyCached(req *http.Request, w http.ResponseWriter) bool {
	cc, given := wishes(req)
	if !given || !cc.is(onlyIfCached) {
		return false
	}
	h := w.Header()
	outcomeMiss.set(h)
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusGatewayTimeout)
	return true
}

func (o outcome) set(h http.Header) {
	l := o.labels()
	h[platformHeader], h[ownHeader] = l.platform, l.own
}

// send answers with the entry. It returns false, with nothing sent, when its body could
// not be read.
func (rt *Route) send(w http.ResponseWriter, req *http.Request, f *found, how outcome) bool {
	c := rt.zone.cache
	body, ok := c.store.load(f)
	if !ok {
		return false
	}
	f.hit()
	c.counts[how].Add(1)
	h, head := w.Header(), f.aged(f.at(time.Now()), how)
	if atOnce(w, req, f, head, body) {
		return true
	}
	for i, name := range f.names {
		h[name] = f.values[i]
	}
	h["Age"] = head.values
	how.set(h)
	reply(w, req, f.status, f.etag, f.changed, body)
	return true
}

// prepared is a ResponseWriter that takes an answer whose head is made already.
type prepared interface {
	// WritePrepared sends an answer: its status, the lines of its head, Date and
	// Content-Length among them, and its body, nil for HEAD. It returns false, with nothing
	// sent, when it cannot, because something else is to be in the head.
	WritePrepared(status int, head, body []byte) bool
}

// atOnce sends the whole answer, if that is what is asked for and the server can.
func atOnce(w http.ResponseWriter, req *http.Request, f *found, head *ageHeader, body []byte) bool {
	p, ok := w.(prepared)
	if !ok {
		return false
	}
	for _, name := range [...]string{"If-None-Match", "If-Modified-Since", "Range"} {
		if req.Header[name] != nil {
			return false
		}
	}
	if req.Method == http.MethodHead {
		body = nil
	}
	return p.WritePrepared(f.status, head.lines, body)
}

// keepOnly removes what a kept answer's header replaces.
func keepOnly(h http.Header) {
	for name := range h {
		if name != heldHeader {
			delete(h, name)
		}
	}
}
