package h2

import (
	"errors"
	"io"
	"maps"
	"net/http"
)

// body is what came of a request's body and was not read yet. The lock of the connection
// is held.
type body struct {
	chunks   [][]byte
	size     int
	err      error       // once all was read
	trailer  http.Header // what came behind it
	failed   bool        // what is left is not to be read
	expected bool        // the client waits until it is told to send it
}

// Sizes of what is kept in one piece.
const (
	minChunk = 1 << 10
	maxChunk = 16 << 10
)

func (b *body) add(p []byte) {
	if len(p) == 0 || b.err != nil {
		return
	}
	b.size += len(p)
	if n := len(b.chunks); n > 0 {
		last := b.chunks[n-1]
		some := min(cap(last)-len(last), len(p))
		b.chunks[n-1] = append(last, p[:some]...)
		p = p[some:]
	}
	if len(p) > 0 {
		size := min(max(minChunk, len(p), b.size/2), maxChunk)
		b.chunks = append(b.chunks, append(make([]byte, 0, size), p...))
	}
}

// left returns how much was not read, and will not be.
func (b *body) left() int {
	n := b.size
	b.chunks, b.size = nil, 0
	return n
}

// take moves what there is to p.
func (b *body) take(p []byte) (n int) {
	for n < len(p) && len(b.chunks) > 0 {
		some := copy(p[n:], b.chunks[0])
		n += some
		if b.chunks[0] = b.chunks[0][some:]; len(b.chunks[0]) == 0 {
			b.chunks = b.chunks[1:]
		}
	}
	b.size -= n
	return n
}

// finish notes that all of it came.
func (b *body) finish() {
	if b.err == nil {
		b.err = io.EOF
	}
}

// fail makes reads fail, also of what has come.
func (b *body) fail(err error) {
	if b.err == nil || errors.Is(b.err, io.EOF) {
		b.err = err
	}
	b.failed = true
}

// requestBody is the handler's side.
type requestBody struct{ *stream }

func (st *stream) requestBody() io.ReadCloser { return requestBody{st} }

// Read waits for a part of the body.
func (r requestBody) Read(p []byte) (int, error) {
	st, c := r.stream, r.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if st.body.expected && st.err == nil {
		st.body.expected = false
		if !st.wrote {
			c.appendStatus(http.StatusContinue)
			c.appendBlock(st.id, false)
			c.flush(st)
		}
	}
	for {
		switch {
		case st.body.size > 0 && !st.body.failed:
			n := st.body.take(p)
			if c.streams[st.id] == st {
				c.gave(st, n)
				c.flush(st)
			}
			return n, nil
		case st.body.err != nil:
			if errors.Is(st.body.err, io.EOF) {
				maps.Copy(st.req.Trailer, st.body.trailer)
			}
			return 0, st.body.err
		case len(p) == 0:
			return 0, nil
		}
		st.readingSince = c.o.Now()
		st.changed.Wait()
		st.readingSince = 0
	}
}

// Close is the server's business.
func (r requestBody) Close() error { return nil }
