package edge

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"

	"sluice/internal/edge/front"
)

// lot keeps the parked connections of one server, and serves them again.
type lot struct {
	server *http.Server // reads again
	front  again        // reads plain requests again; nil until there was one

	mu      sync.Mutex
	waiting map[*parked]struct{}
	coming  int                  // connections that are about to enter
	ready   []*parked            // to be served again
	serving map[*parked]struct{} // accepted again and not yet answered
	more    sync.Cond            // ready is not empty, or the lot is closed
	closed  bool
	watch   bool // somebody looks whether clients are still there
	left    func(*parked)
}

// again is a front.Server.
type again interface {
	Again(p front.Parked) bool
}

// readBy notes the server in front of the lot's and reports whether it read the request:
// it is nil for a request of net/http's.
func (l *lot) readBy(s *front.Server) bool {
	if s == nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.front = s
	return true
}

// lotOf returns the lot of a server's connections.
func (r *Router) lotOf(server *http.Server) *lot {
	r.lotsMu.Lock()
	defer r.lotsMu.Unlock()
	if l := r.lots[server]; l != nil {
		return l
	}
	l := &lot{waiting: map[*parked]struct{}{}, serving: map[*parked]struct{}{}, left: leaveParked}
	l.more.L = &l.mu
	l.server = &http.Server{
		Handler:           onceMore(server),
		ReadHeaderTimeout: server.ReadHeaderTimeout,
		IdleTimeout:       server.IdleTimeout,
		MaxHeaderBytes:    2 * maxHeaderBytes, // it was accepted once, written a little shorter
		ErrorLog:          server.ErrorLog,
		ConnState:         l.stateChanged,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return c.(*parked).known(withConn(ctx, c)) //nolint:errcheck // the lot accepts nothing else
		},
	}
	if r.lots == nil {
		r.lots = map[*http.Server]*lot{}
	}
	r.lots[server] = l
	go func() { _ = l.server.Serve(l) }() // until Finish
	return l
}

// onceMore is the handler of a server whose connections are served again: it knows what
// was known of the connection.
func onceMore(server *http.Server) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if p, ok := req.Context().Value(parkedKey{}).(*parked); ok && p.tls != nil {
			req.TLS = p.tls
		}
		server.Handler.ServeHTTP(w, req.WithContext(context.WithValue(req.Context(), http.ServerContextKey, server)))
	})
}

// expect changes how many connections are about to enter.
func (l *lot) expect(by int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.coming += by
}

// enter takes an expected connection in.
func (l *lot) enter(p *parked) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.coming--
	l.waiting[p] = struct{}{}
	if !l.watch {
		l.watch = true
		go l.watchClients()
	}
}

// leave has the connection served again: by the server that it was taken from or, when
// that is net/http's or has been shut down, by the lot's.
func (l *lot) leave(p *parked) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.waiting, p)
	if p.plain && l.front.Again(front.Parked{Conn: p.Conn, Read: p.again, TLS: p.tls, With: p.knownUntilItEnds}) {
		p.again = nil
		return
	}
	if l.closed {
		_ = p.Conn.Close() // the process has ended all others
		return
	}
	l.ready = append(l.ready, p)
	l.more.Signal()
}

// Accept returns a connection to serve again.
func (l *lot) Accept() (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.ready) == 0 && !l.closed {
		l.more.Wait()
	}
	if len(l.ready) == 0 {
		return nil, net.ErrClosed
	}
	p := l.ready[0]
	l.ready[0] = nil
	if l.ready = l.ready[1:]; len(l.ready) == 0 {
		l.ready = nil // the next release begins with a small one
	}
	l.serving[p] = struct{}{}
	return p, nil
}

// stateChanged notes that a connection that was served again has its answer, or none is
// to come.
func (l *lot) stateChanged(c net.Conn, state http.ConnState) {
	p, ok := c.(*parked)
	if !ok || state == http.StateNew || state == http.StateActive {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.serving, p)
}

// Close ends Accept once nothing is left to serve.
func (l *lot) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.more.Broadcast()
	return nil
}

// Addr is of no connection.
func (l *lot) Addr() net.Addr { return &net.TCPAddr{} }

// idle reports whether no connection waits, is about to, or has to be answered.
func (l *lot) idle() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.coming == 0 && len(l.waiting) == 0 && len(l.ready) == 0 && len(l.serving) == 0
}

// watchClients looks once a second who has left, while somebody waits.
func (l *lot) watchClients() {
	tick := time.NewTicker(clientCheck)
	defer tick.Stop()
	for range tick.C {
		l.mu.Lock()
		if len(l.waiting) == 0 {
			l.watch = false
			l.mu.Unlock()
			return
		}
		all := make([]*parked, 0, len(l.waiting))
		for p := range l.waiting {
			all = append(all, p)
		}
		l.mu.Unlock()
		for _, p := range gone(all) {
			l.left(p)
		}
	}
}

// forget takes out a connection whose client left.
func (l *lot) forget(p *parked) {
	l.mu.Lock()
	delete(l.waiting, p)
	l.mu.Unlock()
}

// settleInterval is how often Settle looks.
const settleInterval = 20 * time.Millisecond

// Settle waits until no request is parked and those that were are answered, and reports
// whether that was before ctx ended: for the end of the process, after the servers of
// sites were shut down.
func (r *Router) Settle(ctx context.Context) bool {
	tick := time.NewTicker(settleInterval)
	defer tick.Stop()
	for _, l := range r.allLots() {
		for !l.idle() {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return false
			}
		}
		if l.server.Shutdown(ctx) != nil {
			return false
		}
	}
	return true
}

func (r *Router) allLots() []*lot {
	r.lotsMu.Lock()
	defer r.lotsMu.Unlock()
	all := make([]*lot, 0, len(r.lots))
	for _, l := range r.lots {
		all = append(all, l)
	}
	return all
}
