package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
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

	"sluice/internal/edge"
	"sluice/internal/platform"
)

// trusting returns a client of the router's TLS listener that trusts its local authority,
// as a developer's browser does.
func trusting(t *testing.T, p *process, dir string) *http.Client {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "tls", platform.LocalAuthorityFile))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		t.Fatal("no certificate")
	}
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, p.tls)
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func fetch(t *testing.T, c *http.Client, method, url, body string) (answer string, err error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	return fmt.Sprintf("%d HTTP/%d %s", resp.StatusCode, resp.ProtoMajor, text), err
}

func TestSitesAreServedOverTLS(t *testing.T) {
	dir := t.TempDir()
	p := startRouter(t, dir, "127.0.0.1:0", "--listen-tls", "127.0.0.1:0")
	p.publish(t, "r1")
	c := trusting(t, p, dir)
	if got, err := fetch(t, c, http.MethodGet, "https://shop.test/", ""); err != nil || got != "200 HTTP/2 r1" {
		t.Fatalf("%q %v", got, err)
	}
	if _, err := fetch(t, c, http.MethodGet, "https://unknown.test/", ""); err == nil {
		t.Error("there is a certificate for a host that is not served")
	}
	statuses, err := p.client.Certificates(t.Context())
	if err != nil || len(statuses) != 1 || statuses[0].Host != "shop.test" || statuses[0].Source != "local" {
		t.Errorf("%+v %v", statuses, err)
	}
	if err := p.client.SetCertificates(t.Context(), []platform.Certificate{{ID: "x"}}); platform.ErrorCode(err) != platform.CodeInvalid {
		t.Errorf("a damaged certificate: %v", err)
	}
	for _, name := range []string{"authority.pem"} {
		if info, err := os.Stat(filepath.Join(dir, "tls", name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v %v", info, err)
		}
	}
}

// selfSigned is an upload of a project for the names.
func selfSigned(t *testing.T, project string, names ...string) platform.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: names, NotAfter: time.Now().Add(48 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := platform.NewCertificate(project, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})), nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// shownFor is the ID of the certificate that the router shows for a name.
func (p *process) shownFor(t *testing.T, name string) string {
	t.Helper()
	d := tls.Dialer{Config: &tls.Config{ServerName: name, InsecureSkipVerify: true}}
	conn, err := d.DialContext(t.Context(), "tcp", p.tls)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	c, ok := conn.(*tls.Conn)
	if !ok {
		t.Fatalf("%T", conn)
	}
	return platform.CertificateID(c.ConnectionState().PeerCertificates[0])
}

func TestUploadedCertificatesAreShownForHostsOfTheirProject(t *testing.T) {
	dir := t.TempDir()
	p := startRouter(t, dir, "127.0.0.1:0", "--listen-tls", "127.0.0.1:0")
	backend := namedBackend(t, "r1")
	for project, host := range map[string]string{"shop": "shop.test", "blog": "blog.test"} {
		_, err := p.client.Publish(t.Context(), platform.Publication{
			Environment: platform.EnvironmentID(project + "-main-abcdefg"), Project: project, Release: "r1",
			Routes:   []platform.Route{{URL: "https://" + host + "/", Type: platform.RouteUpstream, Upstream: "app"}},
			Backends: map[string][]string{"app": {backend}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	shop, blog := selfSigned(t, "shop", "shop.test", "blog.test"), selfSigned(t, "blog", "blog.test", "shop.test")
	check := func(p *process, shopID, blogID string) {
		t.Helper()
		for host, id := range map[string]string{"shop.test": shopID, "blog.test": blogID} {
			got := p.shownFor(t, host)
			if id != "" && got != id || id == "" && (got == shop.ID || got == blog.ID) {
				t.Errorf("%s: shown %s, want %q", host, got, id)
			}
		}
	}
	set := func(list ...platform.Certificate) {
		t.Helper()
		if err := p.client.SetCertificates(t.Context(), list); err != nil {
			t.Fatal(err)
		}
	}
	set(shop)
	check(p, shop.ID, "")
	set(shop, blog)
	check(p, shop.ID, blog.ID)
	second := startRouter(t, dir, p.addr, "--listen-tls", p.tls, "--take-over")
	check(second, shop.ID, blog.ID)
	if err := second.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := <-second.done; err == nil {
		t.Error("a killed router ended well")
	}
	third := startRouter(t, dir, "127.0.0.1:0", "--listen-tls", "127.0.0.1:0")
	check(third, shop.ID, blog.ID)
}

func TestTheAuthorityIsToldWhereverItIs(t *testing.T) {
	elsewhere := filepath.Join(t.TempDir(), "keys")
	p := startRouter(t, t.TempDir(), "127.0.0.1:0", "--listen-tls", "127.0.0.1:0", "--tls-dir", elsewhere)
	want, err := os.ReadFile(filepath.Join(elsewhere, platform.LocalAuthorityFile))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := p.client.Authority(t.Context()); err != nil || got != string(want) {
		t.Errorf("%q %v, want %q", got, err, want)
	}
}

func TestWithoutATLSListener(t *testing.T) {
	p := startRouter(t, t.TempDir(), "127.0.0.1:0")
	if _, err := p.client.Authority(t.Context()); platform.ErrorCode(err) != platform.CodeNotFound {
		t.Errorf("%v", err)
	}
	if _, err := p.client.Certificates(t.Context()); platform.ErrorCode(err) != platform.CodeNotFound || platform.ErrorHint(err) == "" {
		t.Errorf("%v", err)
	}
}

func TestHeldHTTP2RequestsSurviveAnUpgrade(t *testing.T) {
	dir := t.TempDir()
	first := startRouter(t, dir, "127.0.0.1:0", "--listen-tls", "127.0.0.1:0")
	first.publish(t, "r1")
	c := trusting(t, first, dir)
	if _, err := fetch(t, c, http.MethodGet, "https://shop.test/", ""); err != nil {
		t.Fatal(err)
	}
	if _, err := first.client.Hold(t.Context(), platform.Hold{Environment: env, Activity: "a1"}); err != nil {
		t.Fatal(err)
	}
	const visitors = 10
	answers := make(chan string, visitors)
	for range visitors {
		go func() {
			got, err := fetch(t, c, http.MethodPost, "https://shop.test/", "body")
			answers <- fmt.Sprint(got, err)
		}()
	}
	first.waitFor(t, "all wait", func(s edge.Status) bool { return s.Waiting == visitors })
	second := startRouter(t, dir, first.addr, "--listen-tls", first.tls, "--take-over")
	second.publish(t, "r2")
	for range visitors {
		if got := <-answers; got != "200 HTTP/2 r2<nil>" {
			t.Errorf("got %q", got)
		}
	}
	if got, err := fetch(t, trusting(t, second, dir), http.MethodGet, "https://shop.test/", ""); err != nil || got != "200 HTTP/2 r2" {
		t.Errorf("a new visitor: %q %v", got, err)
	}
}

func TestTLSFlags(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "none.pem")
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"--control", "c", "--acme-directory", "letsencrypt"}, "--acme-directory needs --listen-tls"},
		{[]string{"--control", filepath.Join(t.TempDir(), "c"), "--listen-tls", ":0", "--acme-directory", "https://127.0.0.1/", "--acme-roots", missing}, "--acme-roots"},
	} {
		if err := run(t.Context(), tt.args, io.Discard); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v", tt.args, err)
		}
	}
}
