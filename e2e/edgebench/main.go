package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"
)

// options are the flags.
type options struct {
	router   string         // sluice-router's binary
	kamal    string         // kamal-proxy's binary, built by the operator; "" for none
	rounds   int            // measurements of each case, of which the median counts
	duration time.Duration  // of one measurement
	conns    int            // connections that the load generator keeps busy
	only     *regexp.Regexp // cases to run, by their name; nil for all
	profiles string         // directory for profiles of the router; "" for none
	held     int            // requests to hold; 0 for no such section
	heldFor  time.Duration
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "edgebench:", err)
		os.Exit(1)
	}
}

func parseOptions(args []string) (options, error) {
	var o options
	fs := flag.NewFlagSet("edgebench", flag.ContinueOnError)
	fs.StringVar(&o.router, "router", "bin/sluice-router", "`path` of sluice-router")
	fs.StringVar(&o.kamal, "kamal", "", "`path` of kamal-proxy, which has no Debian package")
	fs.IntVar(&o.rounds, "rounds", 3, "measurements of each case")
	fs.DurationVar(&o.duration, "duration", 3*time.Second, "length of one measurement, whole seconds; a proxy that was idle for a minute needs a part of one")
	fs.IntVar(&o.conns, "conns", 64, "connections kept busy")
	fs.IntVar(&o.held, "held", 10_000, "requests to hold at once; 0 skips it")
	fs.DurationVar(&o.heldFor, "held-for", 10*time.Second, "how long to hold them")
	fs.StringVar(&o.profiles, "profiles", "", "`directory` to write profiles of the router to (with perf; see perf report -i FILE)")
	fs.Func("only", "`pattern` of the cases to run", func(s string) (err error) {
		o.only, err = regexp.Compile(s)
		return err
	})
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	if o.duration < time.Second || o.rounds < 1 || o.conns < 2 {
		return o, errors.New("a measurement takes a second at least, of one round and two connections")
	}
	return o, nil
}

func run(ctx context.Context, args []string, out io.Writer) error {
	o, err := parseOptions(args)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "edgebench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	b, err := newBackend(ctx)
	if err != nil {
		return err
	}
	defer b.close()
	l := &lab{options: o, dir: dir, backend: b, out: out}
	l.preamble(ctx)
	if err := l.compare(ctx); err != nil {
		return err
	}
	if o.held > 0 {
		return l.hold(ctx)
	}
	return nil
}

// lab is what the sections of a run share.
type lab struct {
	options
	dir     string
	backend *backend
	out     io.Writer
}

func (l *lab) printf(format string, args ...any) { _, _ = fmt.Fprintf(l.out, format, args...) }
