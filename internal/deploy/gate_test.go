package deploy_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"sluice/internal/platform"
)

// fakeGate is a router in memory: where the visitors of one environment are.
type fakeGate struct {
	mu       sync.Mutex
	release  string // that visitors see
	held     bool
	closed   bool
	deadline platform.OnDeadline
	events   []string
	fail     map[string]error

	states   map[platform.EnvironmentID]string                // of each environment, as State says it; "" for none
	limits   platform.Hold                                    // of the last hold
	offered  string                                           // the release that operators see before the others
	offers   []string                                         // all that were ever offered
	page     string                                           // the last publication's maintenance page
	settings map[platform.EnvironmentID]platform.EdgeSettings // as configured last
	report   platform.HoldReport                              // of every hold, as Publish returns it
	later    platform.HoldReport                              // what LastHold says of it
}

func newFakeGate() *fakeGate {
	return &fakeGate{fail: map[string]error{}, settings: map[platform.EnvironmentID]platform.EdgeSettings{}, states: map[platform.EnvironmentID]string{}}
}

func (g *fakeGate) note(event string) error {
	g.events = append(g.events, event)
	verb, _, _ := strings.Cut(event, " ")
	return g.fail[verb]
}

// happened records something beside the router.
func (g *fakeGate) happened(event string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.events = append(g.events, event)
}

// State is what a visitor meets: "open r1", "held", "closed".
func (g *fakeGate) State() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.closed:
		return "closed"
	case g.held:
		return "held"
	default:
		return "open " + g.release
	}
}

// StateOf is what a visitor of one environment meets; "" where nothing is routed to it.
func (g *fakeGate) StateOf(env platform.EnvironmentID) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.states[env]
}

func (g *fakeGate) Hold(_ context.Context, h platform.Hold) (platform.HoldReport, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.note("hold"); err != nil {
		return platform.HoldReport{}, err
	}
	if g.limits.Activity != h.Activity {
		g.offered = ""
	}
	g.states[h.Environment] = "held"
	g.held, g.deadline, g.limits = true, h.OnDeadline, h
	return platform.HoldReport{}, nil
}

func (g *fakeGate) Commit(context.Context, platform.EnvironmentID) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.deadline = platform.Maintain
	return g.note("commit")
}

func (g *fakeGate) Publish(_ context.Context, p platform.Publication) (platform.HoldReport, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.note("publish " + p.Release); err != nil {
		return platform.HoldReport{}, err
	}
	if len(p.Backends["mymagento"]) == 0 {
		return platform.HoldReport{}, fmt.Errorf("release %s has no backend", p.Release)
	}
	if !strings.HasPrefix(string(p.Environment), p.Project+"-") || p.Project == "" {
		return platform.HoldReport{}, fmt.Errorf("%s of project %q would have no certificate", p.Environment, p.Project)
	}
	if _, configured := g.settings[p.Environment]; !configured {
		return platform.HoldReport{}, fmt.Errorf("release %s would be open to everybody", p.Release)
	}
	g.states[p.Environment] = "open " + p.Release
	g.release, g.held, g.closed, g.page, g.offered = p.Release, false, false, p.MaintenancePage, ""
	return g.report, nil
}

func (g *fakeGate) Close(_ context.Context, env platform.EnvironmentID, message string) (platform.HoldReport, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.states[env] = "closed: " + message
	g.held, g.closed, g.offered = false, true, ""
	return platform.HoldReport{}, g.note("close")
}

func (g *fakeGate) Offer(_ context.Context, p platform.Publication) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.offers = append(g.offers, p.Release)
	if g.held || g.closed {
		g.offered = p.Release
	}
	return g.fail["offer"]
}

func (g *fakeGate) Configure(_ context.Context, env platform.EnvironmentID, s platform.EdgeSettings) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.settings[env] = s
	return g.fail["configure"]
}

func (g *fakeGate) Bypass(_ context.Context, _ platform.EnvironmentID, life time.Duration) (string, time.Time, error) {
	return "/bypass?token=t", time.Unix(0, 0).Add(life), g.fail["bypass"]
}

func (g *fakeGate) LastHold(context.Context, platform.EnvironmentID) (platform.HoldReport, error) {
	return g.later, g.fail["last-hold"]
}

func (g *fakeGate) Forget(_ context.Context, env platform.EnvironmentID) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.states, env)
	g.release, g.held, g.closed, g.offered = "", false, false, ""
	return g.note("forget")
}
