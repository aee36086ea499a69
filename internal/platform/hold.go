package platform

import "time"

// OnDeadline says what the router does by itself when a hold's deadline passes
// before it was released.
type OnDeadline string

// ReleaseOld sends waiting requests to the backends from before the hold: right while
// nothing has touched data. Maintain returns 503 with the maintenance page until the
// control plane speaks: right once the deploy hook has begun.
const (
	ReleaseOld OnDeadline = "release-old"
	Maintain   OnDeadline = "maintain"
)

// Hold asks the router to make an environment's requests wait.
type Hold struct {
	Environment  EnvironmentID
	Activity     string        // the one that holds; a later hold by another activity takes over the waiters
	MaxWait      time.Duration // from now to the deadline; 0 means DefaultHoldWait
	MaxRequests  int           // waiting at once; 0 means DefaultHoldRequests
	DrainTimeout time.Duration // how long in-flight requests may finish; 0 means DefaultDrain
	OnDeadline   OnDeadline
}

// Limits of a hold for which none are set.
const (
	DefaultHoldWait     = 300 * time.Second
	DefaultHoldRequests = 10_000
	DefaultDrain        = 15 * time.Second
)

// HoldReport is what a hold cost the visitors.
type HoldReport struct {
	StartedAt   time.Time
	ReleasedAt  time.Time     // zero while held
	Held        int           // requests that waited and were then served by a backend
	TimedOut    int           // requests that got the maintenance page after waiting: at the deadline, or because the environment was closed
	Refused     int           // requests over the limit, which got 503 at once
	Left        int           // clients that disconnected while they waited
	Cut         int           // in-flight requests cut at the end of the drain
	LongLived   int           // upgraded connections and event streams cut; their clients connect again
	Bypassed    int           // requests of operators and of the warm-up before the release, which were let through
	Cached      int           // requests served from the cache, which did not have to wait
	LongestWait time.Duration // of one request
	Drain       time.Duration // until in-flight requests were done

	// Of requests that waited and were then served by a backend, once they are answered in full:
	FirstAnswer   time.Duration // from the hold's beginning until the first of them was; 0 while none is
	SlowestAnswer time.Duration // of one of them, its wait included
}

// Duration returns how long requests were held, or 0 if the hold is not over.
func (r HoldReport) Duration() time.Duration {
	if r.StartedAt.IsZero() || r.ReleasedAt.IsZero() {
		return 0
	}
	return r.ReleasedAt.Sub(r.StartedAt)
}

// Publication tells the router where an environment's requests go from now on.
type Publication struct {
	Environment EnvironmentID
	Project     string // whose uploaded certificates are shown for the routes' hosts
	Subnet      string // CIDR of the environment's containers, which may empty its cache; "" for none
	Release     string
	Routes      []Route
	Backends    map[string][]string // application name -> "host:port", at least one each

	// MaintenancePage is the project's own page for visitors who can neither be served nor
	// wait, HTML of at most MaxMaintenancePage bytes; empty for the router's.
	MaintenancePage string
}

// MaxMaintenancePage bounds Publication.MaintenancePage, in bytes.
const MaxMaintenancePage = 64 << 10
