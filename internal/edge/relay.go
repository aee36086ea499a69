package edge

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"sync"
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

// relay sends an admitted request to its release. It is the transport of the reverse
// proxy, which does the rest of HTTP: hop-by-hop headers, upgrades, trailers, flushing.
type relay struct{}

// RoundTrip sends the request, to another backend when the first cannot be reached.
func (relay) RoundTrip(req *http.Request) (*http.Response, error) {
	v := visitOf(req)
	var failure error
	for try := range maxTries {
		if try > 0 {
			if err := v.again(req, try); err != nil {
				return nil, errors.Join(err, failure)
			}
		}
		resp, err := v.send(req)
		if err == nil {
			v.gate.answered(v, resp.StatusCode)
			return resp, nil
		}
		if _, dial := errors.AsType[*dialError](err); !dial || (v.body != nil && v.body.touched.Load()) {
			return nil, err
		}
		failure = err
	}
	return nil, failure
}

func (v *visit) send(req *http.Request) (*http.Response, error) {
	addr := v.release.pool.next(v.route.Upstream)
	if addr == "" {
		return nil, errNoBackend
	}
	req.URL.Scheme, req.URL.Host = "http", addr
	return v.release.pool.transport(req).RoundTrip(req)
}

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
		return nil
	case <-req.Context().Done():
		return context.Cause(req.Context())
	}
}

// newProxy returns the reverse proxy that all environments share.
func newProxy(p *pages, clients clients, log *slog.Logger) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Transport:      relay{},
		Rewrite:        clients.rewrite,
		ModifyResponse: modifyResponse,
		ErrorHandler:   (&faults{pages: p, log: log}).answer,
		BufferPool:     &buffers{pool: sync.Pool{New: func() any { return new([backendBuffer]byte) }}},
		ErrorLog:       slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// modifyResponse tells the visit of the answer that it got.
func modifyResponse(resp *http.Response) error {
	visitOf(resp.Request).decorate(resp.StatusCode, resp.Header)
	return nil
}

// faults answers requests that no backend answered.
type faults struct {
	pages *pages
	log   *slog.Logger
}

func (f *faults) answer(w http.ResponseWriter, req *http.Request, err error) {
	v := visitOf(req)
	cause := context.Cause(req.Context())
	v.markHeld(w.Header())
	var timeout net.Error
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
	case errors.As(err, &timeout) && timeout.Timeout():
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

// buffers lends the proxy's copy buffers.
type buffers struct{ pool sync.Pool }

// Get returns a buffer from the pool.
func (b *buffers) Get() []byte { return b.pool.Get().(*[backendBuffer]byte)[:] } //nolint:errcheck // New makes nothing else

// Put takes a buffer back.
func (b *buffers) Put(p []byte) { b.pool.Put((*[backendBuffer]byte)(p)) }
