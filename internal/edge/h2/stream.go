package h2

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"time"

	"golang.org/x/net/http2"

	"sluice/internal/edge/wire"
)

// errDeadline is the error of what took too long.
var errDeadline = os.ErrDeadlineExceeded

// Leaver is told when a client has left or given up its request.
type Leaver interface {
	// Leave is called once at most, from another goroutine. It must not block.
	Leave(cause error)
}

// Watcher is the context of a request that tells whoever wants to know.
type Watcher interface {
	// Watch tells l when the client of the request leaves, until it is called with nil. It
	// reports false for a request whose client has left.
	Watch(l Leaver) bool
}

// stream is a request and the response to it. It is the request's context, too.
type stream struct {
	context.Context //nolint:containedctx // it is one
	cancel          context.CancelCauseFunc

	conn *Conn
	id   uint32
	req  *http.Request
	response

	// The lock of the connection is held for these.
	leaver   Leaver
	changed  sync.Cond // anything below, or the connection's window
	body     body
	received bool  // all of the request
	declared int64 // how long the body is to be; -1 for unknown
	got      int64 // of the body
	credit   credit
	window   int64 // what the client still takes
	err      error // why it ended before its time

	sendingSince, readingSince int64 // of a wait for the client; 0 for none
}

// begin reads a request's header.
func (st *stream) begin(f *http2.MetaHeadersFrame) error {
	malformed := http2.StreamError{StreamID: st.id, Code: http2.ErrCodeProtocol}
	method, path, scheme, host := f.PseudoValue("method"), f.PseudoValue("path"), f.PseudoValue("scheme"), f.PseudoValue("authority")
	connect := method == http.MethodConnect
	switch {
	case connect && (path != "" || scheme != "" || host == ""), f.PseudoValue("protocol") != "",
		!connect && (method == "" || path == "" || path[0] != '/' && path != "*" || scheme != "https" && scheme != "http"):
		return malformed
	}
	h, ok := st.conn.header(f)
	if !ok {
		return malformed
	}
	if host == "" {
		host = h.Get("Host")
	}
	delete(h, "Host")
	target := &url.URL{Host: host}
	if !connect {
		var err error
		if target, err = wire.ParseTarget(path); err != nil {
			return malformed
		}
	} else {
		path = host
	}
	st.Context, st.cancel = context.WithCancelCause(st.conn.ctx)
	req := st.conn.begin.WithContext(st)
	req.Method, req.URL, req.RequestURI, req.Host, req.Header = method, target, path, host, h
	if req.Trailer = announced(h); req.Trailer != nil {
		st.trailerNames = slices.Collect(maps.Keys(req.Trailer))
	}
	req.Body = http.NoBody
	if !st.received {
		req.Body, req.ContentLength = st.requestBody(), -1
		if stated := h["Content-Length"]; stated != nil {
			n, err := strconv.ParseUint(stated[0], 10, 63)
			if err != nil {
				n = 0 // the router compares it with the text
			}
			req.ContentLength = int64(n)
			st.declared = req.ContentLength
		}
	}
	if slices.ContainsFunc(h["Expect"], asks) {
		delete(h, "Expect")
		st.body.expected = !st.received
	}
	st.req = req
	st.tooLarge = f.Truncated
	return nil
}

func asks(list string) bool { return wire.HasToken(list, "100-continue") }

// Watch is for Watcher.
func (st *stream) Watch(l Leaver) bool {
	st.conn.mu.Lock()
	defer st.conn.mu.Unlock()
	st.leaver = l
	return st.err == nil
}

// fail ends the request from outside. The lock is held.
func (st *stream) fail(cause error) {
	if st.err != nil {
		return
	}
	st.err = cause
	st.body.fail(cause)
	st.changed.Broadcast()
	st.cancel(cause)
	if l := st.leaver; l != nil {
		st.leaver = nil
		go l.Leave(cause) // it may take locks of its own
	}
}

// failBody makes reads of the body fail.
func (st *stream) failBody(cause error) {
	st.body.fail(cause)
	st.changed.Broadcast()
}

// end notes that all of the request has come.
func (st *stream) end() error {
	if st.declared >= 0 && st.got != st.declared {
		return http2.StreamError{StreamID: st.id, Code: http2.ErrCodeProtocol}
	}
	st.received = true
	st.body.finish()
	st.changed.Broadcast()
	return nil
}

// trailerCame takes the fields behind a body.
func (st *stream) trailerCame(f *http2.MetaHeadersFrame) error {
	switch {
	case st.received:
		return http2.StreamError{StreamID: st.id, Code: http2.ErrCodeStreamClosed}
	case !f.StreamEnded(), len(f.PseudoFields()) > 0:
		return http2.StreamError{StreamID: st.id, Code: http2.ErrCodeProtocol}
	}
	for _, field := range f.RegularFields() {
		if name := st.conn.canonicalName(field.Name); slices.Contains(st.trailerNames, name) {
			if st.body.trailer == nil {
				st.body.trailer = http.Header{}
			}
			st.body.trailer.Add(name, field.Value)
		}
	}
	return st.end()
}

// serve has the request answered.
func (st *stream) serve() {
	defer st.done()
	if st.tooLarge {
		st.WriteHeader(http.StatusRequestHeaderFieldsTooLarge)
		st.finish()
		return
	}
	st.conn.o.Handler.ServeHTTP(st, st.req)
	st.finish()
}

// done ends the request in every outcome, and begins one that waits.
func (st *stream) done() {
	c := st.conn
	problem := recover()
	if problem != nil && problem != http.ErrAbortHandler { //nolint:errorlint // as net/http does
		c.o.Log.ErrorContext(st, "request handler panicked", slog.Any("panic", problem),
			slog.String("client", st.req.RemoteAddr), slog.String("stack", string(debug.Stack())))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running--
	for len(c.queue) > 0 && c.running < maxStreams {
		next := c.queue[0]
		if c.queue = c.queue[1:]; next.err == nil {
			c.running++
			c.o.Workers.run(next)
		}
	}
	if c.streams[st.id] == st {
		c.remove(st)
		switch {
		case !st.ended: // it broke off
			c.appendReset(st.id, http2.ErrCodeInternal)
		case !st.received: // the rest of the body is not needed
			c.appendReset(st.id, http2.ErrCodeNo)
		}
	}
	st.body.fail(errAnswered)
	st.changed.Broadcast()
	st.cancel(errAnswered)
	c.flush(nil)
}

// SetReadDeadline bounds reads of the body.
func (st *stream) SetReadDeadline(t time.Time) error {
	st.at(&st.readTimer, t, func() { st.failBody(errDeadline) })
	return nil
}

// SetWriteDeadline bounds writes of the response. It may be called from anywhere while the
// handler runs.
func (st *stream) SetWriteDeadline(t time.Time) error {
	st.at(&st.writeTimer, t, func() {
		c := st.conn
		if c.streams[st.id] == st {
			c.reset(st, http2.ErrCodeInternal, errDeadline)
		}
		if c.flusher == st { // the client takes nothing: this ends the connection
			_ = c.net.SetWriteDeadline(time.Unix(1, 0))
		}
	})
	return nil
}

// at has f called at a time, instead of what was to be called before; never for the zero
// time.
func (st *stream) at(timer **time.Timer, t time.Time, f func()) {
	c := st.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if *timer != nil {
		(*timer).Stop()
		*timer = nil
	}
	switch left := time.Until(t); {
	case t.IsZero():
	case left <= 0:
		f()
	default:
		*timer = time.AfterFunc(left, func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			f()
		})
	}
}

// EnableFullDuplex is how it always is.
func (st *stream) EnableFullDuplex() error { return nil }
