package edge

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// Limits towards backends. Idle connections are closed well before nginx closes them
// (75 s), and the longest wait for a response's header is that of the slowest admin page.
const (
	dialTimeout           = 5 * time.Second
	idleBackendTimeout    = 30 * time.Second
	responseHeaderTimeout = 10 * time.Minute
	maxIdlePerBackend     = 256
	backendBuffer         = 32 << 10
)

// Dialer opens a connection to a backend.
type Dialer func(ctx context.Context, network, address string) (net.Conn, error)

// pool is the backends of one release and the connections to them. A pool of its own for
// each release means that a new release never inherits a connection to a container that
// is going away.
type pool struct {
	apps map[string]*application

	// reused keeps connections alive. once opens one for every request: it carries those
	// that must not be sent twice, for which an idle connection that the backend is just
	// closing would be a failure that nobody may repeat.
	reused *http.Transport
	once   *http.Transport
}

// application takes turns among the instances of one application.
type application struct {
	addrs []string
	turn  atomic.Uint32
}

func newPool(backends map[string][]string, dial Dialer) *pool {
	p := &pool{apps: make(map[string]*application, len(backends))}
	for app, addrs := range backends {
		p.apps[app] = &application{addrs: addrs}
	}
	p.reused = newTransport(dial)
	p.once = newTransport(dial)
	p.once.DisableKeepAlives = true
	return p
}

func newTransport(dial Dialer) *http.Transport {
	return &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			ctx, cancel := context.WithTimeoutCause(ctx, dialTimeout, errDialTimeout)
			defer cancel()
			conn, err := dial(ctx, network, address)
			if err != nil {
				return nil, &dialError{address: address, err: err}
			}
			return conn, nil
		},
		DisableCompression:    true, // the response goes through as it is
		MaxIdleConnsPerHost:   maxIdlePerBackend,
		IdleConnTimeout:       idleBackendTimeout,
		ResponseHeaderTimeout: responseHeaderTimeout,
		ReadBufferSize:        backendBuffer,
	}
}

// next returns the address that the next request of the application goes to, or "".
func (p *pool) next(app string) string {
	a := p.apps[app]
	if a == nil || len(a.addrs) == 0 {
		return ""
	}
	return a.addrs[int(a.turn.Add(1)-1)%len(a.addrs)]
}

// size returns how many instances the application has.
func (p *pool) size(app string) int {
	if a := p.apps[app]; a != nil {
		return len(a.addrs)
	}
	return 0
}

// transport returns the one that is safe for the request: requests without a body and
// with a safe method are repeated by net/http when an idle connection turns out closed.
func (p *pool) transport(req *http.Request) *http.Transport {
	switch req.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		if req.Body == nil || req.Body == http.NoBody {
			return p.reused
		}
	}
	return p.once
}

// retire closes idle connections, and busy ones as soon as they become idle.
func (p *pool) retire() {
	p.reused.CloseIdleConnections()
	p.once.CloseIdleConnections()
}

// dialError says that a connection was not made, so nothing of the request was sent.
type dialError struct {
	address string
	err     error
}

func (e *dialError) Error() string { return fmt.Sprintf("connect to %s: %v", e.address, e.err) }
func (e *dialError) Unwrap() error { return e.err }
