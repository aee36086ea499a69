package main

import (
	"context"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"

	"sluice/internal/edge"
	"sluice/internal/edge/certs"
	"sluice/internal/edge/edgectl"
	"sluice/internal/edge/tlsedge"
)

// tlsSocket is the name by which the TLS listener is handed over to the next process.
const tlsSocket = "tls"

// letsEncrypt is what --acme-directory letsencrypt stands for.
const letsEncrypt = "https://acme-v02.api.letsencrypt.org/directory"

// tlsConfig is what the flags say about TLS.
type tlsConfig struct {
	listen    string
	dir       string
	directory string
	email     string
	roots     string
}

func (c *tlsConfig) flags(fs *flag.FlagSet) {
	fs.StringVar(&c.listen, "listen-tls", "", "TLS listen `address` (default: TLS disabled)")
	fs.StringVar(&c.dir, "tls-dir", "", "`directory` of certificates and keys (default: tls, beside the control socket)")
	fs.StringVar(&c.directory, "acme-directory", "", "directory `URL` of the ACME authority to order certificates from, or \"letsencrypt\"; setting this accepts its terms of service (default: ACME disabled)")
	fs.StringVar(&c.email, "acme-email", "", "contact email `address` for the ACME authority")
	fs.StringVar(&c.roots, "acme-roots", "", "PEM `file` of CAs to trust for the ACME server's TLS (default: system roots)")
}

// complete fills in what depends on other flags.
func (c *tlsConfig) complete(control string) error {
	if c.listen == "" && c.directory != "" {
		return errors.New("--acme-directory needs --listen-tls")
	}
	if c.dir == "" {
		c.dir = filepath.Join(filepath.Dir(control), "tls")
	}
	if c.directory == "letsencrypt" {
		c.directory = letsEncrypt
	}
	return nil
}

// servedHosts is the route table as far as certificates need it.
type servedHosts struct{ *edge.Router }

// Host returns the host of the table that a name belongs to.
func (r servedHosts) Host(name string) string {
	_, host := r.TLSPolicy(name)
	return host
}

// tlsSide is what a TLS listener needs; nil without one.
type tlsSide struct {
	keeper *certs.Keeper
	server *tlsedge.Server
}

// openTLS opens the certificates. Nothing is ordered before start.
func (d *daemon) openTLS(ctx context.Context) error {
	cfg := d.cfg.tls
	if cfg.listen == "" {
		return nil
	}
	opts := certs.Options{Dir: cfg.dir, Routes: servedHosts{d.router}, Logger: d.log}
	if cfg.directory != "" {
		roots, err := readRoots(cfg.roots)
		if err != nil {
			return err
		}
		opts.ACME = &certs.ACME{Directory: cfg.directory, Email: cfg.email, Roots: roots}
	}
	keeper, err := certs.New(ctx, opts)
	if err != nil {
		return err
	}
	d.tls = &tlsSide{keeper: keeper, server: tlsedge.New(d.router, keeper)}
	return nil
}

// readRoots returns nil, which is whom the machine trusts, for no file.
func readRoots(path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil //nolint:nilnil // crypto/tls means the same by it
	}
	text, err := os.ReadFile(path) //nolint:gosec // the operator names it
	if err != nil {
		return nil, fmt.Errorf("--acme-roots: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("--acme-roots: %s contains no PEM certificate", path)
	}
	return pool, nil
}

// handler puts the TLS side's questions before next.
func (t *tlsSide) handler(next http.Handler) http.Handler {
	if t == nil {
		return next
	}
	return t.keeper.Challenges(t.server.Guard(next))
}

// configure prepares the servers of sites and of control.
func (t *tlsSide) configure(sites *http.Server, control *edgectl.Server) {
	if t != nil {
		t.server.Configure(sites)
		control.ServeCertificates(t.keeper)
	}
}

// start begins to order certificates, now that challenges arrive.
func (t *tlsSide) start(listeners map[string]net.Listener) {
	if t != nil {
		t.keeper.Start(portOf(listeners[sitesSocket]), portOf(listeners[tlsSocket]))
	}
}

// ready is what the line says that tells the router's addresses.
func (t *tlsSide) ready(listeners map[string]net.Listener) string {
	if t == nil {
		return ""
	}
	return " tls=" + listeners[tlsSocket].Addr().String()
}

func (t *tlsSide) close() {
	if t != nil {
		t.keeper.Close()
	}
}

func portOf(l net.Listener) int {
	if addr, ok := l.Addr().(*net.TCPAddr); ok {
		return addr.Port
	}
	return 0
}
