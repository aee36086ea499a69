package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"sync"
	"time"

	"sluice/internal/platform"
)

// secured reports whether the API and Git are served over TLS.
func (c *config) secured() bool { return c.TLSCertificate != "" }

// checkListen refuses to take tokens from the network in plain text.
func (c *config) checkListen() error {
	if (c.TLSCertificate == "") != (c.TLSKey == "") {
		return fmt.Errorf("%w: --tls-certificate and --tls-key need each other", errUsage)
	}
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return fmt.Errorf("%w: --listen: %w", errUsage, err)
	}
	if c.secured() || c.InsecureListen || host == "localhost" {
		return nil
	}
	if addr, err := netip.ParseAddr(host); err == nil && addr.IsLoopback() {
		return nil
	}
	return platform.Errorf(platform.CodeInvalid, "--listen %s would take access tokens from the network without TLS", c.Listen).
		WithHint("give --tls-certificate and --tls-key, listen on 127.0.0.1 behind a proxy that has TLS, or accept it with --insecure-listen")
}

// listenOn opens the port that an option names.
func listenOn(ctx context.Context, address, option string) (net.Listener, error) {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, platform.Errorf(platform.CodeUnavailable, "cannot listen on %s: %v", address, err).
			WithHint("stop what listens there, or choose another address with %s", option)
	}
	return listener, nil
}

// server returns the HTTP server of the API and Git. Commands in containers take their
// connection over, which HTTP/2 does not have. Handlers set the deadlines of bodies.
func (p *plant) server(handler http.Handler) (*http.Server, error) {
	s := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		Protocols:         new(http.Protocols),
		ErrorLog:          slog.NewLogLogger(p.log.Handler(), slog.LevelWarn),
	}
	s.Protocols.SetHTTP1(true)
	if !p.config.secured() {
		return s, nil
	}
	certificate := &certificateFiles{cert: p.config.TLSCertificate, key: p.config.TLSKey}
	if _, err := certificate.get(nil); err != nil {
		return nil, platform.Errorf(platform.CodeInvalid, "could not load the TLS certificate: %v", err).
			WithHint("check --tls-certificate and --tls-key: PEM files that belong together")
	}
	s.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: certificate.get}
	return s, nil
}

// serveOn serves until the server is shut down.
func serveOn(s *http.Server, listener net.Listener) error {
	if s.TLSConfig != nil {
		return s.ServeTLS(listener, "", "")
	}
	return s.Serve(listener)
}

// certificateFiles is a certificate that is read again when its file has changed, so that
// a renewal needs no restart.
type certificateFiles struct {
	cert, key string

	mu      sync.Mutex
	loaded  *tls.Certificate
	changed time.Time // of the file that was loaded
}

// get implements tls.Config.GetCertificate. When the new files cannot be read, for example
// because only one of them was replaced so far, the old certificate is shown.
func (f *certificateFiles) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	info, err := os.Stat(f.cert)
	if err == nil && f.loaded != nil && info.ModTime().Equal(f.changed) {
		return f.loaded, nil
	}
	if err == nil {
		var c tls.Certificate
		if c, err = tls.LoadX509KeyPair(f.cert, f.key); err == nil {
			f.loaded, f.changed = &c, info.ModTime()
		}
	}
	if f.loaded != nil {
		return f.loaded, nil
	}
	return nil, err
}
