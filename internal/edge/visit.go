package edge

import (
	"context"
	"net/http"
	"time"
)

// visit is one request on its way through a gate. Its fields belong to the gate's lock,
// but for those that the request's goroutine reads after it was admitted.
type visit struct {
	gate    *gate
	cancel  context.CancelCauseFunc // ends the request
	verdict chan error              // nil or why it was turned away; made when it must wait

	release *release      // what it was admitted to
	route   *route        // within release
	since   time.Time     // when it began to wait; zero while it never did
	waited  time.Duration // how long it waited, all in all
	body    *heldBody     // nil for a request without a body
	secure  bool          // the visitor speaks https

	operator func() bool // whether it may bypass the gate; asked only when it is not open

	long  bool  // upgraded or an event stream: not waited for when draining
	paced *pace // the paced release that waits for its answer

	next, prev *visit // in the gate's queue
	queued     bool
}

type visitKey struct{}

// newVisit returns a visit and the request that carries it, whose context ends when the
// client leaves or the gate cuts the request.
func newVisit(g *gate, req *http.Request) (*visit, *http.Request) {
	v := &visit{gate: g}
	ctx, cancel := context.WithCancelCause(req.Context())
	v.cancel = cancel
	req = req.WithContext(context.WithValue(ctx, visitKey{}, v))
	if req.Body != nil && req.Body != http.NoBody {
		v.body = &heldBody{ReadCloser: req.Body}
	}
	return v, req
}

// visitOf returns the visit of a request made by newVisit, or of a copy of it.
func visitOf(req *http.Request) *visit {
	v, _ := req.Context().Value(visitKey{}).(*visit)
	return v
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
	v.gate.finish(v)
	v.body.finish()
	v.cancel(errFinished)
}

// queue holds waiting visits, the oldest first. Any of them can leave at once.
type queue struct {
	head, tail *visit
	len        int
}

func (q *queue) push(v *visit) {
	v.queued = true
	v.prev, v.next = q.tail, nil
	if q.tail == nil {
		q.head = v
	} else {
		q.tail.next = v
	}
	q.tail = v
	q.len++
}

func (q *queue) remove(v *visit) {
	if v.prev == nil {
		q.head = v.next
	} else {
		v.prev.next = v.next
	}
	if v.next == nil {
		q.tail = v.prev
	} else {
		v.next.prev = v.prev
	}
	v.next, v.prev, v.queued = nil, nil, false
	q.len--
}
