package edge

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"sluice/internal/edge/front"
)

// A request that waits costs a goroutine, its stack and the server's buffers: more than
// 20 kB. So its connection is taken from the server and parked: what is kept is the
// connection, the bytes that were read of the request, and the visit. When the gate has
// decided, a server of the parking's reads the request again and answers it.
//
// This works for HTTP/1 on sockets. HTTP/2, whose requests share a connection, waits in
// goroutines (admit).

// parked is a connection whose request waits, and then the connection that the request is
// read from again. Its Read begins with the bytes that were read before.
type parked struct {
	net.Conn // the client's; never nil

	lot     *lot
	visit   *visit
	tls     *tls.ConnectionState // nil on plain HTTP
	fd      int                  // of the client's socket
	arrived time.Time
	again   []byte // what is still to be read again
	verdict error  // set before the connection is served again
	claimed atomic.Bool
}

// Read reads again what was read, then what comes.
func (p *parked) Read(b []byte) (int, error) {
	if len(p.again) > 0 {
		n := copy(b, p.again)
		if p.again = p.again[n:]; len(p.again) == 0 {
			p.again = nil
		}
		return n, nil
	}
	return p.Conn.Read(b)
}

// NetConn returns the client's socket.
func (p *parked) NetConn() net.Conn { return socketOf(p.Conn) }

// Close closes the connection. A request that was let in and could not be read again is
// under way no more.
func (p *parked) Close() error {
	if p.claim() {
		p.visit.gate.finish(p.visit)
	}
	return p.Conn.Close()
}

// claim is true once.
func (p *parked) claim() bool { return p.claimed.CompareAndSwap(false, true) }

// deliver hands the verdict to the request: to its goroutine or, when it is parked, to a
// server that reads it again. It does not block.
func (v *visit) deliver(verdict error) {
	if v.parked == nil {
		v.verdict <- verdict
		return
	}
	v.parked.verdict = verdict
	v.parked.lot.leave(v.parked)
}

type parkedKey struct{}

// parkedOf returns the parked request that req is, read again; nil for every other,
// later ones on the same connection included.
func parkedOf(req *http.Request) *parked {
	p, _ := req.Context().Value(parkedKey{}).(*parked)
	if p == nil || p.claimed.Load() {
		return nil
	}
	return p
}

// park takes the connection from the server and gives the visit, which is in its gate's
// queue, to the lot. It reports false when the connection cannot be parked; then nothing
// was changed. Nothing may be written to w afterwards.
func (r *Router) park(w http.ResponseWriter, req *http.Request, v *visit) bool {
	conn, _ := req.Context().Value(connKey{}).(net.Conn)
	server, _ := req.Context().Value(http.ServerContextKey).(*http.Server)
	if req.ProtoMajor != 1 || conn == nil || server == nil {
		return false
	}
	fd, ok := descriptor(socketOf(conn))
	if !ok {
		return false
	}
	l := r.lotOf(server)
	l.expect(1) // once it is hijacked, its server does not wait for it any more
	taken, rest, err := http.NewResponseController(w).Hijack()
	if err != nil {
		l.expect(-1)
		return false
	}
	setParked(w)
	p := &parked{Conn: taken, lot: l, visit: v, tls: req.TLS, fd: fd, arrived: v.since}
	early := rest.Reader.Buffered()
	p.again = headOf(req, early)
	if buffered, err := rest.Peek(early); err == nil {
		p.again = append(p.again, buffered...)
	}
	if before, ok := taken.(*parked); ok { // it waited before, on the same connection
		p.Conn = before.Conn
		p.again = append(p.again, before.again...)
	}
	v.park(p)
	return true
}

// park makes the verdict go to p.
func (v *visit) park(p *parked) {
	v.operator, v.toPark, v.body = nil, nil, nil // they hold on to the request
	g := v.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	v.parked = p
	p.lot.enter(p)
	if !v.queued { // the verdict came meanwhile
		v.deliver(<-v.verdict)
	}
	v.verdict = nil
}

// headOf writes the header of the request as it is read again, with room for more bytes.
// Everything in it was accepted by net/http's parser.
func headOf(req *http.Request, more int) []byte {
	var b bytes.Buffer
	line := func(parts ...string) {
		for _, p := range parts {
			b.WriteString(p)
		}
		b.WriteString("\r\n")
	}
	b.Grow(512 + more)
	line(req.Method, " ", req.RequestURI, " ", req.Proto)
	line("Host: ", req.Host)
	for name, values := range req.Header {
		for _, value := range values {
			line(name, ": ", value)
		}
	}
	for _, coding := range req.TransferEncoding { // net/http takes these out of the header
		line("Transfer-Encoding: ", coding)
	}
	for name := range req.Trailer {
		line("Trailer: ", name)
	}
	line()
	return append(make([]byte, 0, b.Len()+more), b.Bytes()...)
}

// resume answers a parked request that was read again and has its verdict.
func (r *Router) resume(w http.ResponseWriter, req *http.Request, p *parked) {
	v := p.visit
	if req.Body != nil && req.Body != http.NoBody {
		v.body = &heldBody{ReadCloser: req.Body}
	}
	v.operator = func() bool { return r.bypasses(req, v.gate) }
	defer v.finish()
	err := p.verdict
	if err == nil && front.HungUp(p.NetConn()) {
		v.gate.finish(v)
		v.gate.countLeft(v)
		err = errLeft
	}
	r.admitted(w, req, v, err)
}

// lot keeps the parked connections of one server, and serves them again.
type lot struct {
	server *http.Server // reads again

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

// lotOf returns the lot of a server's connections.
func (r *Router) lotOf(server *http.Server) *lot {
	r.lotsMu.Lock()
	defer r.lotsMu.Unlock()
	if l := r.lots[server]; l != nil {
		return l
	}
	l := &lot{waiting: map[*parked]struct{}{}, serving: map[*parked]struct{}{}, left: func(p *parked) { p.visit.gate.leaveParked(p) }}
	l.more.L = &l.mu
	l.server = &http.Server{
		Handler:           onceMore(server),
		ReadHeaderTimeout: server.ReadHeaderTimeout,
		IdleTimeout:       server.IdleTimeout,
		MaxHeaderBytes:    2 * maxHeaderBytes, // it was accepted once, written a little shorter
		ErrorLog:          server.ErrorLog,
		ConnState:         l.stateChanged,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(withConn(ctx, c), parkedKey{}, c)
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

// leave has the connection served again.
func (l *lot) leave(p *parked) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.waiting, p)
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

// leaveParked takes back a parked visit whose client went away, unless it was let go in
// the meantime.
func (g *gate) leaveParked(p *parked) {
	v := p.visit
	g.mu.Lock()
	if !v.queued {
		g.mu.Unlock()
		return
	}
	g.takeBack(v)
	g.mu.Unlock()
	p.lot.forget(p)
	_ = p.Conn.Close()
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

// socketOf returns what is below TLS.
func socketOf(c net.Conn) net.Conn {
	for {
		wrapped, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			return c
		}
		c = wrapped.NetConn()
	}
}

// parkable is a response writer that wants to know that its request was parked, and will
// be served again.
type parkable interface{ setParked() }

func setParked(w io.Writer) {
	for {
		if p, ok := w.(parkable); ok {
			p.setParked()
		}
		wrapped, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return
		}
		w = wrapped.Unwrap()
	}
}
