package main

import (
	"context"
	"log/slog"
	"time"

	"sluice/internal/httpapi"
	"sluice/internal/platform"
	"sluice/internal/store"
)

// shelf is the router's TLS side.
type shelf interface {
	SetCertificates(ctx context.Context, list []platform.Certificate) error
	Certificates(ctx context.Context) ([]platform.CertificateStatus, error)
}

// certificates keeps uploaded certificates in the store and the router's copy of them
// like it. The router may be away when they change; then it is told later.
type certificates struct {
	*store.Store
	router  shelf
	log     *slog.Logger
	changed chan struct{}
}

var _ httpapi.Certificates = (*certificates)(nil)

// Times between attempts to tell the router. It has a copy of its own, so telling it again
// mends only what was lost by hand.
const (
	tellAgain = 15 * time.Second
	tellAnew  = 10 * time.Minute
)

func newCertificates(s *store.Store, router shelf, log *slog.Logger) *certificates {
	return &certificates{Store: s, router: router, log: log, changed: make(chan struct{}, 1)}
}

// AddCertificate stores a certificate and tells the router at once if that answers.
func (c *certificates) AddCertificate(ctx context.Context, cert platform.Certificate) (platform.Certificate, error) {
	cert, err := c.Store.AddCertificate(ctx, cert)
	if err == nil {
		c.told(ctx)
	}
	return cert, err
}

// DeleteCertificate removes a certificate and tells the router at once if that answers.
func (c *certificates) DeleteCertificate(ctx context.Context, project, id string) error {
	err := c.Store.DeleteCertificate(ctx, project, id)
	if err == nil {
		c.told(ctx)
	}
	return err
}

// Shown asks the router. One without a TLS listener shows none.
func (c *certificates) Shown(ctx context.Context) ([]platform.CertificateStatus, error) {
	list, err := c.router.Certificates(ctx)
	if platform.ErrorCode(err) == platform.CodeNotFound {
		return nil, nil
	}
	return list, err
}

// told tells the router now, or lets Run do it soon.
func (c *certificates) told(ctx context.Context) {
	if err := c.tell(context.WithoutCancel(ctx)); err != nil {
		c.log.WarnContext(ctx, "the router was not told of the certificates; it will be", "error", err)
		select {
		case c.changed <- struct{}{}:
		default:
		}
	}
}

// tell makes the router's certificates those of the store.
func (c *certificates) tell(ctx context.Context) error {
	list, err := c.Certificates(ctx, "")
	if err != nil {
		return err
	}
	err = c.router.SetCertificates(ctx, list)
	if platform.ErrorCode(err) == platform.CodeNotFound { // no TLS listener: nobody to show them to
		return nil
	}
	return err
}

// Run keeps telling the router until ctx ends.
func (c *certificates) Run(ctx context.Context) error {
	wait := time.Duration(0)
	for {
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-c.changed:
			timer.Stop()
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
		wait = tellAnew
		if err := c.tell(ctx); err != nil && ctx.Err() == nil {
			c.log.DebugContext(ctx, "tell the router of the certificates", "error", err)
			wait = tellAgain
		}
	}
}
