package edge

import (
	"net/http"
	"strconv"
	"strings"
)

// HeldHeader is set on responses to requests that waited, in milliseconds.
const HeldHeader = "X-Sluice-Held"

// robotsHeader keeps search engines away from environments that are not for the public.
const (
	robotsHeader = "X-Robots-Tag"
	noRobots     = "noindex, nofollow"
)

// Respond makes an application's header what the visitor gets: without internal fields,
// with what the environment and its route say.
func (t *transaction) Respond(status int, h http.Header) {
	if status == http.StatusSwitchingProtocols || isEventStream(h) {
		t.Outlast()
	}
	delete(h, "Server")
	delete(h, HeldHeader)
	for name := range h {
		if strings.HasPrefix(name, "X-Accel-") {
			delete(h, name)
		}
	}
	t.markHeld(h)
	t.route.mark(h, t.secure)
}

// mark sets what every response of a route carries, also one from the cache or one that
// the router made itself.
func (r *route) mark(h http.Header, secure bool) {
	if secure {
		r.hsts(h)
	}
	if r.env.protection.Load().restrictsRobots() {
		h.Set(robotsHeader, noRobots)
	}
}

func isEventStream(h http.Header) bool {
	const kind = "text/event-stream"
	ct := h.Get("Content-Type")
	return len(ct) >= len(kind) && strings.EqualFold(ct[:len(kind)], kind)
}

// markHeld says how long the request waited.
func (t *transaction) markHeld(h http.Header) {
	if t.Waited() > 0 {
		h.Set(HeldHeader, strconv.FormatInt(t.Waited().Milliseconds(), 10))
	}
}
