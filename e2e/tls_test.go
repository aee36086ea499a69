package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/apiv1"
	"sluice/e2e/loadgen"
)

// TestSitesOverTLS is a shop for https only, from the first push to a push under load: who
// is shown which certificate, and what else a visitor of it meets.
func TestSitesOverTLS(t *testing.T) {
	if testing.Short() {
		t.Skip("needs the container engine")
	}
	m := startMachine(t, freePort(t))
	s := &secureShop{shop: m.newShop("shop", "../examples/storefront"), outer: t}
	s.routes("strict_transport_security: { enabled: true, include_subdomains: true }")
	s.deployed()
	s.trusted = m.authority()
	for _, part := range []struct {
		name string
		test func(*testing.T)
	}{
		{"visitors", s.visitors},
		{"containers trust the local authority", s.insideTrust},
		{"uploaded certificates", s.uploads},
		{"push under load", s.pushUnderLoad},
		{"certificates of clients", s.clientCertificates},
	} {
		t.Run(part.name, func(t *testing.T) {
			m.t = t
			defer func() { m.t = s.outer }()
			part.test(t)
		})
	}
}

// secureShop is a shop whose only route is for https.
type secureShop struct {
	*shop
	outer   testing.TB
	trusted *x509.CertPool // holds the local authority
}

// routes writes a routes.yaml with something in its tls section.
func (s *secureShop) routes(section string) {
	s.t.Helper()
	s.write(".magento/routes.yaml", "\"https://{default}/\":\n    type: upstream\n    upstream: \"storefront:http\"\n    tls:\n        "+section+"\n")
	s.commit("routes")
}

func (s *secureShop) host() string { return "main-" + s.project + ".localhost" }

func (s *secureShop) secureAddress() string { return fmt.Sprintf("https://%s:%d", s.host(), s.tlsPort) }

// authority is what trust stores need to know of the router.
func (m *machine) authority() *x509.CertPool {
	m.t.Helper()
	text, code := m.run(m.dir, m.bin("sluiced"), "authority", "--data-dir", m.data)
	pool := x509.NewCertPool()
	if code != 0 || !pool.AppendCertsFromPEM([]byte(text)) {
		m.t.Fatalf("sluiced authority: %d\n%s", code, text)
	}
	return pool
}

// seen is what a browser makes of an answer.
type seen struct {
	status int
	proto  string
	header http.Header
}

// ask fetches the front page over TLS as a browser would.
func (s *secureShop) ask(t *testing.T, config *tls.Config) (seen, error) {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true, DialContext: dialHere}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.secureAddress()+"/", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Client{Transport: transport, Timeout: time.Minute}).Do(req)
	if err != nil {
		return seen{}, err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return seen{resp.StatusCode, resp.Proto, resp.Header}, errors.Join(err, resp.Body.Close())
}

func dialHere(ctx context.Context, network, address string) (net.Conn, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	return (&net.Dialer{}).DialContext(ctx, network, "127.0.0.1:"+port)
}

func (s *secureShop) visitors(t *testing.T) {
	t.Helper()
	resp, err := s.ask(t, &tls.Config{RootCAs: s.trusted, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	if resp.status != http.StatusOK || resp.proto != "HTTP/2.0" {
		t.Errorf("over https: %d %s", resp.status, resp.proto)
	}
	if got := resp.header.Get("Strict-Transport-Security"); got != "max-age=31536000; includeSubDomains" {
		t.Errorf("Strict-Transport-Security: %q", got)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.address()+"/sale?a=b", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = plain.Body.Close() }()
	if got := plain.Header.Get("Location"); plain.StatusCode != http.StatusMovedPermanently || got != s.secureAddress()+"/sale?a=b" {
		t.Errorf("over http: %d to %q", plain.StatusCode, got)
	}
}

// insideTrust: the router keeps its certificates elsewhere, and has to be asked for them.
func (s *secureShop) insideTrust(t *testing.T) {
	t.Helper()
	out := s.sluice("environment:ssh", "-p", s.project, "-e", "main", "--", "cat", "/etc/sluice/authority.pem")
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(out)) || !pool.Equal(s.trusted) {
		t.Errorf("the container trusts\n%s", out)
	}
}

// certificate is a self-signed one in a file with its key.
func certificate(t *testing.T, names ...string) (file string, pool *x509.CertPool, pair tls.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: names, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(100 * 24 * time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IsCA:        len(names) == 0, BasicConstraintsValid: true, // one without a name is an authority
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	private := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
	if pair, err = tls.X509KeyPair(public, private); err != nil {
		t.Fatal(err)
	}
	pool = x509.NewCertPool()
	pool.AppendCertsFromPEM(public)
	file = filepath.Join(t.TempDir(), "site")
	for name, text := range map[string][]byte{file + ".crt": public, file + ".key": private} {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return file, pool, pair
}

// wantShown makes a handshake that succeeds with exactly what is trusted.
func (s *secureShop) wantShown(t *testing.T, host string, trusted *x509.CertPool) {
	t.Helper()
	d := tls.Dialer{Config: &tls.Config{ServerName: host, RootCAs: trusted, MinVersion: tls.VersionTLS12}}
	conn, err := d.DialContext(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", s.tlsPort))
	if err != nil {
		t.Errorf("handshake for %s: %v", host, err)
		return
	}
	_ = conn.Close()
}

// certificates lists those of a project.
func (m *machine) certificates(project string) []apiv1.Certificate {
	m.t.Helper()
	var list []apiv1.Certificate
	body := m.api("/api/projects/" + project + "/certificates")
	if err := json.Unmarshal(body, &list); err != nil {
		m.t.Fatalf("certificates: %v\n%s", err, body)
	}
	return list
}

// uploads are shown from the next handshake on, for hosts of their own project, and
// nothing is deployed.
func (s *secureShop) uploads(t *testing.T) {
	t.Helper()
	before := s.last().ID
	file, pool, _ := certificate(t, s.host(), "main-other.localhost")
	s.sluice("certificate:add", "-p", s.project, file+".crt", file+".key")
	s.wantShown(t, s.host(), pool)
	if out := s.sluice("certificate:list", "-p", s.project); !strings.Contains(out, "uploaded") {
		t.Errorf("certificate:list\n%s", out)
	}
	other := &secureShop{shop: s.newTiny("other"), trusted: s.trusted}
	other.deployed()
	s.wantShown(t, other.host(), s.trusted) // the other project has none of its own
	theirs, theirPool, _ := certificate(t, s.host(), other.host())
	s.sluice("certificate:add", "-p", other.project, theirs+".crt", theirs+".key")
	s.wantShown(t, other.host(), theirPool)
	s.wantShown(t, s.host(), pool)
	s.router.signal(9)
	s.startRouter() // from its own copies
	s.wantShown(t, other.host(), theirPool)
	s.wantShown(t, s.host(), pool)
	for _, c := range s.certificates(s.project) {
		if !c.IsProvisioned {
			s.sluice("certificate:delete", "-p", s.project, "--yes", c.ID)
		}
	}
	s.wantShown(t, s.host(), s.trusted)
	if now := s.last().ID; now != before {
		t.Errorf("activity %s ran for certificates", now)
	}
}

// pushUnderLoad is TestPushUnderLoad for visitors with a connection each, half of them
// over HTTP/2.
func (s *secureShop) pushUnderLoad(t *testing.T) {
	t.Helper()
	before := s.secureRelease(t)
	var during apiv1.Activity
	report := s.underLoad(loadgen.Options{
		BaseURL: s.secureAddress(), GetClients: 200, PostClients: 20, TLS: &tls.Config{RootCAs: s.trusted, MinVersion: tls.VersionTLS12},
	}, func() {
		s.write("templates/marker.txt", "second")
		s.commit("second")
		during = s.deployed()
	})
	after := s.secureRelease(t)
	t.Logf("%v", report)
	if n := report.Failed(); n != 0 || before == after {
		t.Errorf("%d requests failed, the first: %+v; release %s, then %s", n, report.Failures, before, after)
	}
	for release, n := range report.ByRelease {
		if release != before && release != after {
			t.Errorf("%d answers came from %q, neither the old %q nor the new %q", n, release, before, after)
		}
	}
	if report.Held == 0 || during.Hold == nil || during.Hold.Held == 0 {
		t.Errorf("held: %d, the activity says %+v", report.Held, during.Hold)
	}
}

func (s *secureShop) secureRelease(t *testing.T) string {
	t.Helper()
	resp, err := s.ask(t, &tls.Config{RootCAs: s.trusted, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	return resp.header.Get("X-Release")
}

func (s *secureShop) clientCertificates(t *testing.T) {
	t.Helper()
	file, _, pair := certificate(t)
	text, err := os.ReadFile(file + ".crt")
	if err != nil {
		t.Fatal(err)
	}
	s.write(".magento/clients.pem", string(text))
	s.routes("client_authentication: require\n        client_certificate_authorities:\n            - !include { type: string, path: clients.pem }")
	s.deployed()
	config := &tls.Config{RootCAs: s.trusted, MinVersion: tls.VersionTLS12}
	if resp, err := s.ask(t, config); err == nil {
		t.Errorf("without a certificate: %d", resp.status)
	}
	_, _, stranger := certificate(t)
	config.Certificates = []tls.Certificate{stranger}
	if resp, err := s.ask(t, config); err == nil {
		t.Errorf("with a stranger's certificate: %d", resp.status)
	}
	config.Certificates = []tls.Certificate{pair}
	if resp, err := s.ask(t, config); err != nil || resp.status != http.StatusOK {
		t.Errorf("with a certificate: %v %v", resp, err)
	}
}
