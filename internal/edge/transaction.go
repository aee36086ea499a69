package edge

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"sluice/internal/edge/front"
	"sluice/internal/edge/gate"
	"sluice/internal/edge/relay"
	"sluice/internal/platform"
)

// transaction is one request on its way through its gate to an application and back. It is
// the gate's client and the relay's job.
type transaction struct {
	gate.Ticket
	router *Router
	env    *environment
	route  *route // within the release that the request was admitted to
	secure bool   // the visitor speaks https
	req    *http.Request
	log    upstreamLog // is told what the application answered; nil without an access log

	mu sync.Mutex
	w  http.ResponseWriter // nil before and after the response
}

func (r *Router) newTransaction(req *http.Request, route *route, secure bool) *transaction {
	t := &transaction{router: r, env: route.env, route: route, secure: secure, req: req}
	t.Init(route.env.Gate, t)
	return t
}

// Operator reports whether the request may pass a hold and maintenance.
func (t *transaction) Operator() bool { return t.router.bypasses(t.req, t.env) }

// Gone reports whether the client has closed its side of the connection.
func (t *transaction) Gone() bool {
	c := connOf(t.req.Context())
	return c != nil && front.HungUp(socketOf(c))
}

// Unwatched reports whether the server does not notice that the client leaves: net/http
// does once the body has been read, and the body of a request that waits is not.
func (t *transaction) Unwatched() bool {
	return t.req.Body != nil && t.req.Body != http.NoBody && connOf(t.req.Context()) != nil
}

// CutWrites bounds the time for what is still being written to the client.
func (t *transaction) CutWrites(until time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.w != nil {
		_ = http.NewResponseController(t.w).SetWriteDeadline(until)
	}
}

// respondTo notes where the response is written; nil for nowhere any more.
func (t *transaction) respondTo(w http.ResponseWriter) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.w = w
}

// finish ends the transaction in every outcome.
func (t *transaction) finish() {
	t.respondTo(nil)
	t.Done()
}

// release returns what the request was admitted to.
func (t *transaction) release() *release { return releaseOf(t.Release()) }

// Target returns the application that the request goes to.
func (t *transaction) Target() relay.Target {
	return relay.Target{Pool: t.release().pool, Application: t.route.Upstream, Timeout: t.route.Timeout}
}

// Header returns the header that the application gets.
func (t *transaction) Header(req *http.Request) http.Header {
	return t.router.clients.rewrite(req, t.route)
}

// Began notes what the application answered.
func (t *transaction) Began(status int, took time.Duration) {
	if t.log != nil {
		t.log.upstreamBegan(upstreamResponse{status, took})
	}
	t.Answered(status)
}

// Retry sends the request through the gate once more, and finds its route in the release
// that serves by then.
func (t *transaction) Retry(req *http.Request) (changed bool, err error) {
	before := t.Release()
	if err := t.Again(req.Context()); err != nil {
		return false, err
	}
	if t.Release() == before {
		return false, nil
	}
	if !t.reroute(req) || t.route.Type == platform.RouteRedirect {
		return true, relay.ErrNoBackend
	}
	return true, nil
}

// reroute finds the request's route in the release that it was admitted to, which may be a
// newer one than the route was found in. It reports whether there is one.
func (t *transaction) reroute(req *http.Request) bool {
	r := t.release().table.match(req.Host, t.secure, req.URL.Path)
	if r != nil {
		t.route = r
	}
	return r != nil
}

// statusClientLeft is nginx's status for a client that closed the connection.
const statusClientLeft = 499

// clientLeft ends the connection of a client that has left. The status is in the access
// log only: a client that has closed just its own side would read it.
func clientLeft(w http.ResponseWriter) {
	if l := upstreamLogOf(w); l != nil {
		l.ended(statusClientLeft)
	}
	panic(http.ErrAbortHandler)
}

// Fail answers a request that no backend answered.
func (t *transaction) Fail(w http.ResponseWriter, req *http.Request, err error) {
	pages := t.router.pages
	t.markHeld(w.Header())
	switch {
	case errors.Is(err, gate.ErrCut):
		pages.unavailable(w, req, pageCut)
	case errors.Is(err, gate.ErrMaintenance), errors.Is(err, gate.ErrFull):
		pages.turnAway(w, req, t.env, err)
	case errors.Is(err, relay.ErrBody):
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusBadRequest)
	case t.Cause() != nil, errors.Is(err, gate.ErrLeft):
		clientLeft(w)
	case errors.Is(err, relay.ErrUpgradeName):
		w.WriteHeader(http.StatusBadRequest)
	case relay.IsTimeout(err):
		t.report(req.Context(), err)
		pages.write(w, req, http.StatusGatewayTimeout, pageTimeout)
	default:
		t.report(req.Context(), err)
		pages.write(w, req, http.StatusBadGateway, pageBadGateway)
	}
}

func (t *transaction) report(ctx context.Context, err error) {
	t.router.log.LogAttrs(ctx, slog.LevelWarn, "application did not respond",
		slog.String("environment", string(t.env.id)), slog.String("application", t.route.Upstream),
		slog.String("method", t.req.Method), slog.String("path", t.req.URL.Path), slog.Any("error", err))
}

// ServeHTTP sends a request of the transaction's to its release.
func (t *transaction) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	relay.Serve(w, req, t) //nolint:contextcheck // a dial ends with the transaction, not with the context
}
