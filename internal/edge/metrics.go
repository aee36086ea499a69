package edge

import (
	"fmt"
	"io"
	"strings"
)

// WriteMetrics writes the router's figures in the text format of Prometheus.
func (r *Router) WriteMetrics(w io.Writer) error {
	var b strings.Builder
	m := &r.gates
	metric := func(kind, name, help string, value int64) {
		fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s %s\n%s %d\n", name, help, name, kind, name, value)
	}
	metric("counter", "sluice_router_held_requests_total", "Requests that waited at a held environment.", m.Held.Load())
	metric("counter", "sluice_router_refused_requests_total", "Requests answered 503 at once because too many waited.", m.Refused.Load())
	metric("counter", "sluice_router_timed_out_requests_total", "Waiting requests answered 503 at the end of a hold.", m.TimedOut.Load())
	metric("counter", "sluice_router_left_requests_total", "Waiting requests whose client left.", m.Left.Load())
	metric("counter", "sluice_router_cut_requests_total", "Requests cut by a drain limit, a release or maintenance.", m.Cut.Load())
	metric("counter", "sluice_router_expired_holds_total", "Holds that met their deadline.", m.Expired.Load())
	metric("counter", "sluice_router_bypassed_requests_total", "Requests of operators let through a hold or maintenance.", m.Bypassed.Load())
	metric("counter", "sluice_router_denied_requests_total", "Requests kept out by HTTP access control.", r.denied.Load())
	r.writeGauges(&b)
	r.writeCache(&b)
	m.Waits.Write(&b, "sluice_router_hold_wait_seconds")
	_, err := io.WriteString(w, b.String())
	return err
}

// writeCache writes what the HTTP cache does for all environments together.
func (r *Router) writeCache(b *strings.Builder) {
	s := r.cache.Stats()
	const answers = "sluice_router_cache_answers_total"
	fmt.Fprintf(b, "# HELP %s Requests on cached routes by what the cache did.\n# TYPE %s counter\n", answers, answers)
	for _, o := range []struct {
		result string
		n      int64
	}{
		{"hit", s.Hits}, {"stale", s.Stale}, {"held_stale", s.HeldStale}, {"revalidated", s.Revalidated}, {"miss", s.Misses}, {"bypass", s.Bypassed},
	} {
		fmt.Fprintf(b, "%s{result=%q} %d\n", answers, o.result, o.n)
	}
	for _, g := range []struct {
		kind, name, help string
		n                int64
	}{
		{"gauge", "sluice_router_cache_entries", "Answers in the cache.", s.Entries},
		{"gauge", "sluice_router_cache_memory_bytes", "Memory that the cache takes.", s.Memory},
		{"gauge", "sluice_router_cache_disk_bytes", "Disk that the cache takes.", s.Disk},
		{"counter", "sluice_router_cache_evictions_total", "Answers that memory had no room for.", s.Evicted},
	} {
		fmt.Fprintf(b, "# HELP %s %s\n# TYPE %s %s\n%s %d\n", g.name, g.help, g.name, g.kind, g.name, g.n)
	}
}

func (r *Router) writeGauges(b *strings.Builder) {
	gauges := []struct {
		name, help string
		value      func(Status) int
	}{
		{"sluice_router_waiting_requests", "Requests that wait now.", func(s Status) int { return s.Waiting }},
		{"sluice_router_in_flight_requests", "Requests under way now, long-lived ones not counted.", func(s Status) int { return s.InFlight }},
		{"sluice_router_long_lived_connections", "Upgraded connections and event streams now.", func(s Status) int { return s.LongLived }},
	}
	all := r.Statuses()
	for _, g := range gauges {
		fmt.Fprintf(b, "# HELP %s %s\n# TYPE %s gauge\n", g.name, g.help, g.name)
		for _, s := range all {
			fmt.Fprintf(b, "%s{environment=%q,state=%q} %d\n", g.name, s.Environment, s.State, g.value(s))
		}
	}
}
