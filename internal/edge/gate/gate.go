package gate

import (
	"context"
	"errors"
	"sync"
	"time"

	"sluice/internal/platform"
)

// State says what a gate does with a request.
type State string

// The states of a gate. A closed gate answers the maintenance page.
const (
	Open   State = "open"
	Held   State = "held"
	Closed State = "closed"
)

// Why a request did not reach its application, or was not finished by it.
var (
	ErrFull        = errors.New("too many requests wait")
	ErrMaintenance = errors.New("the environment is in maintenance")
	ErrCut         = errors.New("cut by a deployment")
	ErrLeft        = errors.New("the client left while it waited")
)

// Release is what a gate admits requests to.
type Release interface {
	// Adopt takes over the connections of a release from before, which may be nil, if both
	// have the same containers, and reports whether it did.
	Adopt(before Release) bool
	// Connections identifies the release's connections. It is comparable.
	Connections() Connections
}

// Connections are those to the containers of a release.
type Connections interface {
	// Retire closes them, those in use as soon as they are idle.
	Retire()
}

// Gate decides for the requests of one environment. It is safe for concurrent use.
type Gate struct {
	metrics *Metrics
	changed func() // called without the lock after the gate changed by itself

	mu        sync.Mutex
	state     State
	release   Release // nil before the first publication
	hold      *Hold   // exactly while state is Held
	lapsed    *Hold   // whose deadline opened the gate, while its activity goes on
	activity  string  // that asked for a hold last, also while Closed
	candidate Release // offered to operators; nil while there is none, and while Open
	message   string  // for people, while state is Closed
	leaving   bool    // the process ends: no request waits any more
	queue     queue   // requests that wait; while Open, those that wait for a paced release
	pace      *pace   // exactly while Open and queue is not empty
	inside    map[*Ticket]struct{}
	busy      int           // of inside, those that a drain waits for
	idle      chan struct{} // closed when busy falls to 0; nil when no drain waits

	report    platform.HoldReport // of the present or the last hold
	uncounted bool                // report was not handed out since its hold began
}

// New returns a closed gate. changed is called after the gate changed by itself.
func New(m *Metrics, changed func()) *Gate {
	return &Gate{metrics: m, changed: changed, state: Closed, inside: map[*Ticket]struct{}{}}
}

// Admit lets a request in, at once or after it waited, or returns why not: ErrFull,
// ErrMaintenance, or ErrLeft when the client went away or ctx ended first. The request is
// counted as under way from the moment of the decision; Ticket.Done must follow.
func (g *Gate) Admit(ctx context.Context, t *Ticket) error {
	g.mu.Lock()
	switch {
	case g.state == Open:
		g.enter(t, g.release)
		g.mu.Unlock()
		return nil
	case g.forOperators() != nil && t.client.Operator():
		g.enter(t, g.forOperators())
		g.report.Bypassed++
		g.mu.Unlock()
		g.metrics.Bypassed.Add(1)
		return nil
	case g.state == Closed || g.leaving:
		g.mu.Unlock()
		return ErrMaintenance
	case g.queue.len >= g.hold.limit:
		g.report.Refused++
		g.mu.Unlock()
		g.metrics.Refused.Add(1)
		return ErrFull
	}
	t.since = time.Now()
	t.verdict = make(chan error, 1)
	g.queue.push(t)
	g.mu.Unlock()
	g.metrics.Held.Add(1)
	return g.wait(ctx, t)
}

// clientCheck is how often a waiting request looks whether its client is still there, if
// the server does not watch it.
const clientCheck = time.Second

// wait returns the verdict, or ErrLeft when the client went away first.
func (g *Gate) wait(ctx context.Context, t *Ticket) error {
	var look <-chan time.Time
	if t.client.Unwatched() {
		tick := time.NewTicker(clientCheck)
		defer tick.Stop()
		look = tick.C
	}
	for {
		select {
		case err := <-t.verdict:
			if err == nil && t.client.Gone() {
				g.lose(t)
				return ErrLeft
			}
			if err == nil {
				g.metrics.Waits.observe(time.Since(t.since))
			}
			return err
		case <-ctx.Done():
		case <-look:
			if !t.client.Gone() {
				continue
			}
		}
		g.leave(t)
		return ErrLeft
	}
}

// leave takes back a request whose client went away, whether or not it was let in meanwhile.
func (g *Gate) leave(t *Ticket) {
	g.mu.Lock()
	if t.queued {
		g.takeBack(t)
		g.mu.Unlock()
		return
	}
	g.mu.Unlock()
	if <-t.verdict != nil {
		return // turned away, and counted so
	}
	g.lose(t)
}

// lose ends a request that was let in and whose client has left.
func (g *Gate) lose(t *Ticket) {
	t.Cancel(ErrLeft)
	g.finish(t)
	g.countLeft(t)
}

// takeBack takes a request whose client went away out of the queue. The caller holds the
// lock, so that its place is free and it is counted at once.
func (g *Gate) takeBack(t *Ticket) {
	g.queue.remove(t)
	g.settle()
	g.countLeftLocked(t)
}

// countLeft corrects the report: a request counts as held from the release on.
func (g *Gate) countLeft(t *Ticket) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.countLeftLocked(t)
}

func (g *Gate) countLeftLocked(t *Ticket) {
	g.metrics.Left.Add(1)
	g.report.Left++
	released := !g.report.ReleasedAt.IsZero() && !t.since.After(g.report.ReleasedAt)
	if released && g.report.Held > 0 {
		g.report.Held--
	}
}

// enter counts the request as under way to rel. The caller holds the lock.
func (g *Gate) enter(t *Ticket, rel Release) {
	t.release = rel
	t.long = false
	g.inside[t] = struct{}{}
	g.busy++
}

// finish takes the request out again. It may be called more than once.
func (g *Gate) finish(t *Ticket) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, in := g.inside[t]; !in {
		return
	}
	delete(g.inside, t)
	g.countAnswer(t)
	g.makeRoom(t, 0)
	if !t.long {
		g.unbusy()
	}
}

// countAnswer notes that a request which the last hold released was answered in full.
func (g *Gate) countAnswer(t *Ticket) {
	r := &g.report
	const failures = 500 // statuses from here on
	answered := t.status > 0 && t.status < failures
	if t.waited == 0 || !answered || t.long || t.Cause() != nil || r.ReleasedAt.IsZero() || t.since.Before(r.StartedAt) || t.since.After(r.ReleasedAt) {
		return
	}
	now := time.Now()
	if r.FirstAnswer == 0 {
		r.FirstAnswer = now.Sub(r.StartedAt)
	}
	r.SlowestAnswer = max(r.SlowestAnswer, now.Sub(t.since))
}

func (g *Gate) unbusy() {
	g.busy--
	if g.busy == 0 && g.idle != nil {
		close(g.idle)
		g.idle = nil
	}
}

// makeRoom gives the request's place in a paced release to the next one.
func (g *Gate) makeRoom(t *Ticket, status int) {
	p := t.paced
	if p == nil {
		return
	}
	t.paced = nil
	if status == 0 && t.Cause() != nil { // its client left, or it was cut: that says nothing of the backend
		p.out--
	} else {
		p.answered(status)
	}
	if p == g.pace {
		g.advance()
	}
}

// advance admits as many waiting requests as the pace allows.
func (g *Gate) advance() {
	for g.pace != nil && g.queue.len > 0 && g.pace.out < g.pace.window {
		t := g.next()
		g.pace.out++
		t.paced = g.pace
		g.enter(t, g.release)
		t.verdict <- nil
	}
	if g.pace != nil {
		g.pace.stall.Reset(paceStall)
	}
	g.settle()
}

// next takes the request that has waited longest out of the queue, which is not empty.
func (g *Gate) next() *Ticket {
	t := g.queue.head
	g.queue.remove(t)
	waited := time.Since(t.since)
	t.waited += waited
	g.report.LongestWait = max(g.report.LongestWait, waited)
	return t
}

// settle ends the paced release once no request waits.
func (g *Gate) settle() {
	if g.pace != nil && g.queue.len == 0 {
		g.pace.stall.Stop()
		g.pace = nil
	}
}

// letGo starts the paced release of all requests that wait. The gate is open.
func (g *Gate) letGo() {
	if g.queue.len == 0 || g.pace != nil {
		return
	}
	p := &pace{window: paceStart}
	p.stall = time.AfterFunc(paceStall, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.pace == p {
			p.window = max(p.window, p.out) + paceStart
			g.advance()
		}
	})
	g.pace = p
	g.advance()
}

// turnAway ends the wait of all requests with err.
func (g *Gate) turnAway(err error) {
	n := g.queue.len
	for g.queue.len > 0 {
		g.next().verdict <- err
	}
	g.report.TimedOut += n
	g.metrics.TimedOut.Add(int64(n))
	if g.pace != nil {
		g.report.Held = max(g.report.Held-n, 0) // they were counted when the release began
	}
	g.settle()
}

// cut ends the requests that match with ErrCut and returns how many.
func (g *Gate) cut(match func(*Ticket) bool) int {
	n := 0
	for t := range g.inside {
		if match(t) {
			t.Cancel(ErrCut)
			n++
		}
	}
	g.metrics.Cut.Add(int64(n))
	return n
}
