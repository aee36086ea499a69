package gate

import (
	"cmp"
	"time"

	"sluice/internal/platform"
)

// Saved is what a gate needs to come back as it was, but for its releases. Deadlines are
// absolute.
type Saved struct {
	State    State
	Message  string
	Activity string     // that asked for a hold last
	Hold     *SavedHold // with Open: its deadline has passed, its activity goes on
}

// SavedHold is a hold as the state file has it.
type SavedHold struct {
	Activity   string              `json:"activity"`
	StartedAt  time.Time           `json:"started_at"`
	Deadline   time.Time           `json:"deadline"`
	Wait       time.Duration       `json:"wait,omitempty"` // until a deadline that is set once more
	Limit      int                 `json:"limit"`
	OnDeadline platform.OnDeadline `json:"on_deadline"`
}

func (s *SavedHold) hold() *Hold {
	return &Hold{activity: s.Activity, wait: cmp.Or(s.Wait, s.Deadline.Sub(s.StartedAt)), deadline: s.Deadline, limit: s.Limit, onDeadline: s.OnDeadline}
}

// Record returns what Restore needs, and the releases that serve and are offered; nil for
// none.
func (g *Gate) Record() (s Saved, serving, offered Release) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s = Saved{State: g.state, Message: g.message, Activity: g.activity}
	if g.hold != nil && g.hold.brief {
		s.State = Open
		return s, g.release, g.candidate
	}
	if h := cmp.Or(g.hold, g.lapsed); h != nil {
		s.Hold = &SavedHold{
			Activity: h.activity, StartedAt: g.report.StartedAt, Deadline: h.deadline, Wait: h.wait,
			Limit: h.limit, OnDeadline: h.onDeadline,
		}
	}
	return s, g.release, g.candidate
}

// Restore brings a new gate into a state from before: a deadline that passed meanwhile is
// acted on before anybody comes in.
func (g *Gate) Restore(s Saved, serving, offered Release) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.release, g.candidate, g.message, g.activity = serving, offered, s.Message, s.Activity
	if s.Hold != nil {
		g.activity = s.Hold.Activity
		g.report.StartedAt, g.uncounted = s.Hold.StartedAt, true
	}
	switch {
	case s.State == Held && s.Hold != nil:
		g.arm(s.Hold.hold())
		if !time.Now().Before(s.Hold.Deadline) {
			g.overdue() // the next change saves it
		}
	case s.State == Open && serving != nil:
		g.state = Open
		if s.Hold != nil {
			g.lapsed = s.Hold.hold()
		}
	default:
		g.state = Closed
	}
}
