package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

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

func TestWithoutATLSListener(t *testing.T) {
	p := startRouter(t, t.TempDir(), "127.0.0.1:0")
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
		{[]string{"--control", "c", "--acme-directory", "letsencrypt"}, "--acme-directory without --listen-tls"},
		{[]string{"--control", filepath.Join(t.TempDir(), "c"), "--listen-tls", ":0", "--acme-directory", "https://127.0.0.1/", "--acme-roots", missing}, "--acme-roots"},
	} {
		if err := run(t.Context(), tt.args, io.Discard); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v", tt.args, err)
		}
	}
}
