package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"

	"sluice/internal/platform"
)

// Routes is the route table as far as certificates need it.
type Routes interface {
	// Host returns the host of the table that a requested name belongs to,
	// "*.example.com" for a wildcard, "" for a name that is not served.
	Host(name string) string
	// Hosts returns all hosts.
	Hosts() []string
	// Serves reports whether the project serves one of the hosts.
	Serves(project, host string) bool
	// Owner returns the project that a host of the table belongs to.
	Owner(host string) string
}

// Options configure a Keeper.
type Options struct {
	Dir    string // private; made when it is not there
	Routes Routes
	ACME   *ACME // nil: own certificates and the local authority only
	Logger *slog.Logger
}

// Keeper holds all certificates of a router. It is safe for concurrent use.
type Keeper struct {
	routes    Routes
	log       *slog.Logger
	storage   *certmagic.FileStorage
	own       *own
	acme      *acme // nil without ACME
	authority *Authority

	life context.Context //nolint:containedctx // of what runs between Start and Close
	stop context.CancelCauseFunc
	idle sync.WaitGroup
}

// patience is how long a first visitor waits for an order before the local authority's
// certificate is shown. The servers give a handshake 10 s.
const patience = 6 * time.Second

// checkEvery is how often hosts without a certificate are looked for, and certificates of
// hosts that are gone.
const checkEvery = time.Minute

var errClosed = errors.New("the router ends")

// New opens the certificates in opts.Dir, making the local authority when there is none.
// Nothing is ordered before Start.
func New(ctx context.Context, opts Options) (*Keeper, error) {
	if err := os.MkdirAll(opts.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("directory of the certificates: %w", err)
	}
	k := &Keeper{routes: opts.Routes, log: opts.Logger, storage: &certmagic.FileStorage{Path: opts.Dir}}
	var err error
	if k.authority, err = OpenAuthority(opts.Dir, time.Now); err != nil {
		return nil, err
	}
	k.own = &own{storage: k.storage, log: opts.Logger}
	if err := k.own.load(ctx); err != nil {
		return nil, err
	}
	k.life, k.stop = context.WithCancelCause(context.WithoutCancel(ctx))
	if opts.ACME != nil {
		k.acme = newACME(k.life, opts) //nolint:contextcheck // orders outlive ctx
	}
	return k, nil
}

// Start begins to order and renew. The ports are those that the router listens on for what
// arrives at 80 and 443: challenges are answered there, and the library opens listeners of
// its own when it finds none.
func (k *Keeper) Start(httpPort, tlsPort int) {
	if k.acme != nil {
		k.acme.issuer.AltHTTPPort, k.acme.issuer.AltTLSALPNPort = httpPort, tlsPort
	}
	k.idle.Go(k.tend)
}

// Close stops orders and renewals. Certificates are shown until the process ends.
func (k *Keeper) Close() {
	k.stop(errClosed)
	k.idle.Wait()
	if k.acme != nil {
		k.acme.close()
	}
}

// Certificate is tls.Config.GetCertificate.
func (k *Keeper) Certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if k.acme != nil && isChallenge(hello) {
		return k.acme.config.GetCertificate(hello)
	}
	name := strings.ToLower(strings.TrimSuffix(hello.ServerName, "."))
	host := k.routes.Host(name)
	mine := k.uploaded(name, host, hello)
	if mine != nil && time.Now().Before(mine.Leaf.NotAfter) {
		return mine, nil
	}
	if k.orders(host) {
		if cert := k.acme.await(hello.Context(), host); cert != nil {
			return cert, nil
		}
	}
	if mine != nil {
		return mine, nil // expired; the visitor sees which
	}
	return k.authority.Certificate(name, host)
}

// uploaded returns the certificate to show of those that were uploaded for the projects
// that serve the host; nil for none. A project does not decide what visitors of others are shown.
func (k *Keeper) uploaded(name, host string, hello *tls.ClientHelloInfo) *tls.Certificate {
	if host == "" {
		return nil
	}
	return k.own.match(name, hello, func(project string) bool { return k.routes.Serves(project, host) })
}

// covered reports whether a host needs no certificate but the uploaded one.
func (k *Keeper) covered(host string) bool {
	c := k.uploaded(host, host, nil)
	return c != nil && time.Now().Before(c.Leaf.NotAfter)
}

// orders reports whether certificates of a host of the route table come by ACME.
// Authorities do not give wildcards for a challenge on a port.
func (k *Keeper) orders(host string) bool {
	return k.acme != nil && host != "" && certmagic.SubjectQualifiesForPublicCert(host) && !strings.HasPrefix(host, "*.")
}

// Prepare orders what hosts lack, without waiting.
func (k *Keeper) Prepare(hosts []string) {
	for _, host := range hosts {
		if host = k.routes.Host(host); k.orders(host) && !k.covered(host) {
			k.acme.order(host)
		}
	}
}

// Replace makes list the uploaded certificates, all of them or, on an error, none.
func (k *Keeper) Replace(ctx context.Context, list []platform.Certificate) error {
	return k.own.replace(ctx, list)
}

// Challenges answers an ACME authority's questions over HTTP and passes everything else on.
func (k *Keeper) Challenges(next http.Handler) http.Handler {
	if k.acme == nil {
		return next
	}
	return k.acme.issuer.HTTPChallengeHandler(next)
}

// Protocols are those that a handshake has to offer for certificates to be ordered.
func (k *Keeper) Protocols() []string {
	if k.acme == nil {
		return nil
	}
	return []string{challengeProtocol}
}

// tend looks after the certificates until the keeper is closed.
func (k *Keeper) tend() {
	tick := time.NewTicker(checkEvery)
	defer tick.Stop()
	for {
		if k.acme != nil {
			k.acme.forget(k.routes.Host)
			k.Prepare(k.routes.Hosts())
		}
		k.own.warn(k.life, time.Now())
		select {
		case <-tick.C:
		case <-k.life.Done():
			return
		}
	}
}

// Authority returns the certificate of the local authority, PEM, for who shall trust it.
func (k *Keeper) Authority() string { return string(k.authority.PEM()) }

// Statuses says for every host what is shown, and why it is not something better.
func (k *Keeper) Statuses() []platform.CertificateStatus {
	all := []platform.CertificateStatus{}
	for _, host := range k.routes.Hosts() {
		all = append(all, k.status(host))
	}
	return all
}

func (k *Keeper) status(host string) platform.CertificateStatus {
	s := platform.CertificateStatus{Host: host, Source: "local"}
	mine := k.uploaded(host, host, nil)
	valid := mine != nil && time.Now().Before(mine.Leaf.NotAfter)
	var ordered *tls.Certificate
	if !valid && k.orders(host) {
		ordered = k.acme.cached(host)
		k.acme.describe(host, &s)
	}
	switch {
	case valid, mine != nil && ordered == nil:
		s.Source = "own"
		show(&s, mine.Certificate)
	case ordered != nil:
		s.Source = "acme"
		show(&s, ordered.Certificate)
	}
	return s
}

// show adds what everybody may see of a certificate.
func show(s *platform.CertificateStatus, chain [][]byte) {
	for i, der := range chain {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return // it was parsed before
		}
		if i == 0 {
			s.ID, s.Certificate, s.ExpiresAt = platform.CertificateID(c), platform.CertificatePEM(c), c.NotAfter.UTC()
			continue
		}
		s.Chain = append(s.Chain, platform.CertificatePEM(c))
	}
}
