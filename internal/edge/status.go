package edge

import (
	"time"

	"sluice/internal/edge/gate"
	"sluice/internal/platform"
)

// State says what a gate does with a request.
type State = gate.State

// The states of a gate. A closed gate answers the maintenance page.
const (
	Open   = gate.Open
	Held   = gate.Held
	Closed = gate.Closed
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
	e := r.known(env)
	if e == nil {
		return Status{}, errUnknown(env)
	}
	return e.status(), nil
}

// Statuses returns the status of every environment, sorted.
func (r *Router) Statuses() []Status {
	list := r.list()
	all := make([]Status, 0, len(list))
	for _, e := range list {
		all = append(all, e.status())
	}
	return all
}

func (e *environment) status() Status {
	g := e.Status()
	s := Status{
		Environment: e.id, State: g.State, Message: g.Message, Activity: g.Activity, Deadline: g.Deadline, OnDeadline: g.OnDeadline,
		Waiting: g.Waiting, InFlight: g.InFlight, LongLived: g.LongLived, LastHold: g.LastHold,
	}
	if rel := e.serving(); rel != nil {
		s.Release, s.SwitchedOff = rel.publication.Release, rel.switchedOff()
	}
	return s
}
