package edge

import (
	"context"

	"sluice/internal/platform"
)

// Offer makes a release known that has started and does not serve yet: requests that
// bypass the hold or maintenance go to it. It ends with the hold; publishing the same
// release keeps its connections. It is no error and does nothing for an environment that
// is open, and returns CodeInvalid for routes that lead nowhere.
func (r *Router) Offer(ctx context.Context, p platform.Publication) error {
	done, err := r.change(ctx)
	if err != nil {
		return err
	}
	defer done()
	if p.Environment == "" {
		return platform.Errorf(platform.CodeInvalid, "an offer needs an environment")
	}
	g := r.gate(p.Environment)
	rel, err := r.newRelease(g, p)
	if err == nil {
		err = rel.check()
	}
	if err != nil {
		return err
	}
	g.offer(rel)
	return r.save()
}

func (g *gate) offer(rel *release) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.state == Open {
		return
	}
	if rel.samePool(g.candidate) {
		rel.pool = g.candidate.pool
		g.candidate = rel
		return
	}
	g.withdraw(nil)
	g.candidate = rel
}

// withdraw ends an offer. Requests to it are cut, unless next serves from the same
// containers: then it takes over the connections.
func (g *gate) withdraw(next *release) {
	rel := g.candidate
	if rel == nil {
		return
	}
	g.candidate = nil
	if next != nil && next.samePool(rel) {
		next.pool = rel.pool
		return
	}
	rel.pool.retire()
	g.report.Cut += g.cut(func(v *visit) bool { return v.release.pool == rel.pool })
}

// forOperators returns where a request goes that bypasses the gate: to the offered
// release or, in maintenance, to the one that served last. Nil when it has to wait.
func (g *gate) forOperators() *release {
	switch {
	case g.candidate != nil:
		return g.candidate
	case g.state == Closed:
		return g.release
	}
	return nil
}
