package relay

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"sluice/internal/edge/wire"
	"sluice/internal/platform"
)

// Limits towards backends. Idle connections are closed well before nginx closes them
// (75 s).
const (
	dialTimeout        = 5 * time.Second
	idleBackendTimeout = 30 * time.Second
	maxIdlePerBackend  = 256
	maxResponseHeader  = 1 << 20
)

// Dialer opens a connection to a backend.
type Dialer func(ctx context.Context, network, address string) (net.Conn, error)

// conn is one connection to a backend. One request at a time uses it.
type conn struct {
	net.Conn
	home     *instance
	reused   bool      // it carried a request before
	since    time.Time // it is idle
	deadline time.Time // of reads, as the connection knows it
	in       wire.Reader
	out      []byte // the head of the request; kept for the next
	fields   []wire.Field
}

func newConn(nc net.Conn, home *instance) *conn {
	u := &conn{Conn: nc, home: home}
	u.in.Src = nc
	return u
}

// quiet reports whether an idle connection is still open and silent. What a backend says
// without being asked would be taken for the response to the next request.
func (u *conn) quiet() bool {
	return u.in.Buffered() == 0 && silent(u.Conn)
}

// expectWithin bounds the wait for a response's header; 0 is platform.DefaultTimeout. Moving
// the deadline costs more than looking at the clock, so the default one is moved only when
// it has come nearer by a tenth.
func (u *conn) expectWithin(timeout time.Duration, now time.Time) error {
	const least, most = platform.DefaultTimeout, platform.DefaultTimeout + platform.DefaultTimeout/10
	if timeout > 0 {
		return u.waitUntil(now.Add(timeout))
	}
	if left := u.deadline.Sub(now); left >= least && left <= most {
		return nil
	}
	return u.waitUntil(now.Add(most))
}

// waitUntil moves the deadline of reads; the zero time is none.
func (u *conn) waitUntil(t time.Time) error {
	u.deadline = t
	return u.SetReadDeadline(t)
}

// Abort makes reads and writes that are under way fail. It may be called at any time.
func (u *conn) Abort() { _ = u.SetDeadline(time.Unix(1, 0)) }

func (u *conn) close() { _ = u.Close() }

// errDialTimeout is the cause of a dial that took too long.
var errDialTimeout = errors.New("the backend did not accept the connection in time")

// dialError says that a connection was not made, so nothing of the request was sent.
type dialError struct {
	address string
	err     error
}

func (e *dialError) Error() string { return fmt.Sprintf("connect to %s: %v", e.address, e.err) }
func (e *dialError) Unwrap() error { return e.err }
