package gate

// Offer makes a release known that has started and does not serve yet: requests of
// operators go to it. It does nothing while the gate is open.
func (g *Gate) Offer(rel Release) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.state == Open {
		return
	}
	if g.candidate == nil || !rel.Adopt(g.candidate) {
		g.withdraw(nil)
	}
	g.candidate = rel
}

// withdraw ends an offer. Requests to it are cut, unless next, which may be nil, serves
// from the same containers: then it takes over the connections.
func (g *Gate) withdraw(next Release) {
	rel := g.candidate
	if rel == nil {
		return
	}
	g.candidate = nil
	if next != nil && next.Adopt(rel) {
		return
	}
	gone := rel.Connections()
	gone.Retire()
	g.report.Cut += g.cut(func(t *Ticket) bool { return t.release.Connections() == gone })
}

// forOperators returns where a request goes that bypasses the gate: to the offered
// release or, in maintenance, to the one that served last. Nil when it has to wait.
func (g *Gate) forOperators() Release {
	switch {
	case g.candidate != nil:
		return g.candidate
	case g.state == Closed:
		return g.release
	}
	return nil
}
