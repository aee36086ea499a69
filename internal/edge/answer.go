package edge

import (
	"context"
	"net/http"

	"sluice/internal/edge/cache"
	"sluice/internal/platform"
)

// openCache makes the cache. What it renews by itself takes the way of a request from
// behind access control on: the visitor that the answer was for had passed that.
func (r *Router) openCache(opts cache.Options) error {
	opts.Logger = r.log
	opts.Renew = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		secure := r.clients.secure(req)
		if route := r.table.Load().match(req.Host, secure, req.URL.Path); route != nil && route.cached != nil {
			r.pass(w, req, route, secure)
		}
	})
	var err error
	r.cache, err = cache.New(opts)
	return err
}

// cachedRelease compiles a publication whose answers may be cached. They are its own: a
// later release starts with an empty cache, whatever it has in common with this one.
func (r *Router) cachedRelease(g *gate, p platform.Publication) (*release, error) {
	rel, err := r.newRelease(g, p)
	if err != nil {
		return nil, err
	}
	rel.answers = r.cache.NewZone()
	for _, route := range rel.routes {
		if route.Type == platform.RouteRedirect || route.TLS.ClientAuth != "" { // answers may be for one certificate
			continue
		}
		if route.cached, err = rel.answers.Route(route.Cache); err != nil {
			return nil, err
		}
		rel.addPatterns(r.log, route.cached.Patterns())
	}
	return rel, nil
}

// forgetAnswers empties the cache of a release that does not serve any more.
func (rel *release) forgetAnswers() {
	if rel != nil {
		rel.answers.Drop()
	}
}

// answer answers a request to an application: from the cache if that has it, also while
// requests are held, but not in maintenance and not to operators who look at the new
// release.
func (r *Router) answer(w http.ResponseWriter, req *http.Request, route *route, secure bool) {
	if route.cached != nil {
		req = route.gate.withoutCredentials(req)
		state := route.gate.current()
		if state == Open || state == Held && !r.bypasses(req, route.gate) {
			if route.cached.Answer(w, req, secure, state == Held) {
				if state == Held {
					route.gate.countCached()
				}
				return
			}
		}
	}
	r.pass(w, req, route, secure)
}

// fill answers a request that was let in, through the cache. What operators see before
// the others do is not kept.
func (r *Router) fill(w http.ResponseWriter, req *http.Request, v *visit) {
	if v.route.cached != nil && v.gate.current() != Open {
		r.relay.serve(w, req, v)
		return
	}
	v.route.cached.Fill(w, req, v.secure, relayed{r.relay, v})
	if v.waited > 0 { // when the cache answered, no backend did: the next one may go
		v.gate.answered(v, http.StatusOK)
	}
}

// countCached notes a request that the cache spared a wait.
func (g *gate) countCached() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.state == Held {
		g.report.Cached++
	}
}

// current returns the gate's state.
func (g *gate) current() State {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.state
}

// withoutCredentials takes the password away that access control asked for: the
// application does not get it, so answers are the same for everybody who knows one.
func (g *gate) withoutCredentials(req *http.Request) *http.Request {
	if req.Header["Authorization"] == nil || !g.protection.Load().consumesAuthorization() {
		return req
	}
	req = req.WithContext(req.Context())
	req.Header = req.Header.Clone()
	delete(req.Header, "Authorization")
	return req
}

// purge empties the cache of the release that serves.
func (g *gate) purge() int {
	if rel := g.serving(); rel != nil {
		return rel.answers.Purge()
	}
	return 0
}

// purgeAfterMaintenance forgets what was answered before data were mended by hand.
func (g *gate) purgeAfterMaintenance() {
	if g.current() == Closed {
		g.purge()
	}
}

// Purge removes answers of an environment from the cache: all of them or, with a URL,
// those of that URL, or of every one that begins with it, or those that have one of the
// tags. It returns CodeNotFound for an environment that is not known and CodeInvalid for
// what is no URL or no tag.
func (r *Router) Purge(_ context.Context, env platform.EnvironmentID, p platform.Purge) (platform.PurgeReport, error) {
	g := r.known(env)
	if g == nil {
		return platform.PurgeReport{}, errUnknown(env)
	}
	if err := p.Validate(); err != nil {
		return platform.PurgeReport{}, err
	}
	if p.URL == "" && len(p.Tags) == 0 {
		return platform.PurgeReport{Removed: g.purge()}, nil
	}
	rel := g.serving()
	if rel == nil {
		return platform.PurgeReport{}, nil
	}
	if len(p.Tags) > 0 {
		return platform.PurgeReport{Removed: rel.answers.PurgeTags(p.Tags)}, nil
	}
	n, err := rel.answers.PurgeURL(p.URL, p.Prefix)
	return platform.PurgeReport{Removed: n}, err
}

// Finish ends what the router does by itself. It is called after the last request.
func (r *Router) Finish() {
	r.cache.Close()
}
