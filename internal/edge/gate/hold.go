package gate

import (
	"cmp"
	"context"
	"time"

	"sluice/internal/platform"
)

// cutGrace is how long a drain waits for cut requests to end.
const cutGrace = time.Second

// Hold is why a gate is held, and until when.
type Hold struct {
	activity   string
	wait       time.Duration // from its beginning to its deadline
	deadline   time.Time
	limit      int // requests that may wait at once
	onDeadline platform.OnDeadline
	brief      bool // see Gate.HoldBriefly
	timer      *time.Timer
	ended      chan struct{} // closed when the hold is over or another activity took it
}

// BeginHold makes new requests wait. The same activity keeps its deadline; another one
// takes over the requests that wait. A closed gate stays closed: maintenance ends by Publish or Resume
// only. It returns the hold to drain for, nil when the gate is closed.
func (g *Gate) BeginHold(h platform.Hold) *Hold {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.activity != h.Activity {
		g.withdraw(nil) // another activity makes a release of its own
		g.activity = h.Activity
	}
	if g.state == Closed && g.release != nil {
		return nil
	}
	wait := cmp.Or(h.MaxWait, platform.DefaultHoldWait)
	next := &Hold{
		activity:   h.Activity,
		wait:       wait,
		deadline:   time.Now().Add(wait),
		limit:      cmp.Or(h.MaxRequests, platform.DefaultHoldRequests),
		onDeadline: cmp.Or(h.OnDeadline, platform.ReleaseOld),
	}
	if g.hold != nil {
		if g.hold.activity == h.Activity {
			return g.hold
		}
		if g.hold.onDeadline == platform.Maintain {
			next.onDeadline = platform.Maintain // data may have been changed already
		}
		g.endHold()
	}
	g.report = platform.HoldReport{StartedAt: time.Now()}
	g.uncounted = true
	g.arm(next)
	return next
}

// arm puts the gate under the hold and starts its deadline. Requests that a paced release
// has not admitted yet keep waiting.
func (g *Gate) arm(h *Hold) {
	if g.pace != nil {
		g.pace.stall.Stop()
		g.pace = nil
	}
	g.lapsed = nil
	h.ended = make(chan struct{})
	g.hold, g.state = h, Held
	h.timer = time.AfterFunc(time.Until(h.deadline), func() { g.expire(h) })
}

// expire acts on a deadline that has passed with the hold still on.
func (g *Gate) expire(h *Hold) {
	g.mu.Lock()
	if g.hold != h {
		g.mu.Unlock()
		return
	}
	g.overdue()
	g.mu.Unlock()
	g.changed()
}

// overdue does what the hold says about its deadline.
func (g *Gate) overdue() {
	if h := g.hold; h.onDeadline == platform.ReleaseOld && g.release != nil {
		g.open()
		if !h.brief {
			g.lapsed = h
		}
	} else {
		g.shut("")
	}
	g.metrics.Expired.Add(1)
}

// HoldBriefly makes new requests wait until EndBriefHold, for limit at most; those under way go on.
// It does nothing unless the gate is open: a hold and maintenance stay what they are. The
// next process does not know of it.
func (g *Gate) HoldBriefly(activity string, limit time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.state != Open || g.lapsed != nil {
		return
	}
	g.report = platform.HoldReport{StartedAt: time.Now()}
	g.uncounted = true
	g.arm(&Hold{
		activity: activity, wait: limit, deadline: time.Now().Add(limit), limit: platform.DefaultHoldRequests,
		onDeadline: platform.ReleaseOld, brief: true,
	})
}

// EndBriefHold ends the brief hold of an activity.
func (g *Gate) EndBriefHold(activity string) platform.HoldReport {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.hold == nil || !g.hold.brief || g.hold.activity != activity {
		return platform.HoldReport{}
	}
	g.open()
	return g.collect()
}

// Drain waits until the requests from before the hold are answered, and cuts what is left
// after the timeout. It ends early when the hold or ctx does; the hold itself does not
// depend on ctx.
func (g *Gate) Drain(ctx context.Context, h *Hold, timeout time.Duration) (platform.HoldReport, error) {
	start := time.Now()
	idle, ended := g.drained(h)
	limit := time.NewTimer(cmp.Or(timeout, platform.DefaultDrain))
	defer limit.Stop()
	select {
	case <-idle:
	case <-ended:
	case <-ctx.Done():
		return g.Status().LastHold, context.Cause(ctx)
	case <-limit.C:
		g.cutBusy(h)
		grace := time.NewTimer(cutGrace)
		defer grace.Stop()
		select {
		case <-idle:
		case <-ended:
		case <-grace.C:
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.hold == h {
		g.report.Drain = max(g.report.Drain, time.Since(start))
	}
	return g.report, nil
}

// drained returns channels that are closed when no ordinary request is under way, and
// when the hold is over. The second is nil without a hold.
func (g *Gate) drained(h *Hold) (idle, ended <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if h != nil {
		ended = h.ended
	}
	if g.busy == 0 {
		done := make(chan struct{})
		close(done)
		return done, ended
	}
	if g.idle == nil {
		g.idle = make(chan struct{})
	}
	return g.idle, ended
}

// cutBusy cuts what the drain of h still waits for.
func (g *Gate) cutBusy(h *Hold) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.hold != h || g.state == Open {
		return
	}
	g.report.Cut += g.cut(func(t *Ticket) bool { return !t.long })
}

// Commit makes the deadline end in maintenance. When it has passed already, and the old
// release serves, the gate is held once more: no visitor may meet the old release on data
// that is being changed. It returns the hold to drain for then, nil otherwise. Upgraded
// connections and event streams of the old release, for which no drain waits, are cut.
func (g *Gate) Commit() *Hold {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.hold != nil {
		g.hold.onDeadline = platform.Maintain
		g.cutLongLived(g.release)
		return nil
	}
	if g.lapsed == nil {
		return nil
	}
	again := *g.lapsed
	again.deadline, again.onDeadline = time.Now().Add(again.wait), platform.Maintain
	g.report.ReleasedAt = time.Time{}
	g.arm(&again)
	g.cutLongLived(g.release)
	return &again
}

// cutLongLived cuts upgraded connections and event streams of a release, which may be nil.
func (g *Gate) cutLongLived(rel Release) {
	if rel == nil {
		return
	}
	of := rel.Connections()
	g.report.LongLived += g.cut(func(t *Ticket) bool { return t.long && t.release.Connections() == of })
}

// Publish opens the gate to rel. swap is called under the lock, so that no request finds
// the new routes with the old release or the other way round.
func (g *Gate) Publish(rel Release, swap func()) platform.HoldReport {
	g.mu.Lock()
	defer g.mu.Unlock()
	old := g.release
	if rel != old && !rel.Adopt(old) && old != nil {
		old.Connections().Retire()
		g.cutLongLived(old)
	}
	g.withdraw(rel)
	g.release = rel
	swap()
	g.open()
	return g.collect()
}

// Resume opens the gate to the release from before. Without one it closes.
func (g *Gate) Resume() platform.HoldReport {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.release == nil {
		g.shut("")
	} else {
		g.open()
	}
	return g.collect()
}

// Close answers everything with the maintenance page. Long-lived connections are cut,
// requests under way may finish.
func (g *Gate) Close(message string) platform.HoldReport {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut(message)
	g.report.LongLived += g.cut(func(t *Ticket) bool { return t.long })
	return g.collect()
}

// open ends a hold or maintenance and releases the requests that wait.
func (g *Gate) open() {
	g.endHold()
	g.lapsed = nil
	g.withdraw(g.release)
	g.state, g.message = Open, ""
	if g.queue.len > 0 && g.pace == nil {
		g.report.Held += g.queue.len
		g.report.LongestWait = max(g.report.LongestWait, time.Since(g.queue.head.since))
	}
	g.letGo()
}

// shut ends a hold and turns away the requests that wait.
func (g *Gate) shut(message string) {
	g.endHold()
	g.lapsed = nil
	g.withdraw(nil)
	g.turnAway(ErrMaintenance)
	g.state, g.message = Closed, message
}

func (g *Gate) endHold() {
	if g.hold == nil {
		return
	}
	g.hold.timer.Stop()
	close(g.hold.ended)
	g.hold = nil
	g.report.ReleasedAt = time.Now()
}

// collect hands out the report of a hold once, also of one that its deadline ended.
func (g *Gate) collect() platform.HoldReport {
	if !g.uncounted {
		return platform.HoldReport{}
	}
	g.uncounted = false
	return g.report
}

// Discharge is for the end of the process: requests that wait are turned away, long-lived
// connections are cut, and the state stays what it is for the next start.
func (g *Gate) Discharge() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.leaving = true
	g.turnAway(ErrMaintenance)
	g.cut(func(t *Ticket) bool { return t.long })
}

// HangUp cuts long-lived connections.
func (g *Gate) HangUp() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.cut(func(t *Ticket) bool { return t.long })
}
