package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// scenario is one kind of request.
type scenario struct {
	name   string
	path   string
	secure bool
	cached bool
	http2  bool
}

func scenarios() []scenario {
	return []scenario{
		{name: "plain 1 KiB", path: "/1k"},
		{name: "plain 100 KiB", path: "/100k"},
		{name: "TLS 1 KiB", path: "/1k", secure: true},
		{name: "TLS 100 KiB", path: "/100k", secure: true},
		{name: "cached 1 KiB", path: "/cached/1k", cached: true},
		{name: "cached 100 KiB", path: "/cached/100k", cached: true},
		{name: "cached TLS 1 KiB", path: "/cached/1k", cached: true, secure: true},
		{name: "cached TLS 100 KiB", path: "/cached/100k", cached: true, secure: true},
		{name: "HTTP/2 1 KiB", path: "/1k", secure: true, http2: true},
		{name: "HTTP/2 100 KiB", path: "/100k", secure: true, http2: true},
		{name: "cached HTTP/2 1 KiB", path: "/cached/1k", cached: true, secure: true, http2: true},
		{name: "cached HTTP/2 100 KiB", path: "/cached/100k", cached: true, secure: true, http2: true},
	}
}

// measures reports whether the scenario makes sense for the peer.
func (s scenario) measures(p *peer) bool {
	return (!s.secure || p.secure != "") && (!s.cached || p.caches) && (!s.http2 || p.http2)
}

// series is the measurements of one peer in one scenario.
type series struct {
	peer    *peer
	samples []sample
}

// preamble says what the figures are of.
func (l *lab) preamble(ctx context.Context) {
	load, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		load = []byte("unknown")
	}
	l.printf("Router: %s, %d processors, load %s", time.Now().UTC().Format("2006-01-02 15:04 MST"), runtime.NumCPU(), load)
	for _, version := range [][]string{{"nginx", "-v"}, {"caddy", "version"}, {"haproxy", "-v"}} {
		out, err := exec.CommandContext(ctx, version[0], version[1:]...).CombinedOutput() //nolint:gosec // from the list above
		if err != nil {
			continue
		}
		first, _, _ := strings.Cut(string(out), "\n")
		l.printf("  %s: %s\n", version[0], first)
	}
	l.printf("  %d connections kept alive, %d rounds of %s a case; medians\n", l.conns, l.rounds, l.duration)
}

// compare measures every scenario of every peer and prints one table for each scenario.
func (l *lab) compare(ctx context.Context) error {
	if _, err := exec.LookPath("wrk"); err != nil {
		return fmt.Errorf("wrk makes the load and is missing: apt-get install wrk: %w", err)
	}
	peers, stop, err := l.startAll(ctx)
	defer stop()
	if err != nil {
		return err
	}
	l.withoutHTTP2(peers)
	all := l.plan(peers)
	for round := range l.rounds {
		for i, s := range scenarios() {
			for _, ser := range all[i] {
				if err := l.measure(ctx, s, ser, round == 0); err != nil {
					if ctx.Err() != nil {
						return err
					}
					l.printf("void: round %d of %s through %s: %v\n", round+1, s.name, ser.peer.name, err)
				}
			}
		}
	}
	for i, s := range scenarios() {
		if len(all[i]) > 0 {
			l.table(s, all[i])
			l.http2Goal(s, all)
		}
	}
	return nil
}

// withoutHTTP2 leaves HTTP/2 out where h2load is not installed.
func (l *lab) withoutHTTP2(peers []*peer) {
	if _, err := exec.LookPath("h2load"); err == nil {
		return
	}
	l.printf("skipped: HTTP/2: h2load, which makes its load, is missing: apt-get install nghttp2-client\n")
	for _, p := range peers {
		p.http2 = false
	}
}

// load puts load on a URL in the scenario's protocol.
func (l *lab) load(ctx context.Context, s scenario, url string, d time.Duration) (sample, int, error) {
	if s.http2 {
		return h2load(ctx, l.dir, url, l.conns, d)
	}
	return wrk(ctx, url, siteHost, l.conns, d)
}

// plan returns what is measured, by scenario.
func (l *lab) plan(peers []*peer) [][]*series {
	list := scenarios()
	all := make([][]*series, len(list))
	for i, s := range list {
		if l.only != nil && !l.only.MatchString(s.name) {
			continue
		}
		for _, p := range peers {
			if s.measures(p) {
				all[i] = append(all[i], &series{peer: p})
			}
		}
	}
	return all
}

// profile records where the router spends its time while it is measured, with Linux's perf,
// which needs nothing of the router. It costs a little itself; the returned function waits
// for its end.
func (l *lab) profile(ctx context.Context, s scenario, p *process) (wait func()) {
	if l.profiles == "" {
		return func() {}
	}
	file := filepath.Join(l.profiles, strings.ReplaceAll(s.name, " ", "-")+".perf")
	cmd := exec.CommandContext(ctx, "perf", "record", "-q", "-F", "499", "-g", "-o", file, //nolint:gosec // our own arguments
		"-p", strconv.Itoa(p.cmd.Process.Pid), "--", "sleep", strconv.FormatFloat(l.duration.Seconds(), 'f', 1, 64))
	if err := cmd.Start(); err != nil {
		l.printf("no profile: %v\n", err)
		return func() {}
	}
	return func() {
		if err := cmd.Wait(); err != nil {
			l.printf("no profile of %s: %v\n", s.name, err)
		}
	}
}

// measure adds one sample. The first of a case comes after a short warm-up.
func (l *lab) measure(ctx context.Context, s scenario, ser *series, first bool) error {
	url := ser.peer.url(s.secure, s.path)
	if first {
		if _, _, err := l.load(ctx, s, url, time.Second); err != nil {
			return err
		}
	}
	time.Sleep(settle)
	if !first && ser.peer.name == "sluice" {
		defer l.profile(ctx, s, ser.peer.process)()
	}
	arrived, cpu := l.backend.requests.Load(), ser.peer.process.cpu()
	got, n, err := l.load(ctx, s, url, l.duration)
	if err != nil {
		return err
	}
	if missed := l.backend.requests.Load() - arrived; s.cached && missed > int64(n)/100 {
		return fmt.Errorf("%d of %d answers came from the backend, not from the cache", missed, n) //nolint:err113 // shown to people only
	}
	got.cpu = (ser.peer.process.cpu() - cpu) / time.Duration(n)
	ser.samples = append(ser.samples, got)
	return nil
}
