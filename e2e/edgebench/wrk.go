package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// sample is one measurement.
type sample struct {
	rate     float64 // requests answered a second
	p50, p99 time.Duration
	cpu      time.Duration // of the proxy, a request
}

var (
	errFailedRequests = errors.New("requests failed")
	errNoFigures      = errors.New("wrk got no answer in time")
)

// wrk puts load on a URL.
func wrk(ctx context.Context, url, host string, conns int, d time.Duration) (sample, int, error) {
	seconds := strconv.Itoa(max(int(d/time.Second), 1)) + "s"
	args := []string{"-t", "2", "-c", strconv.Itoa(conns), "-d", seconds, "--latency", "--timeout", "10s", "-H", "Host: " + host, url}
	out, err := exec.CommandContext(ctx, "wrk", args...).CombinedOutput() //nolint:gosec // our own arguments
	if err != nil {
		return sample{}, 0, fmt.Errorf("wrk: %w\n%s", err, out)
	}
	return parseWrk(string(out))
}

// parseWrk reads wrk's report and returns how many requests were answered. Requests that
// failed make the measurement void: errFailedRequests.
func parseWrk(out string) (sample, int, error) {
	var s sample
	count := 0
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		switch {
		case len(f) == 2 && f[0] == "50%":
			s.p50 = parseTime(f[1])
		case len(f) == 2 && f[0] == "99%":
			s.p99 = parseTime(f[1])
		case len(f) > 2 && f[1] == "requests" && f[2] == "in":
			count, _ = strconv.Atoi(f[0])
		case strings.HasPrefix(line, "Requests/sec:"):
			s.rate, _ = strconv.ParseFloat(f[1], 64)
		case strings.Contains(line, "Socket errors:"), strings.Contains(line, "Non-2xx"):
			return s, count, fmt.Errorf("%w: %s", errFailedRequests, strings.TrimSpace(line))
		}
	}
	if count == 0 || s.rate == 0 {
		return s, count, errNoFigures
	}
	return s, count, nil
}

var timePattern = regexp.MustCompile(`^([0-9.]+)(us|ms|s|m)$`)

// parseTime reads wrk's "1.23ms"; anything else is 0.
func parseTime(s string) time.Duration {
	m := timePattern.FindStringSubmatch(s)
	if m == nil {
		return 0
	}
	d, err := time.ParseDuration(m[1] + m[2])
	if err != nil {
		return 0
	}
	return d
}
