package relay

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Pool is the backends of one release and the connections to them. A pool of its own for
// each release means that a new release never inherits a connection to a container that
// is going away.
type Pool struct {
	apps map[string]*application
	dial Dialer
}

// application takes turns among the instances of one application.
type application struct {
	instances []*instance
	turn      atomic.Uint32
}

// instance is one backend and the idle connections to it, the one used last on top.
type instance struct {
	address string

	mu      sync.Mutex
	idle    []*conn
	retired bool
	sweep   *time.Timer // closes what was idle too long; nil when nothing is
}

// NewPool returns the pool of a release's applications, each with its addresses, host:port.
// dial opens connections; nil is TCP.
func NewPool(backends map[string][]string, dial Dialer) *Pool {
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	p := &Pool{apps: make(map[string]*application, len(backends)), dial: dial}
	for app, addrs := range backends {
		a := &application{}
		for _, addr := range addrs {
			a.instances = append(a.instances, &instance{address: addr})
		}
		p.apps[app] = a
	}
	return p
}

// next returns the instance that the next request of the application goes to, or nil.
func (p *Pool) next(app string) *instance {
	a := p.apps[app]
	switch {
	case a == nil || len(a.instances) == 0:
		return nil
	case len(a.instances) == 1:
		return a.instances[0]
	}
	return a.instances[int(a.turn.Add(1)-1)%len(a.instances)]
}

// size returns how many instances the application has.
func (p *Pool) size(app string) int {
	if a := p.apps[app]; a != nil {
		return len(a.instances)
	}
	return 0
}

// Retire closes idle connections, and busy ones as soon as they become idle.
func (p *Pool) Retire() {
	for _, a := range p.apps {
		for _, i := range a.instances {
			i.retire()
		}
	}
}

// connect opens a connection.
func (p *Pool) connect(ctx context.Context, i *instance) (*conn, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, dialTimeout, errDialTimeout)
	defer cancel()
	nc, err := p.dial(ctx, "tcp", i.address)
	if err != nil {
		return nil, &dialError{address: i.address, err: err}
	}
	return newConn(nc, i), nil
}

// take returns an idle connection, or nil when there is none.
func (i *instance) take() *conn {
	for {
		i.mu.Lock()
		n := len(i.idle)
		if n == 0 {
			i.mu.Unlock()
			return nil
		}
		u := i.idle[n-1]
		i.idle[n-1] = nil
		i.idle = i.idle[:n-1]
		i.mu.Unlock()
		if u.quiet() {
			u.reused = true
			return u
		}
		u.close()
	}
}

// put keeps a connection for the next request.
func (i *instance) put(u *conn) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.retired || len(i.idle) >= maxIdlePerBackend {
		u.close()
		return
	}
	u.in.Idle()
	clear(u.fields[:cap(u.fields)]) // they keep the whole head
	u.since = time.Now()
	i.idle = append(i.idle, u)
	if i.sweep == nil {
		i.sweep = time.AfterFunc(idleBackendTimeout, i.expire)
	}
}

// expire closes what was idle too long: the bottom of the stack.
func (i *instance) expire() {
	i.mu.Lock()
	defer i.mu.Unlock()
	old := 0
	for old < len(i.idle) && time.Since(i.idle[old].since) >= idleBackendTimeout {
		i.idle[old].close()
		old++
	}
	i.idle = append(i.idle[:0], i.idle[old:]...)
	clear(i.idle[len(i.idle):cap(i.idle)])
	if len(i.idle) == 0 || i.retired {
		i.sweep = nil
		return
	}
	i.sweep.Reset(idleBackendTimeout - time.Since(i.idle[0].since))
}

func (i *instance) retire() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.retired = true
	for _, u := range i.idle {
		u.close()
	}
	i.idle = nil
	if i.sweep != nil {
		i.sweep.Stop()
		i.sweep = nil
	}
}
