package edge

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"sluice/internal/platform"
)

// A request that no connection could be made for is tried again: the backend may be the
// one that was just replaced. Nothing of the request was sent, so this is always safe.
const maxTries = 4

// retryPause is the wait before the given try, to a backend that did not accept.
func retryPause(try int) time.Duration { return 25 * time.Millisecond << (2 * (try - 1)) }

// errNoBackend says that a release has no instance of the application a route leads to.
var errNoBackend = errors.New("the application has no backend")

// relay sends admitted requests to their release and the answers back. It speaks HTTP/1.1
// to backends itself: what net/http's client does for every request in other goroutines
// is most of what a proxy costs (docs/adr/0026).
type relay struct {
	clients clients
	faults  faults
}

// serve answers the request. It panics with http.ErrAbortHandler when the answer broke
// off, so that the server does not make it look complete.
func (rl *relay) serve(w http.ResponseWriter, req *http.Request, v *visit) {
	v.follow(req.Context())
	defer v.stopFollowing(req.Context())
	defer func() { v.upload.stop(w) }() // after the answer, for the server sees a client that left in it
	var failure error
	for try := range maxTries {
		if try > 0 {
			if err := v.again(req, try); err != nil {
				rl.faults.answer(w, req, v, errors.Join(err, failure))
				return
			}
		}
		err := rl.send(w, req, v)
		if err == nil {
			return
		}
		if _, dial := errors.AsType[*dialError](err); !dial || (v.body != nil && v.body.touched.Load()) {
			rl.faults.answer(w, req, v, err)
			return
		}
		failure = err
	}
	rl.faults.answer(w, req, v, failure)
}

// relayed is the relay of one visit.
type relayed struct {
	relay *relay
	visit *visit
}

// ServeHTTP sends a request of the visit's to its release.
func (rd relayed) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	rd.relay.serve(w, req, rd.visit)
}

// send makes one exchange with one instance. An error means that nothing was answered.
func (rl *relay) send(w http.ResponseWriter, req *http.Request, v *visit) error {
	pool := v.release.pool
	target := pool.next(v.route.Upstream)
	if target == nil {
		return errNoBackend
	}
	x := exchange{relay: rl, w: w, req: req, visit: v}
	if repeatable(req) {
		if u := target.take(); u != nil {
			err := x.run(u)
			if err == nil || u.in.Got() || v.cause() != nil || isTimeout(err) {
				return err
			}
			// The backend closed it in the same moment, without a word: once more, on a new one.
		}
	}
	u, err := v.connect(req.Context(), pool, target)
	if err != nil {
		return err
	}
	return x.run(u)
}

// connect opens a connection for the visit, unless it is cut meanwhile.
func (v *visit) connect(ctx context.Context, pool *pool, target *instance) (*backendConn, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(errFinished)
	if !v.attach(canceler{cancel}) {
		return nil, v.cause()
	}
	defer v.detach()
	return pool.connect(ctx, target)
}

// canceler ends a dial.
type canceler struct{ cancel context.CancelCauseFunc }

func (c canceler) abort() { c.cancel(errCut) }

// again sends the visit through the gate once more: it waits when the environment is held
// by now, and meets the release that serves by now. It pauses before a backend that just
// refused when there is no other.
func (v *visit) again(req *http.Request, try int) error {
	before := v.release
	v.gate.finish(v)
	if err := v.gate.admit(req.Context(), v); err != nil {
		return err
	}
	if v.release != before {
		if !v.reroute(req) || v.route.Type == platform.RouteRedirect {
			return errNoBackend
		}
		return nil
	}
	if try < before.pool.size(v.route.Upstream) {
		return nil
	}
	pause := time.NewTimer(retryPause(try))
	defer pause.Stop()
	select {
	case <-pause.C:
		return v.cause()
	case <-req.Context().Done():
		return context.Cause(req.Context())
	}
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

// faults answers requests that no backend answered.
type faults struct {
	pages *pages
	log   *slog.Logger
}

func (f *faults) answer(w http.ResponseWriter, req *http.Request, v *visit, err error) {
	cause := v.cause()
	if cause == nil {
		cause = context.Cause(req.Context())
	}
	v.markHeld(w.Header())
	v.upload.closing(w.Header(), req)
	switch {
	case errors.Is(cause, errCut):
		f.pages.unavailable(w, req, pageCut)
	case cause != nil, errors.Is(err, errLeft):
		w.WriteHeader(statusClientLeft)
	case errors.Is(err, errMaintenance), errors.Is(err, errFull):
		f.pages.turnAway(w, req, v.gate, err)
	case v.body != nil && v.body.failed.Load():
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusBadRequest)
	case errors.Is(err, errUpgradeName):
		w.WriteHeader(http.StatusBadRequest)
	case isTimeout(err):
		f.report(v, req, err)
		f.pages.write(w, req, http.StatusGatewayTimeout, pageTimeout)
	default:
		f.report(v, req, err)
		f.pages.write(w, req, http.StatusBadGateway, pageBadGateway)
	}
}

func (f *faults) report(v *visit, req *http.Request, err error) {
	f.log.LogAttrs(req.Context(), slog.LevelWarn, "backend did not answer",
		slog.String("environment", string(v.gate.id)), slog.String("application", v.route.Upstream),
		slog.String("method", req.Method), slog.String("path", req.URL.Path), slog.Any("err", err))
}

// statusClientLeft is nginx's status for a client that closed the connection; it is seen
// in the access log only.
const statusClientLeft = 499
