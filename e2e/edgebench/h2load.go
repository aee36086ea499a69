package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// streams is how many requests an HTTP/2 connection carries at once. There are as many
// requests at once as there are connections over HTTP/1.1.
const streams = 8

// h2load puts load on a URL over HTTP/2.
func h2load(ctx context.Context, dir, url string, atOnce int, d time.Duration) (sample, int, error) {
	log := filepath.Join(dir, "h2load.log")
	_ = os.Remove(log) // it appends
	args := []string{
		"-t", "2", "-c", strconv.Itoa(max(2, atOnce/streams)), "-m", strconv.Itoa(streams),
		"-D", strconv.Itoa(max(1, int(d/time.Second))), "--log-file", log, url,
	}
	out, err := exec.CommandContext(ctx, "h2load", args...).CombinedOutput() //nolint:gosec // our own arguments
	if err != nil {
		return sample{}, 0, fmt.Errorf("h2load: %w\n%s", err, out)
	}
	s, n, err := parseH2load(string(out))
	if err != nil {
		return s, n, err
	}
	f, err := os.Open(log) //nolint:gosec // our own directory
	if err != nil {
		return s, n, err
	}
	defer func() { _ = f.Close() }()
	s.p50, s.p99, err = percentiles(f)
	return s, n, err
}

// parseH2load reads the report: the rate, and how many requests were answered 2xx. Any
// other makes the measurement void.
func parseH2load(out string) (sample, int, error) {
	var s sample
	count := 0
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		switch {
		case strings.HasPrefix(line, "finished in ") && len(f) > 3:
			s.rate, _ = strconv.ParseFloat(f[3], 64)
		case strings.HasPrefix(line, "requests: ") && len(f) > 13:
			count, _ = strconv.Atoi(f[7])
			if f[9] != "0" || f[11] != "0" || f[13] != "0" {
				return s, count, fmt.Errorf("%w: %s", errFailedRequests, strings.TrimSpace(line))
			}
		case strings.HasPrefix(line, "status codes: ") && len(f) > 8:
			if f[4] != "0" || f[6] != "0" || f[8] != "0" {
				return s, count, fmt.Errorf("%w: %s", errFailedRequests, strings.TrimSpace(line))
			}
		}
	}
	if count == 0 || s.rate == 0 {
		return s, count, errNoFigures
	}
	return s, count, nil
}

// percentiles reads the log: a line for each request with its start, status and time in
// microseconds.
func percentiles(r io.Reader) (p50, p99 time.Duration, err error) {
	var all []int64
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) != 3 {
			continue
		}
		if n, err := strconv.ParseInt(f[2], 10, 64); err == nil {
			all = append(all, n)
		}
	}
	if err := lines.Err(); err != nil || len(all) == 0 {
		return 0, 0, errNoFigures
	}
	slices.Sort(all)
	at := func(share int) time.Duration { return time.Duration(all[(len(all)-1)*share/100]) * time.Microsecond }
	return at(50), at(99), nil
}
