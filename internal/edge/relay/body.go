package relay

import (
	"errors"
	"io"
	"sync/atomic"
)

var errBodyClosed = errors.New("read of a request's body after the request")

// body is the body of a client's request. It remembers whether anything was read, for
// then the request cannot be sent to another backend, and it ignores Close, which a
// transport calls when it could not connect.
type body struct {
	io.ReadCloser
	touched atomic.Bool
	ended   atomic.Bool // all of it was read
	failed  atomic.Bool // the client sent something malformed, or left
	done    atomic.Bool
}

func (b *body) Read(p []byte) (int, error) {
	if b.done.Load() {
		return 0, errBodyClosed
	}
	b.touched.Store(true)
	n, err := b.ReadCloser.Read(p)
	switch {
	case err == io.EOF:
		b.ended.Store(true)
	case err != nil:
		b.failed.Store(true)
	}
	return n, err
}

// Close does nothing: the server closes what it made.
func (b *body) Close() error { return nil }

// finish makes later reads fail: a transport may read on after the handler returned.
func (b *body) finish() {
	if b != nil {
		b.done.Store(true)
	}
}
