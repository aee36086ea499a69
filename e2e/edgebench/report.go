package main

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// median returns the middle one by the given figure.
func median[T cmp.Ordered](samples []sample, figure func(sample) T) T {
	values := make([]T, 0, len(samples))
	for _, s := range samples {
		values = append(values, figure(s))
	}
	slices.Sort(values)
	return values[len(values)/2]
}

func rateOf(s sample) float64      { return s.rate }
func p50Of(s sample) time.Duration { return s.p50 }
func p99Of(s sample) time.Duration { return s.p99 }
func cpuOfOne(s sample) time.Duration {
	return s.cpu
}

// table prints one scenario. Ratios are those of medians, ours divided by theirs: above 1
// we answer more requests.
func (l *lab) table(s scenario, all []*series) {
	all = slices.DeleteFunc(all, func(ser *series) bool { return len(ser.samples) == 0 }) // all its rounds were void
	ours := 0.0
	for _, ser := range all {
		if ser.peer.name == "sluice" {
			ours = median(ser.samples, rateOf)
		}
	}
	l.printf("\n%-16s %12s %8s %9s %9s %12s\n", s.name, "requests/s", "ratio", "p50 ms", "p99 ms", "cpu us/req")
	for _, ser := range all {
		rate := median(ser.samples, rateOf)
		l.printf("%-16s %12.0f %8.2f %9.2f %9.2f %12.1f\n", ser.peer.name, rate, ours/rate,
			millis(median(ser.samples, p50Of)), millis(median(ser.samples, p99Of)),
			float64(median(ser.samples, cpuOfOne).Nanoseconds())/1e3)
	}
	if !s.cached {
		l.goals(all, ours)
	}
}

// http2Share is the goal for HTTP/2: of our own rate over HTTP/1.1 with TLS.
const http2Share = 0.9

// http2Goal compares ours with our own HTTP/1.1.
func (l *lab) http2Goal(s scenario, all [][]*series) {
	if !s.http2 {
		return
	}
	rate := func(name string) float64 {
		for i, other := range scenarios() {
			for _, ser := range all[i] {
				if other.name == name && ser.peer.name == "sluice" && len(ser.samples) > 0 {
					return median(ser.samples, rateOf)
				}
			}
		}
		return 0
	}
	ours, before := rate(s.name), rate(strings.Replace(s.name, "HTTP/2", "TLS", 1))
	if ours == 0 || before == 0 {
		return
	}
	l.printf("  goal %.1f x our own HTTP/1.1: %.2f, %s\n", http2Share, ours/before, met(ours >= http2Share*before))
}

// goals compares with the best of the peers in Go.
func (l *lab) goals(all []*series, ours float64) {
	var best, slowest, own *series
	for _, ser := range all {
		switch {
		case ser.peer.name == "sluice":
			own = ser
		case !ser.peer.goes || ser.peer.name == "sluice+log":
		default:
			if best == nil || median(ser.samples, rateOf) > median(best.samples, rateOf) {
				best = ser
			}
			if slowest == nil || median(ser.samples, p99Of) < median(slowest.samples, p99Of) {
				slowest = ser
			}
		}
	}
	if best == nil || own == nil {
		return
	}
	ratio := ours / median(best.samples, rateOf)
	l.printf("  goal 1.5 x the best in Go (%s): %.2f, %s\n", best.peer.name, ratio, met(ratio >= 1.5))
	p99, limit := median(own.samples, p99Of), median(slowest.samples, p99Of)
	l.printf("  goal p99 no worse than any in Go (%s): %.2f of %.2f ms, %s\n", slowest.peer.name, millis(p99), millis(limit), met(p99 <= limit))
}

func met(ok bool) string {
	if ok {
		return "met"
	}
	return "not met"
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1e3 }
