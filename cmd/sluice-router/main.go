// Command sluice-router is the data plane of Sluice: it serves the sites of all
// environments and holds their requests while a release is switched. It is told what to
// do over its control socket and keeps working when nobody tells it anything.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"sluice/internal/edge"
	"sluice/internal/edge/edgectl"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "sluice-router:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends and requests under way are answered or the grace is over.
func run(ctx context.Context, args []string, stderr io.Writer) error {
	cfg, err := parseConfig(args, stderr)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewJSONHandler(stderr, nil))
	router, err := edge.New(edge.Options{
		StatePath: cfg.state, Logger: log, HealthPath: cfg.health, TrustedProxies: cfg.trusted,
	})
	if err != nil {
		return err
	}
	handler, closeLog, err := withAccessLog(router, cfg.accessLog)
	if err != nil {
		return err
	}
	d := &daemon{
		cfg: cfg, log: log, router: router,
		sites:   edge.NewServer(handler, log),
		control: edgectl.NewServer(router, log).HTTPServer(),
	}
	return errors.Join(d.serve(ctx, stderr), closeLog())
}

// withAccessLog wraps the router when a path is given.
func withAccessLog(router http.Handler, path string) (http.Handler, func() error, error) {
	if path == "" {
		return router, func() error { return nil }, nil
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640) //nolint:gosec // log readers are in the group
	if err != nil {
		return nil, nil, fmt.Errorf("open access log: %w", err)
	}
	l := edge.NewAccessLog(f)
	return l.Wrap(router), func() error { return errors.Join(l.Close(), f.Close()) }, nil
}

// daemon is the two servers of one process.
type daemon struct {
	cfg     config
	log     *slog.Logger
	router  *edge.Router
	sites   *http.Server
	control *http.Server
}

// serve opens the control socket before the sites' port, so that a second router on the
// same machine fails before it takes a request.
func (d *daemon) serve(ctx context.Context, ready io.Writer) error {
	control, err := edgectl.Listen(ctx, d.cfg.control)
	if err != nil {
		return err
	}
	sites, err := (&net.ListenConfig{}).Listen(ctx, "tcp", d.cfg.listen)
	if err != nil {
		return errors.Join(fmt.Errorf("listen for sites: %w", err), control.Close())
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return served("control socket", d.control.Serve(control)) })
	group.Go(func() error { return served("sites", d.sites.Serve(sites)) })
	group.Go(func() error {
		<-ctx.Done()
		d.log.Info("shutting down", slog.Any("cause", context.Cause(ctx)))
		return d.shutdown(context.WithoutCancel(ctx))
	})
	fmt.Fprintf(ready, "sluice-router ready listen=%s control=%s\n", sites.Addr(), d.cfg.control)
	return group.Wait()
}

var errGraceOver = errors.New("the grace for shutting down is over")

// shutdown stops accepting, lets requests finish for the grace and turns away who still
// waits when it ends. The control socket stays open so that a hold can be released.
func (d *daemon) shutdown(ctx context.Context) error {
	d.router.HangUp()
	limited, cancel := context.WithTimeoutCause(ctx, d.cfg.grace, errGraceOver)
	defer cancel()
	err := d.sites.Shutdown(limited)
	if err != nil {
		d.router.Discharge()
		last, cancel := context.WithTimeoutCause(ctx, time.Second, errGraceOver)
		defer cancel()
		if d.sites.Shutdown(last) != nil {
			d.log.Warn("requests cut by the end of the process")
		}
	}
	return errors.Join(d.sites.Close(), d.control.Close())
}

// served turns the end of a server that was shut down into success.
func served(what string, err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve %s: %w", what, err)
}
