package front

import (
	"errors"
	"io"
	"sync"
	"time"
)

var errBodyClosed = errors.New("read of a request's body after the answer")

// body is a request's body of a stated length.
type body struct {
	conn *conn

	mu     sync.Mutex // reads may outlast the handler
	left   int64
	closed bool
	failed bool
}

// Read reads from what came with the head first.
func (b *body) Read(p []byte) (n int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.closed:
		return 0, errBodyClosed
	case b.left == 0:
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), b.left)]
	c := b.conn
	if c.r < c.w {
		n = copy(p, c.buf[c.r:c.w])
		c.r += n
	} else {
		c.readingSince.Store(c.server.now.Load())
		n, err = c.net.Read(p)
		c.readingSince.Store(0)
	}
	b.left -= int64(n)
	switch {
	case b.left == 0:
		return n, io.EOF
	case errors.Is(err, io.EOF):
		err = io.ErrUnexpectedEOF
	}
	b.failed = b.failed || err != nil
	return n, err
}

// Close is the server's business.
func (b *body) Close() error { return nil }

// maxDrain is how much is read at most of a body that no handler read, so that the connection
// can go on.
const maxDrain = 256 << 10

// tooLong reports whether more of the body is left than will be read: then the answer is
// the connection's last. A body that somebody reads is not asked.
func (b *body) tooLong() bool {
	if b.conn == nil || !b.mu.TryLock() {
		return false
	}
	defer b.mu.Unlock()
	return b.left > maxDrain
}

// finish ends reading and reports whether the next request may follow: after a body that
// is not all read, or has not all come, what is left of it is read and forgotten.
func (b *body) finish() bool {
	if !b.mu.TryLock() { // somebody reads although the answer is complete
		_ = b.conn.net.SetReadDeadline(time.Unix(1, 0))
		b.mu.Lock()
		b.failed = true
	}
	defer b.mu.Unlock()
	b.closed = true
	if b.failed || b.left > maxDrain {
		return false
	}
	c := b.conn
	for b.left > 0 {
		if c.r == c.w {
			c.r, c.w = 0, 0
			c.enter(reading) // so that watch ends the wait for a client that says no more
			if c.fill() != nil {
				return false
			}
		}
		some := min(int64(c.w-c.r), b.left)
		c.r += int(some)
		b.left -= some
	}
	return true
}
