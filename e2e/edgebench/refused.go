package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"time"
)

// A visitor who comes when as many wait as may is to be answered at once (issue 4, point 1).
const (
	maxRefusal = 5 * time.Millisecond
	refusedN   = 2_000 // one after the other: what is measured is the answer, not a queue for it
)

var errNotRefused = errors.New("a request over the limit was not answered 503 with Retry-After")

// refusals are how long the answers to visitors took for whom there was no place.
type refusals struct{ kept, fresh []time.Duration }

// refuse asks while the router holds as many requests as it may: on connections that are
// kept, and on a new one for each request.
func refuse(ctx context.Context, addr string) (r refusals, err error) {
	if r.kept, err = refuseOn(ctx, addr, refusedN, 1); err != nil {
		return r, err
	}
	r.fresh, err = refuseOn(ctx, addr, 1, refusedN)
	return r, err
}

// refuseOn asks some times on each of some connections, and returns the times, sorted.
func refuseOn(ctx context.Context, addr string, requests, conns int) ([]time.Duration, error) {
	times := make([]time.Duration, 0, requests*conns)
	for range conns {
		start := time.Now()
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		if err != nil {
			return times, err
		}
		in := bufio.NewReader(c)
		for range requests {
			if err := refusedOnce(c, in); err != nil {
				_ = c.Close()
				return times, err
			}
			times = append(times, time.Since(start))
			start = time.Now()
		}
		_ = c.Close()
	}
	slices.Sort(times)
	return times, nil
}

func refusedOnce(c net.Conn, in *bufio.Reader) error {
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(c, visit); err != nil {
		return err
	}
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		return fmt.Errorf("%w: %d", errNotRefused, resp.StatusCode)
	}
	return nil
}

// table prints the refusals while n waited.
func (r refusals) table(l *lab, n int) {
	for _, c := range []struct {
		name  string
		times []time.Duration
	}{{"kept", r.kept}, {"new", r.fresh}} {
		p50, p99 := c.times[len(c.times)/2], c.times[len(c.times)*99/100]
		l.printf("  %d refused while %d wait, %s connection: p50 %.2f ms, p99 %.2f ms, longest %.2f ms; goal p99 under %s: %s\n",
			len(c.times), n, c.name, millis(p50), millis(p99), millis(c.times[len(c.times)-1]), maxRefusal, met(p99 < maxRefusal))
	}
}
