package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"sluice/internal/edge"
	"sluice/internal/edge/edgectl"
	"sluice/internal/edge/front"
)

// The names by which listeners are handed over to the next process.
const (
	controlSocket = "control"
	sitesSocket   = "sites"
	metricsSocket = "metrics"
)

// daemon is the servers of one process.
type daemon struct {
	cfg     config
	log     *slog.Logger
	router  *edge.Router
	sites   *front.Server
	full    *http.Server // behind sites
	control *http.Server
	metrics *http.Server
	tls     *tlsSide // nil without a TLS listener

	before    *inheritance            // from the process before; empty for the first
	listeners map[string]net.Listener // by name; set before anything is served
	socket    *edgectl.Socket         // of listeners, the control socket
	replaced  chan struct{}           // closed when another process serves in place of this one
}

// serve opens the control socket before the sites' port, so that a second router on the
// same machine fails before it takes a request.
func (d *daemon) serve(ctx context.Context, ready io.Writer) error {
	if err := d.listen(ctx); err != nil {
		return errors.Join(err, d.closeListeners())
	}
	d.tls.start(d.listeners)
	group, ctx := errgroup.WithContext(ctx)
	d.start(group, controlSocket, d.control.Serve)
	d.start(group, sitesSocket, d.sites.Serve)
	if d.tls != nil {
		d.start(group, tlsSocket, d.sites.ServeTLS)
	}
	if d.cfg.metrics != "" {
		d.start(group, metricsSocket, d.metrics.Serve)
	}
	group.Go(func() error {
		select {
		case <-ctx.Done():
			d.log.InfoContext(ctx, "shutting down", slog.Any("cause", context.Cause(ctx)))
		case <-d.replaced:
			d.retire(ctx)
		}
		return d.shutdown(context.WithoutCancel(ctx))
	})
	if err := d.before.confirm(); err != nil {
		d.log.WarnContext(ctx, "could not notify the previous router process that takeover is complete", slog.Any("error", err))
	}
	d.socket.Own()
	d.upgradeOnSignal(ctx)
	_, _ = fmt.Fprintf(ready, "sluice-router ready listen=%s control=%s%s\n", d.listeners[sitesSocket].Addr(), d.cfg.control, d.tls.ready(d.listeners))
	notifyManager()
	return group.Wait()
}

// listen opens every socket, or takes it from the process before.
func (d *daemon) listen(ctx context.Context) error {
	d.listeners = map[string]net.Listener{}
	if l := d.before.take(controlSocket); l != nil {
		d.socket = edgectl.Inherited(l, d.cfg.control)
	} else {
		socket, err := edgectl.Listen(ctx, d.cfg.control)
		if err != nil {
			return err
		}
		d.socket = socket
	}
	d.listeners[controlSocket] = d.socket
	if err := d.listenTCP(ctx, sitesSocket, d.cfg.listen); err != nil {
		return fmt.Errorf("listen for sites: %w", err)
	}
	if d.tls != nil {
		if err := d.listenTCP(ctx, tlsSocket, d.cfg.tls.listen); err != nil {
			return fmt.Errorf("listen for sites over TLS: %w", err)
		}
	}
	if d.cfg.metrics == "" {
		return nil
	}
	if err := d.listenTCP(ctx, metricsSocket, d.cfg.metrics); err != nil {
		return fmt.Errorf("listen for metrics: %w", err)
	}
	return nil
}

// listenTCP takes the named socket of the process before, unless the address has changed.
func (d *daemon) listenTCP(ctx context.Context, name, address string) error {
	if l := d.before.take(name); l != nil {
		if sameAddress(l.Addr(), address) {
			d.listeners[name] = l
			return nil
		}
		_ = l.Close() // a copy
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	d.listeners[name] = l
	return nil
}

// sameAddress reports whether a socket listens where the flag says; port 0 is any port.
func sameAddress(have net.Addr, want string) bool {
	addr, err := net.ResolveTCPAddr("tcp", want)
	tcp, ok := have.(*net.TCPAddr)
	if err != nil || !ok {
		return false
	}
	anyHost := len(addr.IP) == 0 || addr.IP.IsUnspecified()
	sameHost := addr.IP.Equal(tcp.IP) || (anyHost && (len(tcp.IP) == 0 || tcp.IP.IsUnspecified()))
	return sameHost && (addr.Port == 0 || addr.Port == tcp.Port)
}

func (d *daemon) closeListeners() error {
	var problems []error
	for _, l := range d.listeners {
		problems = append(problems, l.Close())
	}
	return errors.Join(problems...)
}

// start serves the named listener until its server is shut down or another process has it.
func (d *daemon) start(group *errgroup.Group, name string, serve func(net.Listener) error) {
	l := d.listeners[name]
	group.Go(func() error {
		err := serve(l)
		if errors.Is(err, http.ErrServerClosed) || (errors.Is(err, net.ErrClosed) && d.isReplaced()) {
			return nil
		}
		return fmt.Errorf("serve %s: %w", name, err)
	})
}

func (d *daemon) isReplaced() bool {
	select {
	case <-d.replaced:
		return true
	default:
		return false
	}
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
			d.log.WarnContext(ctx, "grace period expired; aborted in-flight requests")
		}
	}
	finish(ctx, d.control, lastAnswers) // a hold that still drains does not stop the end
	return errors.Join(d.sites.Close(), d.control.Close(), d.metrics.Close())
}

// stopper is a server that can stop accepting and answer the rest.
type stopper interface {
	Shutdown(ctx context.Context) error
}

// finish stops a server from accepting and reports whether it answered everything within
// the limit.
func finish(ctx context.Context, srv stopper, limit time.Duration) bool {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errGraceOver)
	defer cancel()
	return srv.Shutdown(ctx) == nil
}
