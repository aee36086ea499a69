package edge

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"sluice/internal/edge/front"
)

// visit is one request on its way through a gate. Its fields belong to the gate's lock,
// but for those that the request's goroutine reads after it was admitted.
type visit struct {
	gate    *gate
	verdict chan error // nil or why it was turned away; made when it must wait

	release *release      // what it was admitted to
	route   *route        // within release
	since   time.Time     // when it began to wait; zero while it never did
	waited  time.Duration // how long it waited, all in all
	body    *heldBody     // nil for a request without a body
	upload  *upload       // of body, once it is under way
	secure  bool          // the visitor speaks https

	chronicle chronicle // hears what the application answered; nil for nobody

	operator func() bool // whether it may bypass the gate; asked only when it is not open

	long  bool  // upgraded or an event stream: not waited for when draining
	paced *pace // the paced release that waits for its answer

	next, prev *visit // in the gate's queue
	queued     bool

	end      ending
	unfollow func() bool // of a client that net/http watches
}

// ending is how a visit comes to an end from outside: cut by its gate, or left by its
// client. It takes no other lock, so that a gate may cut under its own.
type ending struct {
	mu     sync.Mutex
	cause  error               // why; nil while the visit goes on
	using  aborter             // what has to be stopped then; nil for nothing
	client http.ResponseWriter // who is answered; nil before and after
}

// aborter is what a visit waits for: a connection or a dial.
type aborter interface {
	// abort makes the wait end in an error. It returns at once.
	abort()
}

// newVisit returns a visit for the request.
func newVisit(g *gate, req *http.Request) *visit {
	v := &visit{gate: g}
	if req.Body != nil && req.Body != http.NoBody {
		v.body = &heldBody{ReadCloser: req.Body}
	}
	return v
}

// cancel ends the visit; the first cause stays.
func (v *visit) cancel(cause error) {
	v.end.mu.Lock()
	defer v.end.mu.Unlock()
	if v.end.cause != nil {
		return
	}
	v.end.cause = cause
	if v.end.using != nil {
		v.end.using.abort()
	}
	if v.end.client != nil && errors.Is(cause, errCut) { // who reads nothing must not keep a drain waiting
		_ = http.NewResponseController(v.end.client).SetWriteDeadline(time.Now().Add(cutGrace))
	}
}

// answers notes who is answered; nil for nobody any more.
func (v *visit) answers(w http.ResponseWriter) {
	v.end.mu.Lock()
	defer v.end.mu.Unlock()
	v.end.client = w
}

// cause returns why the visit ended, nil while it goes on.
func (v *visit) cause() error {
	v.end.mu.Lock()
	defer v.end.mu.Unlock()
	return v.end.cause
}

// attach makes a be aborted when the visit ends, until detach. It reports false when the
// visit has ended already.
func (v *visit) attach(a aborter) bool {
	v.end.mu.Lock()
	defer v.end.mu.Unlock()
	if v.end.cause != nil {
		return false
	}
	v.end.using = a
	return true
}

// detach lets go what was attached: from here on it is not aborted any more. It reports
// whether the visit still goes on.
func (v *visit) detach() bool {
	v.end.mu.Lock()
	defer v.end.mu.Unlock()
	v.end.using = nil
	return v.end.cause == nil
}

// Leave ends the visit because its client has left.
func (v *visit) Leave(cause error) { v.cancel(cause) }

// follow ends the visit when the client's context does, until stopFollowing is called.
func (v *visit) follow(ctx context.Context) {
	if !front.Watch(ctx, v) {
		v.unfollow = context.AfterFunc(ctx, func() { v.cancel(context.Cause(ctx)) })
	}
}

func (v *visit) stopFollowing(ctx context.Context) {
	if !v.unfollowed() {
		front.Watch(ctx, nil)
	}
}

// unfollowed ends following a client that net/http watches, and reports false for another.
func (v *visit) unfollowed() bool {
	if v.unfollow == nil {
		return false
	}
	v.unfollow()
	return true
}

// reroute finds the request's route in the release that the visit was admitted to, which
// may be a newer one than the route was found in. It reports whether there is one.
func (v *visit) reroute(req *http.Request) bool {
	r := v.release.table.match(req.Host, v.secure, req.URL.Path)
	if r != nil {
		v.route = r
	}
	return r != nil
}

// finish ends the visit in every outcome.
func (v *visit) finish() {
	v.answers(nil)
	v.gate.finish(v)
	v.body.finish()
}
