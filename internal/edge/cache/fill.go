package cache

import (
	"context"
	"net/http"
	"slices"
	"time"
)

const (
	// maxJoins is how often a request waits for somebody else's answer before it asks itself.
	maxJoins = 3

	// markLife is how long an address is remembered whose answers are for one visitor each,
	// so that no request waits for another one's there.
	markLife = 30 * time.Second
)

// Fill answers the request from the cache or through next, which asks the application, and
// keeps the answer if that is allowed. Of several requests for the same thing one asks;
// the others wait for it, no longer than until it is known that the answer is not for
// them. It must be called where the request was let in to the release whose zone the
// route has. next must panic with http.ErrAbortHandler when the answer is cut short.
func (rt *Route) Fill(w http.ResponseWriter, req *http.Request, secure bool, next http.Handler) {
	if rt == nil {
		w.Header()[platformHeader] = bypassValue[:]
		next.ServeHTTP(w, req)
		return
	}
	k, ok := rt.key(nil, req, secure)
	if cc, given := wishes(req); !ok || (given && cc.is(noStore)) {
		rt.bypass(w, req, secure, next)
		return
	}
	f := &fill{rt: rt, cache: rt.zone.cache, w: w, next: next}
	f.question = f.cache.store.ask(question{key: k, req: req, zone: rt.zone, secure: secure})
	defer f.cache.store.asked(&f.question)
	f.run(req.Context())
}

// bypass lets the cache have no part in it, but for removing what the request changed.
func (rt *Route) bypass(w http.ResponseWriter, req *http.Request, secure bool, next http.Handler) {
	rt.zone.cache.counts[outcomeBypass].Add(1)
	outcomeBypass.set(w.Header())
	seen := &watched{ResponseWriter: w}
	next.ServeHTTP(seen, req)
	switch req.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return
	}
	if seen.status < http.StatusBadRequest {
		rt.zone.invalidate(req, secure)
	}
}

// watched is an answer that the cache has no part in: it notes the status, and takes away
// what is for caches only.
type watched struct {
	http.ResponseWriter
	status int
}

// Unwrap lets http.ResponseController flush.
func (w *watched) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader notes the final status.
func (w *watched) WriteHeader(status int) {
	if status >= http.StatusOK || status == http.StatusSwitchingProtocols {
		w.status = status
		dropTags(w.Header())
	}
	w.ResponseWriter.WriteHeader(status)
}

// fill is one request that the cache could not answer at once.
type fill struct {
	question
	rt    *Route
	cache *Cache
	w     http.ResponseWriter
	next  http.Handler

	stale  found // what there is but may not be used as it is; no entry for nothing
	body   []byte
	marked bool    // there is a mark already
	name   string  // of the flight
	flight *flight // that it leads; nil for none
}

func (f *fill) run(ctx context.Context) {
	for range maxJoins {
		f.epoch = f.now() // the application has not been asked for this request yet
		if f.look() {
			return
		}
		if f.marked || f.key.auth || f.partial() {
			break
		}
		if f.name == "" {
			f.name = string(f.key.url) + string(f.key.config) + string(rune(acceptedCodings(f.req.Header["Accept-Encoding"])))
		}
		fl, leader := f.cache.flights.join(f.name, f.epoch)
		if leader {
			f.flight = fl
			if f.look() { // another flight may have landed since the look above
				f.cache.flights.land(f.name, fl, nil)
				return
			}
			f.lead()
			return
		}
		if !fl.wait(ctx, f.cache.opts.Wait) || fl.alone {
			break
		}
		if f.share(fl) {
			return
		}
	}
	f.ask(f.req)
}

// look answers from the store, which may have the answer by now. It reports whether it
// did; if not, it notes what there is.
func (f *fill) look() bool {
	hit, ok := f.cache.store.find(&f.key, f.req)
	if !ok {
		return false
	}
	if hit.mark() {
		f.marked = hit.at(time.Now()) < hit.verdict.lifetime
		return false
	}
	if use := f.rt.usable(&hit, &f.key, f.req, false); use != outcomeMiss {
		return f.rt.send(f.w, f.req, &hit, use)
	}
	f.stale = hit
	return false
}

// partial reports whether the answer will not be the whole of what could be kept.
func (f *fill) partial() bool {
	_, ranged := f.req.Header["Range"]
	return ranged || f.req.Method == http.MethodHead
}

// share answers with what somebody else asked for. It returns false when that is not for
// this request.
func (f *fill) share(fl *flight) bool {
	if fl.entry == nil || !fl.entry.matches(&f.key, nil, f.req) || f.now() != f.epoch {
		return false
	}
	how := outcomeHit
	if fl.entry.at(time.Now()) >= fl.entry.verdict.lifetime {
		how = outcomeStale
	}
	return f.rt.send(f.w, f.req, &found{entry: fl.entry, body: fl.body}, how)
}

// lead asks for everybody who waits.
func (f *fill) lead() {
	defer f.cache.flights.land(f.name, f.flight, nil) // when the answer was cut short
	req := f.req
	if f.stale.entry != nil {
		if body, ok := f.cache.store.load(&f.stale); ok {
			f.body = body
		} else {
			f.stale = found{}
		}
	}
	if f.conditional() || f.validates() {
		again := *req
		again.Header = req.Header.Clone()
		for _, name := range []string{"If-None-Match", "If-Modified-Since", "If-Range"} {
			again.Header.Del(name)
		}
		f.validate(again.Header)
		req = &again
	}
	f.ask(req)
}

// conditional reports whether the client has an answer already. The application is asked
// for all of it, for the others.
func (f *fill) conditional() bool {
	return f.req.Header["If-None-Match"] != nil || f.req.Header["If-Modified-Since"] != nil || f.req.Header["If-Range"] != nil
}

// validates reports whether the application can say that what there is is still right.
func (f *fill) validates() bool {
	return f.flight != nil && f.stale.entry != nil && (f.stale.etag != "" || !f.stale.changed.IsZero())
}

func (f *fill) validate(h http.Header) {
	if !f.validates() {
		return
	}
	if f.stale.etag != "" {
		h["If-None-Match"] = []string{f.stale.etag}
	}
	if !f.stale.changed.IsZero() {
		h["If-Modified-Since"] = []string{f.stale.changed.UTC().Format(http.TimeFormat)}
	}
}

// ask sends the request on and deals with the answer.
func (f *fill) ask(req *http.Request) {
	rec := &recorder{fill: f, asked: time.Now()}
	defer rec.release()
	f.next.ServeHTTP(rec, req)
	rec.finish()
}

// land gives everybody who waits an entry.
func (f *fill) land(e *entry, body []byte) {
	if f.flight != nil {
		f.cache.flights.land(f.name, f.flight, func() { f.flight.entry, f.flight.body = e, body })
	}
}

// landAlone lets everybody who waits ask for themselves.
func (f *fill) landAlone() {
	if f.flight != nil {
		f.cache.flights.land(f.name, f.flight, func() { f.flight.alone = true })
	}
}

// ambiguous reports whether the request has one of the headers more than once: some
// applications read the first line, some the last, some all of them.
func (f *fill) ambiguous(vary []string) bool {
	return slices.ContainsFunc(vary, func(name string) bool { return len(f.req.Header[name]) > 1 })
}

// keep stores an entry for the request.
func (f *fill) keep(e *entry, body []byte) {
	for _, name := range e.verdict.vary {
		e.vary = append(e.vary, varied{name: name, value: string(appendVaried(nil, name, f.req))})
	}
	e.config = string(f.key.config)
	f.cache.store.insert(&f.question, e, body)
}

// mark remembers that this is not worth waiting for.
func (f *fill) mark() {
	if f.marked || f.key.auth || f.partial() {
		return
	}
	f.cache.store.insert(&f.question, &entry{born: time.Now(), verdict: verdict{lifetime: markLife}}, nil)
}
