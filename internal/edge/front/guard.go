package front

import (
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// guard bounds how long clients of net/http may stall, as watch does for connections that
// are read here: deadlines of each would have to be moved with every piece.
type guard struct {
	mu     sync.Mutex
	active map[*guarded]struct{}
}

// guarded is one request that net/http reads.
type guarded struct {
	http.ResponseWriter
	body io.ReadCloser

	readingSince, writingSince atomic.Int64
}

// unfinishedBody is how long the rest of a body may take that no handler wants.
const unfinishedBody = 10 * time.Second

// serve calls the handler.
func (g *guard) serve(h http.Handler, w http.ResponseWriter, req *http.Request) {
	p := &guarded{ResponseWriter: w, body: req.Body}
	g.mu.Lock()
	if g.active == nil {
		g.active = map[*guarded]struct{}{}
	}
	g.active[p] = struct{}{}
	g.mu.Unlock()
	defer func() {
		g.mu.Lock()
		delete(g.active, p)
		g.mu.Unlock()
		// What net/http still writes and reads after the handler.
		control := http.NewResponseController(w)
		_ = control.SetWriteDeadline(time.Now().Add(maxStall))
		if req.ProtoMajor == 1 && req.ContentLength != 0 {
			_ = control.SetReadDeadline(time.Now().Add(unfinishedBody))
		}
	}()
	if req.Body != nil && req.Body != http.NoBody && req.ContentLength != 0 {
		req = req.WithContext(req.Context()) // net/http looks at the body of its own
		req.Body = guardedBody{p}
	}
	h.ServeHTTP(p, req)
}

// check ends requests whose clients stall.
func (g *guard) check(now int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for p := range g.active {
		control := http.NewResponseController(p.ResponseWriter)
		if stalled(p.writingSince.Load(), now) {
			_ = control.SetWriteDeadline(time.Unix(1, 0))
		}
		if stalled(p.readingSince.Load(), now) {
			_ = control.SetReadDeadline(time.Unix(1, 0))
		}
	}
}

// Unwrap lets http.ResponseController do the rest.
func (p *guarded) Unwrap() http.ResponseWriter { return p.ResponseWriter }

// Write writes a part of the body.
func (p *guarded) Write(b []byte) (int, error) {
	p.writingSince.Store(time.Now().UnixNano())
	defer p.writingSince.Store(0)
	return p.ResponseWriter.Write(b)
}

// FlushError sends what there is.
func (p *guarded) FlushError() error {
	p.writingSince.Store(time.Now().UnixNano())
	defer p.writingSince.Store(0)
	return http.NewResponseController(p.ResponseWriter).Flush()
}

// guardedBody is the body of a guarded request.
type guardedBody struct{ of *guarded }

// Read reads a part of the body.
func (b guardedBody) Read(p []byte) (int, error) {
	b.of.readingSince.Store(time.Now().UnixNano())
	defer b.of.readingSince.Store(0)
	return b.of.body.Read(p)
}

// Close closes it.
func (b guardedBody) Close() error { return b.of.body.Close() }
