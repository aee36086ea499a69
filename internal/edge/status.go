package edge

import (
	"time"

	"sluice/internal/platform"
)

// Status is what the router does for one environment right now.
type Status struct {
	Environment platform.EnvironmentID `json:"environment"`
	State       State                  `json:"state"`
	Release     string                 `json:"release,omitempty"`  // published last; "" before the first
	Message     string                 `json:"message,omitempty"`  // on the maintenance page
	Activity    string                 `json:"activity,omitempty"` // who holds
	Deadline    time.Time              `json:"deadline,omitzero"`  // of the hold
	OnDeadline  platform.OnDeadline    `json:"on_deadline,omitempty"`
	Waiting     int                    `json:"waiting"`    // requests that wait
	InFlight    int                    `json:"in_flight"`  // requests under way that a drain waits for
	LongLived   int                    `json:"long_lived"` // upgraded connections and event streams
	LastHold    platform.HoldReport    `json:"last_hold"`  // of the present or the last hold, up to date

	// SwitchedOff is the regular expressions of the release that were too slow too often:
	// they match nothing any more.
	SwitchedOff []string `json:"switched_off,omitempty"`
}

// Status returns the status of one environment, or CodeNotFound.
func (r *Router) Status(env platform.EnvironmentID) (Status, error) {
	g := r.known(env)
	if g == nil {
		return Status{}, errUnknown(env)
	}
	return g.status(), nil
}

// Statuses returns the status of every environment, sorted.
func (r *Router) Statuses() []Status {
	gates := r.list()
	all := make([]Status, 0, len(gates))
	for _, g := range gates {
		all = append(all, g.status())
	}
	return all
}

func (g *gate) status() Status {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := Status{
		Environment: g.id, State: g.state, Message: g.message,
		Waiting: g.queue.len, InFlight: g.busy, LongLived: len(g.inside) - g.busy,
		LastHold: g.report,
	}
	if g.release != nil {
		s.Release = g.release.publication.Release
		s.SwitchedOff = g.release.switchedOff()
	}
	if h := g.hold; h != nil {
		s.Activity, s.Deadline, s.OnDeadline = h.activity, h.deadline, h.onDeadline
	}
	return s
}
