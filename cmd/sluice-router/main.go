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

	"sluice/internal/edge"
	"sluice/internal/edge/edgectl"

	"golang.org/x/sync/errgroup"
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
		d.log.InfoContext(ctx, "shutting down", slog.Any("cause", context.Cause(ctx)))
		return d.shutdown(context.WithoutCancel(ctx))
	})
	_, _ = fmt.Fprintf(ready, "sluice-router ready listen=%s control=%s\n", sites.Addr(), d.cfg.control)
	return group.Wait()
}

var errGraceOver = errors.New("the grace for shutting down is over")

// lastAnswers is how long answers may take that are being written when the grace ends.
const lastAnswers = 2 * time.Second

// shutdown stops accepting, lets requests finish for the grace and turns away who still
// waits when it ends. The control socket stays open meanwhile, so that a hold can be
// released, and answers what it was asked.
func (d *daemon) shutdown(ctx context.Context) error {
	d.router.HangUp()
	if !finish(ctx, d.sites, d.cfg.grace) {
		d.router.Discharge()
		if !finish(ctx, d.sites, lastAnswers) {
			d.log.WarnContext(ctx, "requests cut by the end of the process")
		}
	}
	finish(ctx, d.control, lastAnswers) // a hold that still drains does not stop the end
	return errors.Join(d.sites.Close(), d.control.Close())
}

// finish stops a server from accepting and reports whether it answered everything within
// the limit.
func finish(ctx context.Context, srv *http.Server, limit time.Duration) bool {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errGraceOver)
	defer cancel()
	return srv.Shutdown(ctx) == nil
}

// served turns the end of a server that was shut down into success.
func served(what string, err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve %s: %w", what, err)
}
