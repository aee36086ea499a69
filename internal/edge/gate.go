package edge

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
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

// Why a request was not answered by a backend.
var (
	errFull        = errors.New("too many requests wait")
	errMaintenance = errors.New("the environment is in maintenance")
	errCut         = errors.New("cut by a deployment")
	errLeft        = errors.New("the client left while it waited")
	errFinished    = errors.New("the request is answered")
)

// gate decides for each request of one environment: pass, wait or turn away.
type gate struct {
	id      platform.EnvironmentID
	metrics *metrics
	changed func() // called without the lock after the gate changed by itself

	protection atomic.Pointer[protection] // nil while nothing was configured

	mu        sync.Mutex
	state     State
	release   *release // nil before the first publication
	hold      *hold    // exactly while state is Held
	lapsed    *hold    // whose deadline opened the gate, while its activity goes on
	activity  string   // that asked for a hold last, also while Closed
	candidate *release // offered to operators; nil while there is none, and while Open
	message   string   // for people, while state is Closed
	leaving   bool     // the process ends: nobody waits any more
	queue     queue    // who waits; while Open, who waits for a paced release
	pace      *pace    // exactly while Open and queue is not empty
	inside    map[*visit]struct{}
	busy      int           // of inside, those that a drain waits for
	idle      chan struct{} // closed when busy falls to 0; nil when nobody drains

	report    platform.HoldReport // of the present or the last hold
	uncounted bool                // report was not handed out since its hold began
}

func newGate(id platform.EnvironmentID, m *metrics, changed func()) *gate {
	return &gate{id: id, metrics: m, changed: changed, state: Closed, inside: map[*visit]struct{}{}}
}

// admit lets the visit in, at once or after it waited, or says why not. The visit is
// counted as under way from the moment of the decision; finish must follow.
func (g *gate) admit(ctx context.Context, v *visit) error {
	g.mu.Lock()
	switch {
	case g.state == Open:
		g.enter(v, g.release)
		g.mu.Unlock()
		return nil
	case g.forOperators() != nil && v.operator():
		g.enter(v, g.forOperators())
		g.report.Bypassed++
		g.mu.Unlock()
		g.metrics.bypassed.Add(1)
		return nil
	case g.state == Closed || g.leaving:
		g.mu.Unlock()
		return errMaintenance
	case g.queue.len >= g.hold.limit:
		g.report.Refused++
		g.mu.Unlock()
		g.metrics.refused.Add(1)
		return errFull
	}
	v.since = time.Now()
	v.verdict = make(chan error, 1)
	g.queue.push(v)
	g.mu.Unlock()
	g.metrics.held.Add(1)
	return g.wait(ctx, v)
}

// wait returns the verdict, or errLeft when the client went away first.
func (g *gate) wait(ctx context.Context, v *visit) error {
	gone, stop := v.watchClient(ctx)
	defer stop()
	for {
		select {
		case err := <-v.verdict:
			if err == nil && v.clientGone(ctx) {
				g.lose(v)
				return errLeft
			}
			if err == nil {
				g.metrics.waits.observe(time.Since(v.since))
			}
			return err
		case <-ctx.Done():
		case <-gone:
			if !v.clientGone(ctx) {
				continue
			}
		}
		g.leave(v)
		return errLeft
	}
}

// leave takes back a visit whose client went away, whether or not it was let in meanwhile.
func (g *gate) leave(v *visit) {
	g.mu.Lock()
	if v.queued {
		g.takeBack(v)
		g.mu.Unlock()
		return
	}
	g.mu.Unlock()
	if <-v.verdict != nil {
		return // turned away, and counted so
	}
	g.lose(v)
}

// lose ends a visit that was let in and whose client has left.
func (g *gate) lose(v *visit) {
	v.cancel(errLeft)
	g.finish(v)
	g.countLeft(v)
}

// takeBack takes a visit whose client went away out of the queue. The caller holds the
// lock, so that nobody finds the place free and the visit not counted.
func (g *gate) takeBack(v *visit) {
	g.queue.remove(v)
	g.settle()
	g.countLeftLocked(v)
}

// countLeft corrects the report: a visit counts as held from the release on.
func (g *gate) countLeft(v *visit) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.countLeftLocked(v)
}

func (g *gate) countLeftLocked(v *visit) {
	g.metrics.left.Add(1)
	g.report.Left++
	released := !g.report.ReleasedAt.IsZero() && !v.since.After(g.report.ReleasedAt)
	if released && g.report.Held > 0 {
		g.report.Held--
	}
}

// enter counts the visit as under way to rel. The caller holds the lock.
func (g *gate) enter(v *visit, rel *release) {
	v.release = rel
	v.long = false
	g.inside[v] = struct{}{}
	g.busy++
}

// finish takes the visit out again. It may be called more than once.
func (g *gate) finish(v *visit) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, in := g.inside[v]; !in {
		return
	}
	delete(g.inside, v)
	g.answer(v, 0)
	if !v.long {
		g.unbusy()
	}
}

// answered notes that a backend began to answer: the next waiting request may go.
func (g *gate) answered(v *visit, status int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.answer(v, status)
}

// outlast marks the visit as one that no drain waits for.
func (g *gate) outlast(v *visit) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, in := g.inside[v]; in && !v.long {
		v.long = true
		g.unbusy()
	}
}

func (g *gate) unbusy() {
	g.busy--
	if g.busy == 0 && g.idle != nil {
		close(g.idle)
		g.idle = nil
	}
}

// answer gives the visit's place in a paced release to the next one.
func (g *gate) answer(v *visit, status int) {
	p := v.paced
	if p == nil {
		return
	}
	v.paced = nil
	if status == 0 && v.cause() != nil { // its client left, or it was cut: that says nothing of the backend
		p.out--
	} else {
		p.answered(status)
	}
	if p == g.pace {
		g.advance()
	}
}

// advance lets go as many waiting visits as the pace allows.
func (g *gate) advance() {
	for g.pace != nil && g.queue.len > 0 && g.pace.out < g.pace.window {
		v := g.queue.head
		g.queue.remove(v)
		g.pace.out++
		v.paced = g.pace
		waited := time.Since(v.since)
		v.waited += waited
		g.report.LongestWait = max(g.report.LongestWait, waited)
		g.enter(v, g.release)
		v.verdict <- nil
	}
	if g.pace != nil {
		g.pace.stall.Reset(paceStall)
	}
	g.settle()
}

// settle ends the paced release once nobody waits.
func (g *gate) settle() {
	if g.pace != nil && g.queue.len == 0 {
		g.pace.stall.Stop()
		g.pace = nil
	}
}

// letGo starts the paced release of everybody who waits. The gate is open.
func (g *gate) letGo() {
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

// turnAway answers everybody who waits with err.
func (g *gate) turnAway(err error) {
	n := g.queue.len
	for g.queue.len > 0 {
		v := g.queue.head
		g.queue.remove(v)
		waited := time.Since(v.since)
		v.waited += waited
		g.report.LongestWait = max(g.report.LongestWait, waited)
		v.verdict <- err
	}
	g.report.TimedOut += n
	g.metrics.timedOut.Add(int64(n))
	if g.pace != nil {
		g.report.Held = max(g.report.Held-n, 0) // they were counted when the release began
	}
	g.settle()
}

// cut ends visits with errCut and returns how many. Only those for which which is true.
func (g *gate) cut(which func(*visit) bool) int {
	n := 0
	for v := range g.inside {
		if which(v) {
			v.cancel(errCut)
			n++
		}
	}
	g.metrics.cut.Add(int64(n))
	return n
}
