package edge

import (
	"context"
	"net/http"

	"sluice/internal/edge/cache"
	"sluice/internal/edge/gate"
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
func (r *Router) cachedRelease(e *environment, p platform.Publication) (*release, error) {
	rel, err := r.newRelease(e, p)
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
		req = route.env.withoutCredentials(req)
		state := route.env.State()
		if state == gate.Open || state == gate.Held && !r.bypasses(req, route.env) {
			if route.cached.Answer(w, req, secure, state == gate.Held) {
				if state == gate.Held {
					route.env.CountCached()
				}
				return
			}
		}
	}
	r.pass(w, req, route, secure)
}

// fill answers a request that was admitted, through the cache. What operators see before
// the others do is not kept.
func (r *Router) fill(w http.ResponseWriter, req *http.Request, t *transaction) {
	if t.route.cached != nil && t.env.State() != gate.Open {
		t.ServeHTTP(w, req)
		return
	}
	t.route.cached.Fill(w, req, t.secure, t)
	if t.Waited() > 0 { // when the cache answered, no backend did: the next one may go
		t.Answered(http.StatusOK)
	}
}

// Purge removes answers of an environment from the cache: all of them or, with a URL,
// those of that URL, or of every one that begins with it, or those that have one of the
// tags. It returns CodeNotFound for an environment that is not known and CodeInvalid for
// what is not a URL or a tag.
func (r *Router) Purge(_ context.Context, env platform.EnvironmentID, p platform.Purge) (platform.PurgeReport, error) {
	e := r.known(env)
	if e == nil {
		return platform.PurgeReport{}, errUnknown(env)
	}
	if err := p.Validate(); err != nil {
		return platform.PurgeReport{}, err
	}
	if p.URL == "" && len(p.Tags) == 0 {
		return platform.PurgeReport{Removed: e.purge()}, nil
	}
	rel := e.serving()
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
