package gate

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Client is the sender of a request.
type Client interface {
	// Operator reports whether the request may pass a hold and maintenance. It is asked
	// only when the gate is not open.
	Operator() bool
	// Gone reports whether the client has closed its side of the connection.
	Gone() bool
	// Unwatched reports whether the request's context goes on when the client leaves, so
	// that Gone has to be asked while the request waits.
	Unwatched() bool
	// CutWrites bounds the time for what is still being written to the client. It does
	// nothing before and after the response.
	CutWrites(until time.Time)
}

// Aborter is what a request waits for: a connection or a dial.
type Aborter = interface {
	// Abort makes the wait end in an error. It returns at once.
	Abort()
}

// Ticket is one request on its way through a gate. Most of its fields belong to the gate's
// lock; the request's goroutine reads the release and the wait after it was admitted.
type Ticket struct {
	gate    *Gate
	client  Client
	verdict chan error // nil or why it was turned away; made when it must wait

	release Release       // what it was admitted to
	since   time.Time     // when it began to wait; zero while it never did
	waited  time.Duration // how long it waited, all in all

	status int   // of the first answer; 0 before it
	long   bool  // upgraded or an event stream: not waited for when draining
	paced  *pace // the paced release that waits for its answer

	next, prev *Ticket // in the gate's queue
	queued     bool

	end ending
}

// ending is how a request comes to an end from outside: cut by its gate, or left by its
// client. It takes no other lock, so that a gate may cut under its own.
type ending struct {
	mu    sync.Mutex
	cause error   // why; nil while the request goes on
	using Aborter // what has to be stopped then; nil for nothing
}

// Init prepares a ticket, which must not be copied from then on.
func (t *Ticket) Init(g *Gate, c Client) { t.gate, t.client = g, c }

// Release returns the release that the request was admitted to.
func (t *Ticket) Release() Release { return t.release }

// Waited returns how long the request waited.
func (t *Ticket) Waited() time.Duration { return t.waited }

// Again sends the request through its gate once more: it waits when the environment is
// held by now, and meets the release that serves by now.
func (t *Ticket) Again(ctx context.Context) error {
	t.gate.finish(t)
	return t.gate.Admit(ctx, t)
}

// Answered notes that the application began to answer: the next waiting request may go.
func (t *Ticket) Answered(status int) {
	if t.status == 0 {
		t.status = status // read by this goroutine, when it is done
	}
	if t.paced == nil {
		return // only the request's own goroutine takes it away
	}
	t.gate.mu.Lock()
	defer t.gate.mu.Unlock()
	t.gate.makeRoom(t, status)
}

// Outlast marks the request as one that no drain waits for.
func (t *Ticket) Outlast() {
	g := t.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, in := g.inside[t]; in && !t.long {
		t.long = true
		g.unbusy()
	}
}

// Done takes the request out of its gate. It may be called more than once.
func (t *Ticket) Done() { t.gate.finish(t) }

// Cancel ends the request; the first cause stays.
func (t *Ticket) Cancel(cause error) {
	t.end.mu.Lock()
	defer t.end.mu.Unlock()
	if t.end.cause != nil {
		return
	}
	t.end.cause = cause
	if t.end.using != nil {
		t.end.using.Abort()
	}
	if errors.Is(cause, ErrCut) { // a client that reads nothing must not keep a drain waiting
		t.client.CutWrites(time.Now().Add(cutGrace))
	}
}

// Cause returns why the request ended, nil while it goes on.
func (t *Ticket) Cause() error {
	t.end.mu.Lock()
	defer t.end.mu.Unlock()
	return t.end.cause
}

// Attach has a aborted when the request ends, until Detach. It reports false when the
// request has ended already.
func (t *Ticket) Attach(a Aborter) bool {
	t.end.mu.Lock()
	defer t.end.mu.Unlock()
	if t.end.cause != nil {
		return false
	}
	t.end.using = a
	return true
}

// Detach releases what was attached: it is not aborted any more from here on. It reports
// whether the request still goes on.
func (t *Ticket) Detach() bool {
	t.end.mu.Lock()
	defer t.end.mu.Unlock()
	t.end.using = nil
	return t.end.cause == nil
}
