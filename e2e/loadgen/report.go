package loadgen

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Report is what all clients saw together.
type Report struct {
	Took  time.Duration // from the first request to the end of the last
	Gets  Count
	Posts Count // Posts.Answered is how many orders there must be

	// Failures are the first failures with their details; Gets and Posts count all.
	Failures []Answer

	ByRelease map[string]int // successful answers by the release that gave them
	Latency   Latency        // of successful requests, time in a hold included
	Held      int            // answers that the router had held
	// LongestWait is the longest of them, as the router says.
	LongestWait time.Duration
}

// Count says how requests of one method ended.
type Count struct {
	Answered int // with 2xx, read to the end
	Failed   int
}

// Latency is the distribution of the time from sending a request to its answer's end.
type Latency struct {
	P50, P90, P99, Max time.Duration
}

// Failed returns how many requests failed.
func (r Report) Failed() int { return r.Gets.Failed + r.Posts.Failed }

// String is a few lines for a person: what a test logs and a benchmark prints.
func (r Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "GET  %d answered, %d failed\n", r.Gets.Answered, r.Gets.Failed)
	fmt.Fprintf(&b, "POST %d answered, %d failed\n", r.Posts.Answered, r.Posts.Failed)
	for _, release := range slices.Sorted(maps.Keys(r.ByRelease)) {
		fmt.Fprintf(&b, "release %q answered %d\n", release, r.ByRelease[release])
	}
	fmt.Fprintf(&b, "held %d, longest %s\n", r.Held, r.LongestWait)
	l := r.Latency
	fmt.Fprintf(&b, "latency p50 %s, p90 %s, p99 %s, max %s\n", round(l.P50), round(l.P90), round(l.P99), round(l.Max))
	for _, f := range r.Failures {
		fmt.Fprintf(&b, "failed: %s %s at %s after %s: %v\n",
			f.Method, f.Reference, f.At.Format(time.TimeOnly), round(f.Took), f.Err)
	}
	return b.String()
}

func round(d time.Duration) time.Duration { return d.Round(100 * time.Microsecond) }

// tally gathers answers. Safe for concurrent use.
type tally struct {
	observe     func(Answer)
	maxFailures int

	mu     sync.Mutex
	seen   Report
	delays []time.Duration
}

func newTally(opts Options) *tally {
	observe := opts.Observe
	if observe == nil {
		observe = func(Answer) {}
	}
	return &tally{observe: observe, maxFailures: opts.MaxFailures, seen: Report{ByRelease: map[string]int{}}}
}

func (t *tally) add(a Answer) {
	t.observe(a)
	t.mu.Lock()
	defer t.mu.Unlock()
	count := &t.seen.Gets
	if a.Method == http.MethodPost {
		count = &t.seen.Posts
	}
	if a.Held > 0 {
		t.seen.Held++
		t.seen.LongestWait = max(t.seen.LongestWait, a.Held)
	}
	if a.Err != nil {
		count.Failed++
		if len(t.seen.Failures) < t.maxFailures {
			t.seen.Failures = append(t.seen.Failures, a)
		}
		return
	}
	count.Answered++
	t.seen.ByRelease[a.Release]++
	t.delays = append(t.delays, a.Took)
}

// report is to be called once, when no client is left.
func (t *tally) report(took time.Duration) Report {
	r := t.seen
	r.Took = took
	slices.Sort(t.delays)
	r.Latency = Latency{
		P50: percentile(t.delays, 50), P90: percentile(t.delays, 90),
		P99: percentile(t.delays, 99), Max: percentile(t.delays, 100),
	}
	return r
}

// percentile is the smallest value that p percent of the sorted values do not exceed.
func percentile(sorted []time.Duration, p int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max(0, (len(sorted)*p+99)/100-1)]
}
