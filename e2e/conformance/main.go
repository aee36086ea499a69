package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(1)
	}
}

// options are the programs that a run uses. An empty one skips its suite with a line that says so.
type options struct {
	router     string // the binary under test
	h2spec     string // the binary of h2spec
	cacheTests string // directory with the suite http-tests/cache-tests
	node       string // the program that runs it
}

var errUnexpected = errors.New("the results differ from the expected ones")

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var o options
	fs := flag.NewFlagSet("conformance", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&o.router, "router", "bin/sluice-router", "`path` of the router to test")
	fs.StringVar(&o.h2spec, "h2spec", "", "`path` of h2spec; empty skips it")
	fs.StringVar(&o.cacheTests, "cache-tests", "", "`directory` with a checkout of http-tests/cache-tests after npm install; empty skips it")
	fs.StringVar(&o.node, "node", "node", "`path` of Node.js, which runs cache-tests")
	if err := fs.Parse(args); err != nil {
		return err
	}
	want, err := expectations()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "sluice-conformance-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	r, err := startRouter(ctx, dir, o.router)
	if err != nil {
		return err
	}
	defer r.stop()

	same := true
	for _, s := range []struct {
		name, program string
		run           func(context.Context, *router, options) (outcome, error)
	}{
		{"h2spec", o.h2spec, runH2Spec},
		{"cache-tests", o.cacheTests, runCacheTests},
	} {
		if s.program == "" {
			_, _ = fmt.Fprintf(stdout, "%s: skipped; name it with -%s\n", s.name, s.name)
			continue
		}
		got, err := s.run(ctx, r, o)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		same = report(stdout, s.name, got, want[s.name]) && same
	}
	if !same {
		return errUnexpected
	}
	return nil
}
