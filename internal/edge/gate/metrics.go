package gate

import (
	"fmt"
	"strings"
	"sync/atomic"
	"time"
)

// Metrics counts what gates do. All gates of a router share one.
type Metrics struct {
	Held, Refused, TimedOut, Left, Cut, Expired, Bypassed atomic.Int64

	Waits Histogram // of released requests
}

// Histogram counts waits by upper bound.
type Histogram struct {
	counts [11]atomic.Int64 // one more than there are bounds: the last is for longer waits
	nanos  atomic.Int64
}

func waitBounds() [10]time.Duration {
	const ms, s = time.Millisecond, time.Second
	return [...]time.Duration{100 * ms, 500 * ms, s, 2 * s, 5 * s, 10 * s, 30 * s, 60 * s, 120 * s, 300 * s}
}

func (h *Histogram) observe(d time.Duration) {
	bounds := waitBounds()
	i := 0
	for i < len(bounds) && d > bounds[i] {
		i++
	}
	h.counts[i].Add(1)
	h.nanos.Add(int64(d))
}

// Count returns how many waits were counted.
func (h *Histogram) Count() int64 {
	var total int64
	for i := range h.counts {
		total += h.counts[i].Load()
	}
	return total
}

// Write writes the histogram in the text format of Prometheus.
func (h *Histogram) Write(b *strings.Builder, name string) {
	fmt.Fprintf(b, "# HELP %s How long released requests waited.\n# TYPE %s histogram\n", name, name)
	var total int64
	bounds := waitBounds()
	for i, bound := range bounds {
		total += h.counts[i].Load()
		fmt.Fprintf(b, "%s_bucket{le=\"%g\"} %d\n", name, bound.Seconds(), total)
	}
	total += h.counts[len(bounds)].Load()
	fmt.Fprintf(b, "%s_bucket{le=\"+Inf\"} %d\n%s_sum %g\n%s_count %d\n",
		name, total, name, time.Duration(h.nanos.Load()).Seconds(), name, total)
}
