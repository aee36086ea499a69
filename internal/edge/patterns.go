package edge

import (
	"log/slog"
	"net/http"

	"sluice/internal/edge/pattern"
	"sluice/internal/platform"
)

// Limits of the regular expressions of one environment, in redirects and cache rules
// together.
const (
	maxPatterns     = 2000
	maxBacktracking = 200 // of them, those that a path can make slow
)

// addPatterns has it logged when one of the expressions is switched off.
func (rel *release) addPatterns(log *slog.Logger, list []*pattern.Pattern) {
	rel.patterns = append(rel.patterns, list...)
	for _, p := range list {
		p.OnSwitchedOff(func() {
			log.Warn("regular expression switched off: it was too slow too often",
				slog.String("environment", string(rel.publication.Environment)), slog.String("pattern", p.String()))
		})
	}
}

// check returns CodeInvalid for what newRelease accepts and a publication may not have.
// A release that comes back from the state file is not checked: an earlier version
// accepted it, and its site has to be served.
func (rel *release) check() error {
	if err := rel.checkHosts(); err != nil {
		return err
	}
	return rel.checkPatterns()
}

// checkPatterns returns CodeInvalid for too many expressions.
func (rel *release) checkPatterns() error {
	slow := 0
	for _, p := range rel.patterns {
		if p.Backtracks() {
			slow++
		}
	}
	const hint = "replace patterns by exact or prefix redirects, or join several into one"
	switch {
	case len(rel.patterns) > maxPatterns:
		return platform.Errorf(platform.CodeInvalid, "the routes have %d regular expressions; the limit is %d", len(rel.patterns), maxPatterns).WithHint(hint)
	case slow > maxBacktracking:
		return platform.Errorf(platform.CodeInvalid, "the routes have %d regular expressions with lookaround or backreferences; the limit is %d", slow, maxBacktracking).WithHint(hint)
	}
	return nil
}

// switchedOff returns the expressions that are not tried any more.
func (rel *release) switchedOff() []string {
	var list []string
	for _, p := range rel.patterns {
		if p.SwitchedOff() {
			list = append(list, p.String())
		}
	}
	return list
}

// budgeted returns the request with a budget for the route's regular expressions.
func (r *route) budgeted(req *http.Request) *http.Request {
	if !r.hasPatterns() {
		return req
	}
	return req.WithContext(pattern.WithBudget(req.Context()))
}

func (r *route) hasPatterns() bool {
	return len(r.cached.Patterns()) > 0 || r.redirects != nil && len(r.redirects.patterns) > 0
}
