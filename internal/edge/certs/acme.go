package certs

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3"

	"sluice/internal/platform"
)

const challengeProtocol = acmez.ACMETLS1Protocol

// isChallenge recognises an authority that checks who answers for a name (RFC 8737).
func isChallenge(hello *tls.ClientHelloInfo) bool {
	return len(hello.SupportedProtos) == 1 && hello.SupportedProtos[0] == challengeProtocol
}

// ACME says where certificates are ordered.
type ACME struct {
	Directory string         // URL of the authority's directory
	Email     string         // of the account; "" for none
	Roots     *x509.CertPool // who vouches for the directory; nil: whom the machine trusts
	// Patience is how long a first visitor waits for an order; 0 for 6 s.
	Patience time.Duration
	// RenewEvery is how often certificates are checked for renewal; 0 for the library's choice.
	RenewEvery time.Duration
	// RenewalWindow is the last part of a certificate's life in which it is renewed; 0 for
	// the library's choice, a third.
	RenewalWindow float64
	// LookupHost returns the addresses of a host; nil for the machine's resolver.
	LookupHost func(ctx context.Context, host string) ([]string, error)
}

// acme orders, keeps and renews certificates. What is valid stays in memory; the library
// renews it and staples what its authority says about revocation.
type acme struct {
	log       *slog.Logger
	directory string
	patience  time.Duration
	routes    Routes
	lookup    func(ctx context.Context, host string) ([]string, error)
	cache     *certmagic.Cache
	config    *certmagic.Config
	issuer    *certmagic.ACMEIssuer
	orders    *orders
	life      context.Context //nolint:containedctx // orders outlive the handshakes that ask for them
}

func newACME(life context.Context, options Options) *acme {
	opts, dir, log := *options.ACME, options.Dir, options.Logger
	a := &acme{
		log: log, directory: opts.Directory, life: life, patience: cmp.Or(opts.Patience, patience),
		routes: options.Routes, lookup: opts.LookupHost,
	}
	if a.lookup == nil {
		a.lookup = net.DefaultResolver.LookupHost
	}
	quiet := libraryLogger(log)
	a.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert:   func(certmagic.Certificate) (*certmagic.Config, error) { return a.config, nil },
		RenewCheckInterval: opts.RenewEvery,
		Logger:             quiet,
	})
	a.config = certmagic.New(a.cache, certmagic.Config{
		Storage: &certmagic.FileStorage{Path: dir}, Logger: quiet, RenewalWindowRatio: opts.RenewalWindow, OnEvent: a.event,
		DisableARI: opts.RenewalWindow != 0, // or the authority decides, whatever was asked for
	})
	a.issuer = certmagic.NewACMEIssuer(a.config, certmagic.ACMEIssuer{
		CA: opts.Directory, TestCA: opts.Directory, Email: opts.Email, Agreed: true, TrustedRoots: opts.Roots,
		Logger: quiet,
	})
	a.config.Issuers = []certmagic.Issuer{a.issuer}
	a.orders = newOrders(life, a, &orderLog{dir: dir, directory: opts.Directory, log: log})
	return a
}

func (a *acme) close() {
	a.orders.idle.Wait()
	a.cache.Stop()
}

// load takes the host's certificate from disk; one that has expired is none.
func (a *acme) load(ctx context.Context, host string) bool {
	c, err := a.config.CacheManagedCertificate(ctx, host)
	if err != nil {
		return false // none, or place says what is wrong with it
	}
	if time.Now().Before(c.Leaf.NotAfter) {
		return true
	}
	a.drop(host) // or place would leave it to the library, which looks every ten minutes
	return false
}

func (a *acme) owner(host string) string { return a.routes.Owner(host) }

// resolve returns an error for a host that DNS says has no address. Where DNS cannot be asked,
// the authority finds out.
func (a *acme) resolve(ctx context.Context, host string) error {
	_, err := a.lookup(ctx, host)
	if dns, ok := errors.AsType[*net.DNSError](err); ok && dns.IsNotFound {
		return fmt.Errorf("DNS has no address for %s; add a record that leads to this machine", host)
	}
	return nil
}

// place orders the host's certificate.
func (a *acme) place(ctx context.Context, host string) error {
	return a.config.ManageSync(ctx, []string{host})
}

func (a *acme) settled(host string, err error, next time.Time) {
	switch {
	case a.life.Err() != nil:
	case err != nil:
		a.log.WarnContext(a.life, "no certificate from the ACME authority; the local authority's is shown meanwhile",
			slog.String("host", host), slog.String("directory", a.directory), slog.Time("next_try", next), slog.Any("error", err))
	default:
		if c := a.cached(host); c != nil {
			a.log.InfoContext(a.life, "certificate in place", slog.String("host", host), slog.Time("expires", c.Leaf.NotAfter))
		}
	}
}

// event listens for what the library does by itself.
func (a *acme) event(ctx context.Context, event string, data map[string]any) error {
	host, _ := data["identifier"].(string)
	renewal, _ := data["renewal"].(bool)
	switch {
	case !renewal || host == "" || a.orders == nil:
	case event == "cert_failed":
		err, _ := data["error"].(error)
		a.orders.note(host, err)
		a.log.WarnContext(ctx, "certificate not renewed; the present one is shown as long as it is valid",
			slog.String("host", host), slog.String("directory", a.directory), slog.Any("error", err))
	case event == "cert_obtained":
		a.orders.renewed(host)
		a.log.InfoContext(ctx, "certificate renewed", slog.String("host", host))
	}
	return nil
}

// order places an order unless the host has a certificate.
func (a *acme) order(host string) (done <-chan struct{}, again bool) {
	if a.cached(host) != nil {
		return nil, false
	}
	return a.orders.want(a.life, host)
}

// await returns the host's certificate, waiting for a first order; nil when there is none.
func (a *acme) await(ctx context.Context, host string) *tls.Certificate {
	if c := a.cached(host); c != nil {
		return c
	}
	done, again := a.order(host)
	if done == nil || again {
		return nil
	}
	timer := time.NewTimer(a.patience)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	case <-ctx.Done():
	}
	return a.cached(host)
}

// cached returns the host's certificate if it is valid.
func (a *acme) cached(host string) *tls.Certificate {
	now := time.Now()
	var best *tls.Certificate
	for _, c := range a.cache.AllMatchingCertificates(host) {
		if now.Before(c.Leaf.NotAfter) && (best == nil || c.Leaf.NotAfter.After(best.Leaf.NotAfter)) {
			best = &c.Certificate
		}
	}
	return best
}

// forget stops renewing for hosts that are not served any more. Their certificates stay on
// disk, in case they come back.
func (a *acme) forget(hostOf func(string) string) {
	gone := a.orders.forget(func(host string) bool { return hostOf(host) == host })
	a.drop(gone...)
}

// drop takes certificates out of memory.
func (a *acme) drop(hosts ...string) {
	subjects := make([]certmagic.SubjectIssuer, 0, len(hosts))
	for _, host := range hosts {
		subjects = append(subjects, certmagic.SubjectIssuer{Subject: host, IssuerKey: a.issuer.IssuerKey()})
	}
	a.cache.RemoveManaged(subjects)
}

// describe adds what the authority said.
func (a *acme) describe(host string, s *platform.CertificateStatus) {
	s.Authority = a.directory
	err, failed, next := a.orders.state(host)
	if err != nil {
		s.Problem, s.FailedAt, s.NextTry = fmt.Sprint(err), failed.UTC(), next.UTC()
	}
}
