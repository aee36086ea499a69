package gate

import (
	"time"

	"sluice/internal/platform"
)

// Status is what a gate does right now.
type Status struct {
	State      State
	Message    string // for people, while it is closed
	Activity   string // that holds; "" when none does
	Deadline   time.Time
	OnDeadline platform.OnDeadline
	Waiting    int                 // requests that wait
	InFlight   int                 // requests under way that a drain waits for
	LongLived  int                 // upgraded connections and event streams
	LastHold   platform.HoldReport // of the present or the last hold, up to date
}

// Status returns what the gate does.
func (g *Gate) Status() Status {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := Status{
		State: g.state, Message: g.message, Waiting: g.queue.len,
		InFlight: g.busy, LongLived: len(g.inside) - g.busy, LastHold: g.report,
	}
	if h := g.hold; h != nil {
		s.Activity, s.Deadline, s.OnDeadline = h.activity, h.deadline, h.onDeadline
	}
	return s
}

// State returns whether the gate is open, held or closed.
func (g *Gate) State() State {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.state
}

// Serving returns the release, nil before the first publication.
func (g *Gate) Serving() Release {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.release
}

// CountCached notes a request that a cache spared a wait.
func (g *Gate) CountCached() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.state == Held {
		g.report.Cached++
	}
}
