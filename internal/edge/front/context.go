package front

import (
	"context"
	"net/http"
	"sync"

	"sluice/internal/edge/h2"
)

// Leaver is told when a client has left.
type Leaver = h2.Leaver

// connContext is the context of a connection's requests.
type connContext struct {
	context.Context //nolint:containedctx // it is one
	cancel          context.CancelCauseFunc

	mu     sync.Mutex
	leaver Leaver
}

// Watch tells l when the client of a request leaves, until it is called with nil. It
// reports false for a request that this package does not serve, and for one that has left.
func Watch(ctx context.Context, l Leaver) bool {
	if s, ok := ctx.(h2.Watcher); ok {
		return s.Watch(l)
	}
	c, ok := ctx.(*connContext)
	if !ok {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leaver = l
	return ctx.Err() == nil
}

// newContext returns the context of a connection.
func (c *conn) newContext() *connContext {
	ctx, cancel := context.WithCancelCause(context.WithValue(context.Background(), http.ServerContextKey, c.server.full))
	ctx = context.WithValue(ctx, http.LocalAddrContextKey, c.net.LocalAddr())
	if f := c.server.full.ConnContext; f != nil {
		ctx = f(ctx, c.net)
	}
	return &connContext{Context: ctx, cancel: cancel}
}

// leave ends what is done for the client.
func (c *conn) leave(cause error) {
	c.ctx.cancel(cause)
	c.ctx.mu.Lock()
	l := c.ctx.leaver
	c.ctx.leaver = nil
	c.ctx.mu.Unlock()
	if l != nil {
		l.Leave(cause)
	}
}
