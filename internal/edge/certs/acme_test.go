package certs_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice/internal/edge/certs"
	"sluice/internal/platform"
)

// routes is a route table of exact and wildcard hosts.
type routes struct {
	mu    sync.Mutex
	hosts []string
	other []string // those of the project "other"; the rest are of "shop"
}

func (r *routes) Serves(project, host string) bool {
	return (project == "other") == slices.Contains(r.other, host)
}

func (r *routes) Owner(host string) string {
	if slices.Contains(r.other, host) {
		return "other"
	}
	return "shop"
}

func (r *routes) Hosts() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.hosts)
}

func (r *routes) Host(name string) string {
	hosts := r.Hosts()
	if slices.Contains(hosts, name) {
		return name
	}
	for _, host := range hosts {
		if rest, ok := strings.CutPrefix(host, "*"); ok && strings.HasSuffix(name, rest) {
			return host
		}
	}
	return ""
}

func (r *routes) set(hosts ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hosts = hosts
}

// logBuffer collects a log.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// site is a router's two listeners with a keeper behind them.
type site struct {
	dir       string
	host      string // that is served
	routes    *routes
	authority *authority
	keeper    atomic.Pointer[certs.Keeper]
	log       *logBuffer
	plain     *httptest.Server
	secure    net.Listener
	deaf      atomic.Bool // answers no challenges over HTTP
}

type challenges struct{ http, alpn bool }

// newSite starts listeners and an authority that can reach those that are wanted. The ACME
// library keeps challenges of the whole process by host: each test has its own.
func newSite(t *testing.T, reach challenges) *site {
	t.Helper()
	host := regexp.MustCompile(`\W+`).ReplaceAllString(strings.ToLower(t.Name()), "-") + ".test"
	s := &site{dir: t.TempDir(), host: host, routes: &routes{hosts: []string{host}}, log: &logBuffer{}}
	s.plain = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		notFound := http.NotFoundHandler()
		if s.deaf.Load() {
			notFound.ServeHTTP(w, req)
			return
		}
		s.keeper.Load().Challenges(notFound).ServeHTTP(w, req)
	}))
	t.Cleanup(s.plain.Close)
	var err error
	s.secure, err = tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			return s.keeper.Load().Certificate(hello)
		},
		NextProtos: []string{"http/1.1", "acme-tls/1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.NotFoundHandler(), ReadHeaderTimeout: time.Minute, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	go func() { _ = srv.Serve(s.secure) }()
	t.Cleanup(func() { _ = srv.Close() })
	httpPort, tlsPort := s.ports()
	if !reach.http {
		httpPort = 1 // where no server listens
	}
	if !reach.alpn {
		tlsPort = 1
	}
	s.authority = startPebble(t, httpPort, tlsPort)
	return s
}

func (s *site) ports() (plain, secure int) {
	return portOf(s.plain.Listener), portOf(s.secure)
}

func portOf(l net.Listener) int {
	addr, _ := l.Addr().(*net.TCPAddr)
	return addr.Port
}

// open starts the keeper, again when it was closed.
func (s *site) open(t *testing.T, change func(*certs.ACME)) {
	t.Helper()
	plain, secure := s.ports()
	acme := &certs.ACME{Directory: s.authority.directory, Email: "ops@example.com", Roots: s.authority.roots, LookupHost: found}
	if change != nil {
		change(acme)
	}
	k, err := certs.New(t.Context(), certs.Options{Dir: s.dir, Routes: s.routes, ACME: acme, Logger: slog.New(slog.NewJSONHandler(s.log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	k.Start(plain, secure)
	if old := s.keeper.Swap(k); old != nil {
		t.Fatal("two keepers")
	}
	t.Cleanup(func() { s.close() })
}

// found is DNS in which every host leads to this machine.
func found(context.Context, string) ([]string, error) { return []string{"127.0.0.1"}, nil }

func (s *site) close() {
	if k := s.keeper.Swap(nil); k != nil {
		k.Close()
	}
}

// leaf makes a handshake and returns the certificate that was shown.
func (s *site) leaf(t *testing.T, name string) *x509.Certificate {
	t.Helper()
	d := tls.Dialer{Config: &tls.Config{ServerName: name, InsecureSkipVerify: true}}
	conn, err := d.DialContext(t.Context(), "tcp", s.secure.Addr().String())
	if err != nil {
		t.Fatalf("handshake for %s: %v\n%s", name, err, s.log)
	}
	defer func() { _ = conn.Close() }()
	c, ok := conn.(*tls.Conn)
	if !ok {
		t.Fatalf("%T", conn)
	}
	return c.ConnectionState().PeerCertificates[0]
}

func isLocal(c *x509.Certificate) bool {
	return strings.HasPrefix(c.Issuer.CommonName, "Sluice local authority")
}

// status returns what is said of the host.
func (s *site) status(t *testing.T) platform.CertificateStatus {
	t.Helper()
	for _, st := range s.keeper.Load().Statuses() {
		if st.Host == s.host {
			return st
		}
	}
	t.Fatal("no status")
	return platform.CertificateStatus{}
}

// until waits for something that another goroutine does.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), 5*time.Minute, context.DeadlineExceeded)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("never: %s", what)
		}
	}
}

func TestCertificatesAreIssuedByEachChallenge(t *testing.T) {
	t.Parallel()
	for name, reach := range map[string]challenges{"http-01": {http: true}, "tls-alpn-01": {alpn: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, reach)
			s.open(t, nil)
			c := s.leaf(t, s.host) // the first visitor waits for it
			if isLocal(c) || !slices.Equal(c.DNSNames, []string{s.host}) {
				t.Fatalf("shown: %v by %v\n%s", c.DNSNames, c.Issuer, s.log)
			}
			if st := s.status(t); st.Source != "acme" || st.ID != platform.CertificateID(c) || st.Problem != "" {
				t.Errorf("status %+v", st)
			}
			s.close()
			orders := s.authority.orders.Load()
			s.open(t, nil) // a restart finds it on disk
			if again := s.leaf(t, s.host); !again.Equal(c) || s.authority.orders.Load() != orders {
				t.Errorf("after a restart: %v, %d orders", again.Issuer, s.authority.orders.Load()-orders)
			}
			checkFiles(t, s)
		})
	}
}

// checkFiles wants keys to be readable by their owner only and in no log.
func checkFiles(t *testing.T, s *site) {
	t.Helper()
	err := filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == s.dir {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if d.IsDir() && info.Mode().Perm() != 0o700 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		if !d.IsDir() && filepath.Base(path) != platform.LocalAuthorityFile && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		if !d.IsDir() {
			if data, err := os.ReadFile(path); err != nil || (strings.HasSuffix(path, ".key") && strings.Contains(s.log.String(), string(data[40:80]))) {
				t.Errorf("%s is in the log, or %v", path, err)
			}
		}
		return nil
	})
	if err != nil || strings.Contains(s.log.String(), "PRIVATE KEY") {
		t.Errorf("%v\n%s", err, s.log)
	}
}

func TestOrdersAreForServedHostsOnly(t *testing.T) {
	t.Parallel()
	s := newSite(t, challenges{http: true, alpn: true})
	s.routes.set(s.host, "*."+s.host, "main-shop.localhost")
	s.open(t, nil)
	for _, name := range []string{"other.example.com", "a." + s.host, "main-shop.localhost", "x.y.z.example.com", ""} {
		if c := s.leaf(t, name); !isLocal(c) {
			t.Errorf("%q: shown %v by %v", name, c.DNSNames, c.Issuer)
		} else if name != "a."+s.host && s.routes.Host(name) == "" && !slices.Equal(c.DNSNames, []string{"localhost"}) {
			t.Errorf("%q is not served and has a certificate of its own: %v", name, c.DNSNames)
		}
	}
	until(t, "the served host has one", func() bool { return s.status(t).Source == "acme" })
	if n := s.authority.orders.Load(); n != 1 {
		t.Errorf("%d orders", n)
	}
}

func TestAuthorityThatSaysNoStopsNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, challenges{}) // it cannot reach this site
	s.open(t, nil)
	if c := s.leaf(t, s.host); !isLocal(c) || !slices.Equal(c.DNSNames, []string{s.host}) {
		t.Errorf("shown %v by %v", c.DNSNames, c.Issuer)
	}
	until(t, "the refusal is in the status", func() bool { return s.status(t).Problem != "" })
	st := s.status(t)
	if st.Source != "local" || st.NextTry.Before(time.Now()) || st.Authority != s.authority.directory {
		t.Errorf("status %+v", st)
	}
	asked := s.authority.asked.Load()
	for range 50 { // visitors do not wait for it, and it is not asked again before its time
		s.leaf(t, s.host)
	}
	if s.authority.asked.Load() != asked {
		t.Error("asked again")
	}
	if !strings.Contains(s.log.String(), "no certificate from the ACME authority; the local authority's is shown meanwhile") {
		t.Errorf("log\n%s", s.log)
	}
}

func TestRestartIsNoReasonToAskAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t, challenges{http: true})
	s.authority.down.Store(true)
	s.open(t, nil)
	if c := s.leaf(t, s.host); !isLocal(c) {
		t.Errorf("shown by %v", c.Issuer)
	}
	until(t, "the failure is known", func() bool { return s.status(t).Problem != "" })
	failed := s.status(t)
	asked := s.authority.asked.Load()
	s.authority.down.Store(false)
	for range 5 { // a router that is started again and again
		s.close()
		s.open(t, nil)
		if c := s.leaf(t, s.host); !isLocal(c) {
			t.Errorf("shown by %v", c.Issuer)
		}
	}
	if st := s.status(t); s.authority.asked.Load() != asked || st.Problem != failed.Problem || !st.NextTry.Equal(failed.NextTry) {
		t.Errorf("asked %d times more; %+v, before %+v", s.authority.asked.Load()-asked, st, failed)
	}
	s.close()
	if err := os.Remove(filepath.Join(s.dir, "orders.json")); err != nil { // after a repair it can be asked at once
		t.Fatal(err)
	}
	s.open(t, nil)
	if c := s.leaf(t, s.host); isLocal(c) {
		t.Errorf("shown by %v\n%s", c.Issuer, s.log)
	}
	checkFiles(t, s)
}

// A process that was killed leaves its order, and one that hands over finishes it.
func TestOrderOfAnotherProcess(t *testing.T) {
	t.Parallel()
	s := newSite(t, challenges{http: true})
	s.authority.mute.Store(true)
	s.open(t, func(a *certs.ACME) { a.Patience = 50 * time.Millisecond })
	s.leaf(t, s.host) // the order is under way
	until(t, "the authority is asked", func() bool { return s.authority.asked.Load() > 0 })
	next, err := certs.New(t.Context(), certs.Options{
		Dir: s.dir, Routes: s.routes, Logger: slog.New(slog.NewJSONHandler(s.log, nil)),
		ACME: &certs.ACME{Directory: s.authority.directory, Roots: s.authority.roots, LookupHost: found},
	})
	if err != nil {
		t.Fatal(err)
	}
	asked := s.authority.asked.Load()
	next.Start(s.ports())
	t.Cleanup(s.keeper.Swap(next).Close)
	st := next.Statuses()
	if c := s.leaf(t, s.host); !isLocal(c) || s.authority.asked.Load() != asked {
		t.Errorf("shown by %v, asked %d times more", c.Issuer, s.authority.asked.Load()-asked)
	}
	if len(st) != 1 || !strings.Contains(st[0].Problem, "while the order was under way") || st[0].NextTry.Before(time.Now()) {
		t.Errorf("status %+v", st)
	}
}

func TestAuthorityThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	s := newSite(t, challenges{http: true})
	s.authority.mute.Store(true)
	s.open(t, func(a *certs.ACME) { a.Patience = 50 * time.Millisecond })
	for range 3 { // a visitor who comes while the order is under way waits no longer than that
		if c := s.leaf(t, s.host); !isLocal(c) {
			t.Errorf("shown by %v", c.Issuer)
		}
	}
	s.close() // ends the order
}

func TestCertificatesAreRenewedWithoutARestart(t *testing.T) {
	t.Parallel()
	s := newSite(t, challenges{http: true})
	s.open(t, nil)
	first := s.leaf(t, s.host)
	s.close()
	// With its whole life as the window, the certificate is always due.
	always := func(a *certs.ACME) { a.RenewEvery, a.RenewalWindow = 100*time.Millisecond, 1 }
	s.open(t, always)
	until(t, "a renewed certificate is shown", func() bool {
		c := s.leaf(t, s.host)
		if isLocal(c) {
			t.Fatal("the local certificate was shown meanwhile")
		}
		return !c.Equal(first)
	})
	s.deaf.Store(true) // from now on the authority's challenges fail
	until(t, "the failure is in the status", func() bool { return s.status(t).Problem != "" })
	if st := s.status(t); st.Source != "acme" || isLocal(s.leaf(t, s.host)) {
		t.Errorf("a valid certificate was given up: %+v", st)
	}
	if !strings.Contains(s.log.String(), "certificate not renewed; the present one is shown") {
		t.Errorf("log\n%s", s.log)
	}
	s.routes.set("other.example.com") // a host that is gone is not renewed any more
}
