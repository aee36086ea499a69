package manifest

import "fmt"

// The most entries that the maps and lists of one project may have. They are far above what
// projects have, and keep what a push costs the installation in bounds: containers, locations
// of nginx, routes and expressions that the router tries for a request.
const (
	maxApplications  = 100
	maxServices      = 100
	maxWorkers       = 50 // of an application
	maxRelationships = 200
	maxMounts        = 200
	maxCrons         = 200
	maxVariables     = 1_000 // of a prefix
	maxLocations     = 200
	maxRules         = 200 // of a location
	maxSchemas       = 200
	maxRoutes        = 1_000
	maxPatterns      = 200    // redirects with "regexp: true", each counted where it is written
	maxRedirects     = 10_000 // of all routes, repeated by aliases or not
	maxExpression    = 2_000  // bytes of a regular expression; some take 700 times that when compiled
	maxPathBytes     = 500    // of a directory in the repository or a volume
	maxItems         = 1_000  // of any other list or map whose keys are free
)

// most limits the entries of a map or the items of a list.
func (s *shape) most(n int) *shape {
	s.limit = n
	return s
}

// size is the number of entries or items.
func (n *node) size() int { return len(n.entries) + len(n.items) }

// bounded reports a map or a list with too many entries, and leaves out those that are too
// many, so that no check takes long over what is refused anyway.
func (c *checker) bounded(n *node, limit int, path string) {
	if limit == 0 || n.size() <= limit {
		return
	}
	c.fail(n.pos, "too-many-entries", fmt.Sprintf("%s has %d entries, more than %d", orThis(path), n.size(), limit), "", "")
	n.entries, n.items = n.entries[:min(limit, len(n.entries))], n.items[:min(limit, len(n.items))]
}

// anotherPattern counts a redirect with an expression. It reports the first one that is too
// many, and says whether this one may be looked at.
func (c *checker) anotherPattern(pos Position) bool {
	c.patterns++
	if c.patterns == maxPatterns+1 {
		c.fail(pos, "too-many-patterns", fmt.Sprintf("the project has more than %d redirects with \"regexp: true\"", maxPatterns),
			"the router tries them one after the other", "write redirects of single paths without regexp, or let the application redirect")
	}
	return c.patterns <= maxPatterns
}

// redirects bounds what aliases make of the redirects: every route has its own.
func (p *parser) redirects(m *Manifest) {
	n := 0
	for _, r := range m.Routes {
		if n += len(r.Redirects); n > maxRedirects {
			p.check.fail(r.Pos, "too-many-redirects", fmt.Sprintf("the routes have more than %d redirects", maxRedirects), "an alias counts as often as it is used", "let the application redirect")
			return
		}
	}
}
