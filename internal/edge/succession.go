package edge

import (
	"context"
	"fmt"
	"net/http"

	"sluice/internal/platform"
)

// ErrReplaced is returned by changes of a router that another process has taken over
// from. Nothing was done; asked again, the successor answers.
var ErrReplaced error = &platform.Error{
	Code:    platform.CodeUnavailable,
	Message: "another router process has just taken over",
	Hint:    "run the command again",
}

type forwardedKey struct{}

// Forwarded marks what the successor passes on to this router, which still has requests
// that wait or are under way.
func Forwarded(ctx context.Context) context.Context {
	return context.WithValue(ctx, forwardedKey{}, true)
}

// change begins a change of the router's state; done ends it. A change waits while the
// state is handed over.
func (r *Router) change(ctx context.Context) (done func(), err error) {
	r.changes.RLock()
	if r.replaced.Load() && ctx.Value(forwardedKey{}) == nil {
		r.changes.RUnlock()
		return nil, ErrReplaced
	}
	return r.changes.RUnlock, nil
}

// HandOver returns the router's state, in which nothing changes until end is called: with
// true when another process has taken over. Then this router keeps what waits and what is
// under way, saves nothing any more, takes changes from its successor only, and tells
// clients on HTTP/1 to connect again.
func (r *Router) HandOver() (state []byte, end func(replaced bool), err error) {
	r.changes.Lock()
	r.state.pause(true)
	state, err = encodeState(r.snapshot())
	if err != nil {
		r.state.pause(false)
		r.changes.Unlock()
		return nil, nil, fmt.Errorf("encode router state: %w", err)
	}
	return state, func(replaced bool) {
		r.replaced.Store(replaced)
		r.state.pause(replaced)
		r.changes.Unlock()
		if !replaced {
			r.saveLater() // what deadlines changed meanwhile
		}
	}, nil
}

// Waiting returns how many requests wait.
func (r *Router) Waiting() int {
	n := 0
	for _, e := range r.list() {
		n += e.Status().Waiting
	}
	return n
}

// sendAway makes a client that keeps its connection open come to the successor.
func (r *Router) sendAway(w http.ResponseWriter, req *http.Request) {
	if r.replaced.Load() && req.ProtoMajor == 1 {
		w.Header().Set("Connection", "close")
	}
}
