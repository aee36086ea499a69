// Command sluice-router is the data plane of Sluice: it serves the sites of all
// environments and holds their requests while a release is switched. It is configured
// over its control socket and keeps working without sluiced.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"sluice/internal/edge"
	"sluice/internal/edge/edgectl"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := withHeapFloor(func() error { return run(ctx, os.Args[1:], os.Stderr) })
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "sluice-router:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends, or another process has taken over, and requests under way are
// answered or the grace is over.
func run(ctx context.Context, args []string, stderr io.Writer) error {
	cfg, err := parseConfig(args, stderr)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewJSONHandler(stderr, nil))
	before, err := takeOver(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer before.abort() // unless this process serves by then
	router, err := edge.New(edge.Options{
		StatePath: cfg.state, State: before.state(), Logger: log, HealthPath: cfg.health, TrustedProxies: cfg.trusted,
		Cache: cfg.cache,
	})
	if err != nil {
		return err
	}
	d := &daemon{cfg: cfg, log: log, router: router, before: before, replaced: make(chan struct{})}
	if err := d.openTLS(ctx); err != nil {
		return err
	}
	defer d.tls.close()
	handler, closeLog, err := d.withAccessLog(ctx, d.tls.handler(router))
	if err != nil {
		return err
	}
	d.full = edge.NewServer(handler, log)
	d.sites = edge.NewFront(d.full, log)
	d.sites.Limit(cfg.limits)
	d.prepareControl()
	err = d.serve(ctx, stderr)
	router.Finish()
	return errors.Join(err, closeLog())
}

// prepareControl makes the control endpoint, which also hands the router over, and the one
// for metrics.
func (d *daemon) prepareControl() {
	server := edgectl.NewServer(d.router, d.log)
	server.FindPredecessors(d.cfg.control)
	server.OnHandover(d.handOver)
	d.tls.configure(d.full, server)
	d.control = server.HTTPServer()
	d.metrics = edgectl.MetricsServer(d.router, d.log)
}
