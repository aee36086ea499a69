package edge

import (
	"context"
	"net"
	"time"

	"sluice/internal/edge/front"
)

// clientCheck is how often a waiting request with a body looks whether its client is
// still there. net/http watches the connection only once the body has been read, and a
// held body is not read.
const clientCheck = time.Second

type connKey struct{}

// withConn makes the client's connection known to the requests that arrive on it.
func withConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// watchClient returns a channel that ticks when it is time to look, and nil when net/http
// does the watching.
func (v *visit) watchClient(ctx context.Context) (tick <-chan time.Time, stop func()) {
	if v.body == nil || ctx.Value(connKey{}) == nil {
		return nil, func() {}
	}
	t := time.NewTicker(clientCheck)
	return t.C, t.Stop
}

// clientGone reports whether the client of a request has closed its side.
func (v *visit) clientGone(ctx context.Context) bool {
	c, ok := ctx.Value(connKey{}).(net.Conn)
	if !ok {
		return false
	}
	return front.HungUp(socketOf(c))
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
