package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"sluice/internal/edge/edgectl"
	"sluice/internal/platform"
)

// Goals of the hold.
const (
	maxHeldBytes   = 10_000 // of the router's resident memory for a waiting request
	maxLastAnswer  = 500 * time.Millisecond
	lastAnswerOver = 5_000 // waiters
)

var errNotHeld = errors.New("not all requests wait")

// hold holds many requests at once and releases them, first as many as the goal for
// memory says, then as many as the goal for the last answer says.
func (l *lab) hold(ctx context.Context) error {
	l.printf("\n%-16s %12s %12s %8s %14s %12s\n", "held requests", "answered ok", "failed", "B each", "last answer ms", "cpu us/req")
	for _, c := range []struct {
		n    int
		wait time.Duration
	}{{l.held, l.heldFor}, {min(l.held, lastAnswerOver), time.Second}} {
		got, err := l.holdOnce(ctx, c.n, c.wait)
		if err != nil {
			return err
		}
		l.printf("%-16d %12d %12d %8d %14.0f %12.1f\n", c.n, got.ok, c.n-got.ok, got.bytes, millis(got.last), float64(got.cpu.Nanoseconds())/1e3)
		got.refused.table(l, c.n)
		if c.n == lastAnswerOver {
			l.printf("  goal last of %d within %s: %s\n", lastAnswerOver, maxLastAnswer, met(got.last <= maxLastAnswer))
			continue
		}
		l.printf("  goal no failure in %s: %s; goal at most %d B each: %s\n", c.wait, met(got.ok == c.n), maxHeldBytes, met(got.bytes <= maxHeldBytes))
	}
	return nil
}

// heldResult is what came of one hold.
type heldResult struct {
	ok    int
	bytes int64         // growth of the router's resident memory, a request
	last  time.Duration // from the release to the end of the last answer
	cpu   time.Duration // of the router from then on, a request

	refused refusals
}

func (l *lab) holdOnce(ctx context.Context, n int, wait time.Duration) (heldResult, error) {
	dir := filepath.Join(l.dir, fmt.Sprintf("held-%d-%d", n, time.Now().UnixNano()))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return heldResult{}, err
	}
	p, err := startSluice(ctx, l, dir)
	if err != nil {
		return heldResult{}, err
	}
	defer p.process.stop()
	ctl := edgectl.NewClient(filepath.Join(dir, "control.sock"))
	if _, err := ctl.Hold(ctx, platform.Hold{Environment: "bench", Activity: "a1", MaxRequests: n}); err != nil {
		return heldResult{}, err
	}
	before := p.process.resident()
	visitors, err := arrive(ctx, p.plain, n)
	defer visitors.leave()
	if err != nil {
		return heldResult{}, err
	}
	if err := allWait(ctx, ctl, n); err != nil {
		return heldResult{}, err
	}
	time.Sleep(wait)
	grown := p.process.resident() - before
	refused, err := refuse(ctx, p.plain)
	if err != nil {
		return heldResult{}, err
	}
	answered := visitors.read()
	start, cpu := time.Now(), p.process.cpu()
	if _, err := ctl.Publish(ctx, l.publication()); err != nil {
		return heldResult{}, err
	}
	times := <-answered
	last := time.Duration(0)
	if len(times) > 0 {
		last = slices.MaxFunc(times, time.Time.Compare).Sub(start)
	}
	return heldResult{ok: len(times), bytes: grown / int64(n), last: last, cpu: (p.process.cpu() - cpu) / time.Duration(n), refused: refused}, nil
}

// allWait returns when the router says that n requests wait.
func allWait(ctx context.Context, ctl *edgectl.Client, n int) error {
	waiting := 0
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		s, err := ctl.State(ctx, "bench")
		if err != nil {
			return err
		}
		if waiting = s.Waiting; waiting == n {
			return nil
		}
	}
	return fmt.Errorf("%w: %d of %d", errNotHeld, waiting, n)
}

// crowd is visitors that have sent a request each.
type crowd []net.Conn

// visit is a request of the size that a browser sends.
const visit = "GET /1k HTTP/1.1\r\nHost: " + siteHost + "\r\nAccept: text/html\r\nAccept-Encoding: gzip, deflate, br\r\n" +
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\nCookie: session=0123456789abcdef\r\n\r\n"

// arrive connects n visitors and sends their requests.
func arrive(ctx context.Context, addr string, n int) (crowd, error) {
	conns := make(crowd, 0, n)
	for range n {
		c, err := (&net.Dialer{Timeout: 10 * time.Second}).DialContext(ctx, "tcp", addr)
		if err != nil {
			return conns, err
		}
		conns = append(conns, c)
		if _, err := io.WriteString(c, visit); err != nil {
			return conns, err
		}
	}
	return conns, nil
}

func (c crowd) leave() {
	for _, conn := range c {
		_ = conn.Close()
	}
}

// read waits for all answers and tells when each good one had arrived whole.
func (c crowd) read() <-chan []time.Time {
	var (
		mu    sync.Mutex
		times []time.Time
		wg    sync.WaitGroup
	)
	for _, conn := range c {
		wg.Go(func() {
			_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
			resp, err := http.ReadResponse(bufio.NewReaderSize(conn, 512), nil)
			if err != nil {
				return
			}
			size, err := io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			if err != nil || resp.StatusCode != http.StatusOK || size != 1<<10 {
				return
			}
			mu.Lock()
			times = append(times, time.Now())
			mu.Unlock()
		})
	}
	all := make(chan []time.Time, 1)
	go func() { wg.Wait(); all <- times }()
	return all
}
