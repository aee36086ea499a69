package front

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"sluice/internal/edge/h2"
	"sluice/internal/edge/wire"
)

// States of a connection.
const (
	idle      int32 = iota // waits for a request
	reading                // a request's head, or a handshake
	answering              // a handler has the request
)

// heads lends buffers for reading.
var heads = sync.Pool{New: func() any { return new([headBuffer]byte) }} //nolint:gochecknoglobals // a cache

const headBuffer = 4 << 10

// conn is one connection.
type conn struct {
	server *Server
	net    net.Conn             // with TLS, if there is
	raw    net.Conn             // the socket
	tls    *tls.ConnectionState // nil without TLS
	remote string
	ctx    *connContext
	begin  *http.Request // what all requests of the connection begin as: it carries ctx

	http2 atomic.Pointer[h2.Conn] // nil for HTTP/1

	state atomic.Int32
	since atomic.Int64 // of the state; by the server's clock

	readingSince, writingSince atomic.Int64 // of a call that waits for the client; 0 for none

	lent *[headBuffer]byte // nil while nothing is read or left over
	buf  []byte            // lent, or larger
	r, w int               // what of buf was read and not yet used
	post bool              // the request before was a POST

	deadlines atomic.Bool // the handler set some
	body      body
	out       writer
	two       [2][]byte // room for writeBoth
	pieces    net.Buffers
}

// newConn returns nil for a connection that is not a socket of the system: it could not be
// seen whether its client has left.
func (s *Server) newConn(nc net.Conn) *conn {
	raw := nc
	if below, ok := nc.(interface{ NetConn() net.Conn }); ok {
		raw = below.NetConn()
	}
	if _, ok := raw.(syscall.Conn); !ok {
		return nil
	}
	c := &conn{server: s, net: nc, raw: raw, remote: nc.RemoteAddr().String()}
	c.ctx = c.newContext()
	c.begin = (&http.Request{Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, RemoteAddr: c.remote}).WithContext(c.ctx)
	c.enter(reading) // a client that says nothing has the time of one that is slow
	return c
}

func (c *conn) enter(state int32) {
	c.since.Store(c.server.now.Load())
	c.state.Store(state)
}

// wakeIdle makes a wait for a request end.
func (c *conn) wakeIdle() {
	if h := c.http2.Load(); h != nil {
		h.Leave()
		return
	}
	if c.state.Load() == idle {
		_ = c.raw.SetReadDeadline(time.Unix(1, 0))
	}
}

// serve answers requests until the connection ends or is handed over.
func (c *conn) serve() {
	handed := false
	defer func() {
		if problem := recover(); problem != nil { // one connection's fault ends no other
			c.panicked(c.ctx, problem)
		}
		c.giveBack()
		if !handed {
			_ = c.net.Close()
			c.server.count.done(c.net)
		}
		c.server.remove(c)
		c.ctx.cancel(net.ErrClosed)
	}()
	switch full := c.handshake(); {
	case full:
		handed = true
		c.server.rest.give(c.net)
		return
	case c.tls != nil && c.tls.NegotiatedProtocol == protocolHTTP2:
		c.serveHTTP2()
		return
	}
	for {
		end, err := c.head()
		if errors.Is(err, wire.ErrTooLarge) {
			c.refuse(http.StatusRequestHeaderFieldsTooLarge)
			return
		}
		if err != nil {
			return
		}
		r, plain := wire.ParseRequest(c.buf[c.r:end])
		if !plain {
			if status := wire.Refuse(c.buf[c.r:end]); status != 0 {
				c.refuse(status)
				return
			}
			handed = true
			c.server.rest.give(c.rest())
			return
		}
		c.r = end
		if !c.answer(&r) {
			return
		}
	}
}

// handshake reports whether the client speaks a protocol that net/http may know, or fails
// in a way that it knows how to answer.
func (c *conn) handshake() (full bool) {
	tc, ok := c.net.(*tls.Conn)
	if !ok || c.tls != nil {
		return false
	}
	if err := tc.HandshakeContext(c.ctx); err != nil { // watch bounds it
		return true
	}
	state := tc.ConnectionState()
	c.tls = &state
	switch state.NegotiatedProtocol {
	case "", "http/1.1", protocolHTTP2:
		return false
	}
	return true
}

// head reads until a whole head is buffered and returns where it ends.
func (c *conn) head() (end int, err error) {
	if c.r < c.w {
		c.enter(reading)
	}
	seen := c.r
	for {
		if c.post {
			c.skipLineEnd()
			seen = max(seen, c.r)
		}
		if end := wire.HeadEnd(c.buf[:c.w], max(seen-3, c.r)); end >= 0 {
			return end, nil
		}
		seen = c.w
		if err := c.fill(); err != nil {
			return 0, err
		}
	}
}

// skipLineEnd takes what some old clients send behind the body of a POST (RFC 9112 2.2).
func (c *conn) skipLineEnd() {
	for end := min(c.r+len("\r\n\r\n"), c.w); c.r < end && (c.buf[c.r] == '\r' || c.buf[c.r] == '\n'); {
		c.r++
	}
	c.post = c.r == c.w
}

// fill reads once. Nothing read before is moved but to the beginning.
func (c *conn) fill() error {
	if c.buf == nil {
		c.lent = heads.Get().(*[headBuffer]byte) //nolint:errcheck // New makes nothing else
		c.buf = c.lent[:]
	}
	if c.w == len(c.buf) {
		limit := c.server.maxHead()
		if len(c.buf) >= limit {
			return wire.ErrTooLarge
		}
		bigger := make([]byte, min(2*len(c.buf), limit))
		copy(bigger, c.buf[:c.w])
		c.buf = bigger
	}
	n, err := c.net.Read(c.buf[c.w:])
	if n > 0 {
		c.w += n
		if c.state.Load() != reading {
			c.enter(reading)
		}
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// giveBack ends the use of the buffer.
func (c *conn) giveBack() {
	if c.lent != nil {
		heads.Put(c.lent)
	}
	c.lent, c.buf, c.r, c.w = nil, nil, 0, 0
}

// rest is the connection with all that was read and not used.
func (c *conn) rest() net.Conn {
	return &handed{Conn: c.net, begin: append([]byte(nil), c.buf[c.r:c.w]...), tls: c.tls}
}

// answer has the handler answer one request. It reports whether another may come.
func (c *conn) answer(r *wire.Request) (more bool) {
	req := new(http.Request)
	*req = *c.begin
	req.Method, req.URL, req.Header, req.Host, req.RequestURI = r.Method, r.URL, r.Header, r.Host, r.Target
	req.TLS, req.Close = c.tls, r.Close
	req.Body, req.ContentLength = http.NoBody, r.Length
	c.post = r.Method == http.MethodPost
	c.body = body{}
	if r.Length > 0 {
		c.body = body{conn: c, left: r.Length}
		req.Body = &c.body
	}
	if c.r == c.w {
		c.giveBack() // a request that waits needs no buffer
	}
	c.enter(answering)
	c.out.begin(c, req, r.Close || c.server.closing.Load())
	if !c.handle(req) {
		return false
	}
	whole := c.out.finish()
	if c.deadlines.Swap(false) {
		_ = c.net.SetDeadline(time.Time{})
	}
	if !whole || r.Length > 0 && !c.body.finish() || c.server.closing.Load() {
		c.linger()
		return false
	}
	if c.r == c.w {
		c.r, c.w = 0, 0
		c.enter(idle)
		if c.server.closing.Load() {
			return false
		}
	}
	return true
}

// handle calls the handler. It reports false when the answer broke off.
func (c *conn) handle(req *http.Request) (whole bool) {
	defer func() {
		if whole {
			return
		}
		c.out.drop()
		if problem := recover(); problem != nil && problem != http.ErrAbortHandler { //nolint:errorlint // as net/http does
			c.panicked(req.Context(), problem)
		}
	}()
	c.server.handler.ServeHTTP(&c.out, req)
	return true
}

func (c *conn) panicked(ctx context.Context, problem any) {
	c.server.log.ErrorContext(ctx, "request handler panicked", slog.Any("panic", problem),
		slog.String("client", c.remote), slog.String("stack", string(debug.Stack())))
}

// refuse answers a request that no handler gets, in net/http's words.
func (c *conn) refuse(status int) {
	text := strconv.Itoa(status) + " " + http.StatusText(status)
	_ = c.net.SetWriteDeadline(time.Now().Add(lingerFor))
	_, err := io.WriteString(c.net, "HTTP/1.1 "+text+"\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"+text)
	if err == nil {
		c.closeWrite()
	}
}

// lingerFor is how long a client has to read a last answer before what it still sends
// would make the system forget that answer.
const lingerFor = 500 * time.Millisecond

// linger ends a connection whose client may still be sending.
func (c *conn) linger() {
	if c.body.conn != nil && c.body.left > 0 {
		c.closeWrite()
	}
}

// closeWrite ends our side and reads what is still on its way.
func (c *conn) closeWrite() {
	if half, ok := c.net.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	_ = c.net.SetReadDeadline(time.Now().Add(lingerFor))
	_, _ = io.CopyN(io.Discard, c.net, maxDrain)
}
