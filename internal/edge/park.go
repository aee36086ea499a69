package edge

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"sluice/internal/edge/front"
	"sluice/internal/edge/socket"
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
	visit   atomic.Pointer[visit] // nil once it is read again: the connection may outlive the release
	tls     *tls.ConnectionState  // nil on plain HTTP
	fd      int                   // of the client's socket
	arrived time.Time
	again   []byte // what is still to be read again
	verdict error  // set before the connection is served again
	claimed atomic.Bool
	plain   bool // front reads it again, not net/http
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

// Close closes the connection.
func (p *parked) Close() error {
	p.lose()
	return p.Conn.Close()
}

// lose says that the request cannot be read again any more: when it was let in and was
// not read, it is under way no more.
func (p *parked) lose() {
	if v := p.claim(); v != nil && p.verdict == nil {
		v.gate.lose(v)
	}
}

// claim returns the visit once, then nil.
func (p *parked) claim() *visit {
	if !p.claimed.CompareAndSwap(false, true) {
		return nil
	}
	return p.visit.Swap(nil)
}

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

// known makes the parked request known to the one that is read again.
func (p *parked) known(ctx context.Context) context.Context {
	return context.WithValue(ctx, parkedKey{}, p)
}

// knownUntilItEnds is known for a connection that is not closed through p.
func (p *parked) knownUntilItEnds(ctx context.Context) context.Context {
	context.AfterFunc(ctx, p.lose)
	return p.known(ctx)
}

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
	plain := l.readBy(front.Of(req.Context()))
	p := &parked{Conn: socket.Unwrap(taken), lot: l, plain: plain, tls: req.TLS, fd: fd, arrived: v.since}
	p.visit.Store(v)
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
func (r *Router) resume(w http.ResponseWriter, req *http.Request, p *parked, v *visit) {
	if req.Body != nil && req.Body != http.NoBody {
		v.body = &heldBody{ReadCloser: req.Body}
	}
	v.operator = func() bool { return r.bypasses(req, v.gate) }
	defer v.finish()
	err := p.verdict
	if err == nil && front.HungUp(p.NetConn()) {
		v.gate.lose(v)
		err = errLeft
	}
	if err == nil {
		v.gate.metrics.waits.observe(time.Since(v.since))
	}
	r.admitted(w, req, v, err)
}

// leaveParked takes back a parked visit whose client went away, unless it was let go in
// the meantime.
func leaveParked(p *parked) {
	v := p.visit.Load()
	if v == nil {
		return
	}
	g := v.gate
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

func setParked(w http.ResponseWriter) {
	for layer := range layers(w) {
		if p, ok := layer.(parkable); ok {
			p.setParked()
		}
	}
}
