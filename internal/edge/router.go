package edge

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"sluice/internal/edge/cache"
	"sluice/internal/edge/gate"
	"sluice/internal/edge/relay"
	"sluice/internal/platform"
)

// Options configure a Router. The zero value works, without a state file.
type Options struct {
	StatePath      string         // where routes, backends and holds survive a crash; "" for nowhere
	State          []byte         // what a predecessor handed over, instead of what is at StatePath; nil for none
	Logger         *slog.Logger   // nil discards
	HealthPath     string         // answered 200 on every host; "" for none
	TrustedProxies []netip.Prefix // whose X-Forwarded-For and -Proto are believed
	Dial           relay.Dialer   // nil for TCP
	Cache          cache.Options  // Renew and Logger are the router's to set
}

// Router sends requests to the environments it was told about. It is safe for concurrent use.
type Router struct {
	log     *slog.Logger
	health  string
	clients clients
	dial    relay.Dialer
	pages   *pages
	gates   gate.Metrics
	denied  atomic.Int64 // requests kept out by HTTP access control
	state   *stateFile
	key     bypassKey
	cache   *cache.Cache

	table atomic.Pointer[table]

	changes  sync.RWMutex // held while the state changes; locked while it is handed over
	replaced atomic.Bool  // another process has taken over

	mu           sync.Mutex // guards environments and the making of tables
	environments map[platform.EnvironmentID]*environment
}

// New returns a router in the state that its state file holds: deadlines that passed
// meanwhile are acted on at once. A file that cannot be read as a state is set aside and
// logged, and the router starts empty.
func New(opts Options) (*Router, error) {
	r := &Router{
		log:     opts.Logger,
		health:  opts.HealthPath,
		clients: clients{trusted: opts.TrustedProxies},
		dial:    opts.Dial,
		pages:   newPages(),
		key:     newBypassKey(),

		environments: map[platform.EnvironmentID]*environment{},
	}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	r.table.Store(newTable(nil))
	r.state = &stateFile{path: opts.StatePath, log: r.log}
	if err := r.openCache(opts.Cache); err != nil {
		return nil, err
	}
	if err := r.restore(opts.State); err != nil {
		return nil, err
	}
	if opts.State != nil {
		return r, r.save() // the predecessor no longer does
	}
	return r, nil
}

// ServeHTTP answers one request.
func (r *Router) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.sendAway(w, req)
	req, ok := unambiguous(req)
	if !ok {
		refuse(w, req, "malformed request")
		return
	}
	if r.servePurge(w, req) {
		return
	}
	secure := r.clients.secure(req)
	route := r.table.Load().match(req.Host, secure, req.URL.Path)
	switch {
	case r.health != "" && req.URL.Path == r.health:
		r.serveHealth(w, route)
	case req.Method == http.MethodConnect || req.URL.Path == "" || req.URL.Path[0] != '/':
		refuse(w, req, "this server is not a forward proxy")
	case route == nil:
		r.pages.write(w, req, http.StatusNotFound, pageNotFound)
	default:
		r.serve(w, req, route, secure)
	}
}

// serve answers a request to a site. Clients that may not see the site learn nothing else
// about it. They are not asked for a password over http where https is served.
func (r *Router) serve(w http.ResponseWriter, req *http.Request, route *route, secure bool) {
	req = route.budgeted(req)
	switch {
	case route.toTLS(w, req):
	case route.uncertified(req):
		r.pages.write(w, req, http.StatusForbidden, pageCertificate)
	case r.keepOut(w, req, route.env):
	case req.URL.Path == BypassPath:
		r.serveBypass(w, req, route.env, secure)
	case route.redirect(w, req, secure):
	case route.SSI:
		r.include(w, req, route, secure)
	default:
		r.answer(w, req, route, secure)
	}
}

// pass takes a request through its gate to the release that serves.
func (r *Router) pass(w http.ResponseWriter, req *http.Request, route *route, secure bool) {
	t := r.newTransaction(req, route, secure)
	err := t.env.Admit(req.Context(), &t.Ticket)
	defer t.finish()
	t.log = upstreamLogOf(w)
	t.markHeld(w.Header())
	t.respondTo(w)
	if err != nil {
		r.pages.turnAway(w, req, t.env, err)
		return
	}
	if r.withoutApplication(w, req, t) {
		t.Answered(http.StatusOK) // no backend was asked: the next one may go
		return
	}
	r.fill(w, req, t)
}

// withoutApplication answers a request for which the release that it was admitted to,
// which may have other routes than the one before, does not ask its application.
func (r *Router) withoutApplication(w http.ResponseWriter, req *http.Request, t *transaction) bool {
	switch {
	case !t.reroute(req):
		r.pages.write(w, req, http.StatusNotFound, pageNotFound)
	case t.route.toTLS(w, req), t.route.redirect(w, req, t.secure):
	case t.route.uncertified(req):
		r.pages.write(w, req, http.StatusForbidden, pageCertificate)
	default:
		return false
	}
	return true
}

// StateHeader tells a health check what the gate of the requested host does.
const StateHeader = "X-Sluice-State"

// serveHealth answers 200 in every state: a router that holds requests is well, and a
// load balancer that took it out would break the hold.
func (r *Router) serveHealth(w http.ResponseWriter, route *route) {
	if route != nil {
		w.Header().Set(StateHeader, string(route.env.State()))
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write([]byte("ok\n"))
}

// Hold makes an environment's requests wait and returns when those under way are done,
// the drain limit has passed, the hold has ended or ctx has; the hold does not depend on
// ctx. An environment in maintenance stays there, one that is not known is held from its
// first publication's routes on.
func (r *Router) Hold(ctx context.Context, h platform.Hold) (platform.HoldReport, error) {
	if h.Environment == "" || h.Activity == "" {
		return platform.HoldReport{}, platform.Errorf(platform.CodeInvalid, "environment and activity are required")
	}
	e, held, err := r.beginHold(ctx, h)
	switch {
	case e == nil:
		return platform.HoldReport{}, err
	case err != nil:
		return e.Status().LastHold, err
	}
	return e.Drain(ctx, held, h.DrainTimeout)
}

func (r *Router) beginHold(ctx context.Context, h platform.Hold) (*environment, *gate.Hold, error) {
	done, err := r.change(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer done()
	e := r.environment(h.Environment)
	return e, e.BeginHold(h), r.save()
}

// HoldBriefly makes an environment's new requests wait until EndBriefHold, for limit at most, while
// those under way go on. An environment that is not known, held or in maintenance stays what
// it is.
func (r *Router) HoldBriefly(ctx context.Context, env platform.EnvironmentID, activity string, limit time.Duration) error {
	if activity == "" || limit <= 0 {
		return platform.Errorf(platform.CodeInvalid, "a brief hold needs an activity and a limit")
	}
	done, err := r.change(ctx)
	if err != nil {
		return err
	}
	defer done()
	if e := r.known(env); e != nil {
		e.HoldBriefly(activity, limit)
	}
	return nil
}

// EndBriefHold ends a brief hold. Without one it does nothing.
func (r *Router) EndBriefHold(ctx context.Context, env platform.EnvironmentID, activity string) (platform.HoldReport, error) {
	done, err := r.change(ctx)
	if err != nil {
		return platform.HoldReport{}, err
	}
	defer done()
	if e := r.known(env); e != nil {
		return e.EndBriefHold(activity), nil
	}
	return platform.HoldReport{}, nil
}

// Commit makes the hold's deadline end in maintenance. When the deadline has passed and let
// visitors go back to the old release, they are held once more, and Commit returns when
// those under way are done, as Hold does. It is not an error when nothing is held.
func (r *Router) Commit(ctx context.Context, env platform.EnvironmentID) error {
	e, again, err := r.commit(ctx, env)
	if again == nil || err != nil {
		return err
	}
	_, err = e.Drain(ctx, again, 0)
	return err
}

func (r *Router) commit(ctx context.Context, env platform.EnvironmentID) (*environment, *gate.Hold, error) {
	done, err := r.change(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer done()
	e := r.known(env)
	if e == nil {
		return nil, nil, nil
	}
	return e, e.Commit(), r.save()
}

// Publish sets the routes and backends of an environment and opens it. Publishing the
// same again changes nothing. It returns CodeInvalid for routes that lead nowhere and
// CodeConflict for a URL that another environment serves; then nothing was changed.
func (r *Router) Publish(ctx context.Context, p platform.Publication) (platform.HoldReport, error) {
	done, err := r.change(ctx)
	if err != nil {
		return platform.HoldReport{}, err
	}
	defer done()
	if p.Environment == "" {
		return platform.HoldReport{}, platform.Errorf(platform.CodeInvalid, "environment is required")
	}
	report, err := r.publish(p)
	if err != nil {
		return report, err
	}
	return report, r.save()
}

func (r *Router) publish(p platform.Publication) (platform.HoldReport, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.environmentLocked(p.Environment)
	old := e.serving()
	rel := old
	if !rel.serves(p) {
		var err error
		if rel, err = r.cachedRelease(e, p); err == nil {
			err = rel.check()
		}
		if err != nil {
			return platform.HoldReport{}, err
		}
	}
	next, taken := r.table.Load().replace(e, old, rel)
	if taken != nil {
		return platform.HoldReport{}, taken.err()
	}
	report := e.Publish(rel, func() { r.table.Store(next) })
	if old != rel {
		old.forgetAnswers()
	}
	return report, nil
}

// Resume opens the environment with the backends from before the hold. It returns
// CodeNotFound for an environment that was never published.
func (r *Router) Resume(ctx context.Context, env platform.EnvironmentID) (platform.HoldReport, error) {
	done, err := r.change(ctx)
	if err != nil {
		return platform.HoldReport{}, err
	}
	defer done()
	e := r.known(env)
	if e == nil {
		return platform.HoldReport{}, errUnknown(env)
	}
	e.purgeAfterMaintenance()
	report := e.Resume()
	return report, r.save()
}

// Close answers the environment's requests, waiting ones included, with the maintenance
// page. message is shown on it; it may be empty.
func (r *Router) Close(ctx context.Context, env platform.EnvironmentID, message string) (platform.HoldReport, error) {
	done, err := r.change(ctx)
	if err != nil {
		return platform.HoldReport{}, err
	}
	defer done()
	e := r.environment(env)
	report := e.Close(message)
	return report, r.save()
}

// Forget removes the environment; requests that wait are turned away. An unknown
// environment is not an error.
func (r *Router) Forget(ctx context.Context, env platform.EnvironmentID) error {
	done, err := r.change(ctx)
	if err != nil {
		return err
	}
	defer done()
	r.mu.Lock()
	e := r.environments[env]
	if e != nil {
		delete(r.environments, env)
		next, _ := r.table.Load().replace(e, e.serving(), nil) // removing conflicts with nothing
		r.table.Store(next)
	}
	r.mu.Unlock()
	if e == nil {
		return nil
	}
	e.Close("")
	if rel := e.serving(); rel != nil {
		rel.pool.Retire()
		rel.forgetAnswers()
	}
	return r.save()
}

// HangUp cuts upgraded connections and event streams when another process takes over:
// their clients connect again.
func (r *Router) HangUp() {
	for _, e := range r.list() {
		e.HangUp()
	}
}

// Discharge turns away requests that wait, now and from now on, at the end of the process.
// The state file stays as it is.
func (r *Router) Discharge() {
	for _, e := range r.list() {
		e.Discharge()
	}
}
