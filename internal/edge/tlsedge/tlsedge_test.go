package tlsedge_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice/internal/edge"
	"sluice/internal/edge/tlsedge"
	"sluice/internal/platform"
)

// ca signs certificates of clients and servers.
type ca struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newCA(t *testing.T, name string) *ca {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &ca{cert, key}
}

func (a *ca) pem() string { return platform.CertificatePEM(a.cert) }

func (a *ca) sign(t *testing.T, name string) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// shelf shows one certificate for every name.
type shelf struct {
	cert atomic.Pointer[tls.Certificate]
}

func (s *shelf) Certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return s.cert.Load(), nil
}

func (s *shelf) Protocols() []string { return []string{"acme-tls/1"} }

// bench is a router behind a TLS listener, with an application that tells what it saw.
type bench struct {
	t      *testing.T
	router *edge.Router
	shelf  *shelf
	addr   string
	app    *httptest.Server
	read   atomic.Int64 // bytes of bodies that the application read
}

func newBench(t *testing.T, routes ...platform.Route) *bench {
	t.Helper()
	b := &bench{t: t, shelf: &shelf{}}
	b.shelf.cert.Store(newCA(t, "server").sign(t, "shop.test"))
	b.app = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		n, _ := io.Copy(io.Discard, req.Body)
		b.read.Add(n)
		_, _ = fmt.Fprintf(w, "verify=%s proto=%s", req.Header.Get("X-Client-Verify"), req.Header.Get("X-Forwarded-Proto"))
	}))
	t.Cleanup(b.app.Close)
	var err error
	if b.router, err = edge.New(edge.Options{}); err != nil {
		t.Fatal(err)
	}
	b.publish(routes...)
	side := tlsedge.New(b.router, b.shelf)
	srv := edge.NewServer(side.Guard(b.router), slog.New(slog.DiscardHandler))
	side.Configure(srv)
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	site := edge.NewFront(srv, slog.New(slog.DiscardHandler))
	go func() { _ = site.ServeTLS(l) }()
	t.Cleanup(func() { _ = site.Close() })
	b.addr = l.Addr().String()
	return b
}

func (b *bench) publish(routes ...platform.Route) {
	b.t.Helper()
	for i := range routes {
		routes[i].Type, routes[i].Upstream = platform.RouteUpstream, "app"
	}
	_, err := b.router.Publish(b.t.Context(), platform.Publication{
		Environment: "shop-main", Release: "r1", Routes: routes,
		Backends: map[string][]string{"app": {b.app.Listener.Addr().String()}},
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// client makes its own connections to the bench, under any name.
func (b *bench) client(http2 bool, change func(*tls.Config)) *http.Client {
	b.t.Helper()
	config := &tls.Config{InsecureSkipVerify: true}
	if change != nil {
		change(config)
	}
	protocols := &http.Protocols{}
	protocols.SetHTTP1(!http2)
	protocols.SetHTTP2(http2)
	transport := &http.Transport{
		TLSClientConfig: config, Protocols: protocols,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, b.addr)
		},
	}
	b.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// answer is what the tests look at.
type answer struct {
	status int
	http2  bool
	held   bool
	body   string
}

func (b *bench) do(c *http.Client, method, url, host string, body io.Reader) (answer, error) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, url, body)
	if err != nil {
		b.t.Fatal(err)
	}
	if host != "" {
		req.Host = host
	}
	resp, err := c.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.ProtoMajor == 2, resp.Header.Get("X-Sluice-Held") != "", string(text)}, err
}

func TestLeastVersions(t *testing.T) {
	b := newBench(
		t,
		platform.Route{URL: "https://default.test/"},
		platform.Route{URL: "https://old.test/", TLS: platform.RouteTLS{MinVersion: "TLSv1.0"}},
		platform.Route{URL: "https://v11.test/", TLS: platform.RouteTLS{MinVersion: "TLSv1.1"}},
		platform.Route{URL: "https://new.test/", TLS: platform.RouteTLS{MinVersion: "TLSv1.3"}},
		platform.Route{URL: "https://mixed.test/", TLS: platform.RouteTLS{MinVersion: "TLSv1.0"}},
		platform.Route{URL: "https://mixed.test/strict/", TLS: platform.RouteTLS{MinVersion: "TLSv1.2"}},
		platform.Route{URL: "https://*.wild.test/", TLS: platform.RouteTLS{MinVersion: "TLSv1.3"}},
	)
	least := map[string]uint16{
		"default.test": tls.VersionTLS12, "old.test": tls.VersionTLS10, "v11.test": tls.VersionTLS11, "new.test": tls.VersionTLS13,
		"mixed.test": tls.VersionTLS12, "a.wild.test": tls.VersionTLS13, "unknown.test": tls.VersionTLS12, "": tls.VersionTLS12,
	}
	for name, want := range least {
		for _, version := range []uint16{tls.VersionTLS10, tls.VersionTLS11, tls.VersionTLS12, tls.VersionTLS13} {
			d := tls.Dialer{Config: &tls.Config{ServerName: name, InsecureSkipVerify: true, MinVersion: version, MaxVersion: version}}
			conn, err := d.DialContext(t.Context(), "tcp", b.addr)
			if ok := err == nil; ok != (version >= want) {
				t.Errorf("%q with %s: %v", name, tls.VersionName(version), err)
			}
			if err == nil {
				_ = conn.Close()
			}
		}
	}
}

// TestOnlyAuthenticatedCiphers: what a client that offers nothing but CBC suites gets.
func TestOnlyAuthenticatedCiphers(t *testing.T) {
	b := newBench(
		t,
		platform.Route{URL: "https://default.test/"},
		platform.Route{URL: "https://old.test/", TLS: platform.RouteTLS{MinVersion: "TLSv1.0"}},
	)
	for name, want := range map[string]bool{"default.test": false, "old.test": true} {
		d := tls.Dialer{Config: &tls.Config{
			ServerName: name, InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12,
			CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA},
		}}
		conn, err := d.DialContext(t.Context(), "tcp", b.addr)
		if ok := err == nil; ok != want {
			t.Errorf("%s with suites in CBC mode only: %v", name, err)
		}
		if err == nil {
			_ = conn.Close()
		}
	}
}

func TestClientCertificates(t *testing.T) {
	mine, foreign := newCA(t, "mine"), newCA(t, "foreign")
	b := newBench(
		t,
		platform.Route{URL: "https://open.test/"},
		platform.Route{URL: "https://ask.test/", TLS: platform.RouteTLS{ClientAuth: "request", ClientCAs: []string{mine.pem()}}},
		platform.Route{URL: "https://need.test/", TLS: platform.RouteTLS{ClientAuth: "require", ClientCAs: []string{mine.pem()}}},
		platform.Route{URL: "https://broken.test/", TLS: platform.RouteTLS{ClientAuth: "require", ClientCAs: []string{"nonsense"}}},
	)
	tests := []struct {
		host   string
		signer *ca
		want   string // of the answer; "" for no connection
	}{
		{"open.test", nil, "verify= proto=https"},
		{"open.test", mine, "verify= proto=https"},
		{"ask.test", nil, "verify=NONE proto=https"},
		{"ask.test", mine, "verify=SUCCESS proto=https"},
		{"ask.test", foreign, ""},
		{"need.test", nil, ""},
		{"need.test", mine, "verify=SUCCESS proto=https"},
		{"need.test", foreign, ""},
		{"broken.test", mine, ""},
	}
	for _, tt := range tests {
		for _, http2 := range []bool{false, true} {
			c := b.client(http2, func(config *tls.Config) {
				if tt.signer != nil {
					cert := tt.signer.sign(t, "client")
					config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return cert, nil }
				}
			})
			got, err := b.do(c, http.MethodGet, "https://"+tt.host+"/", "", nil)
			if got.body != tt.want || (err == nil) != (tt.want != "") {
				t.Errorf("%s, certificate of %v, http2 %v: %q %v", tt.host, tt.signer != nil, http2, got.body, err)
			}
		}
	}
}

func TestNobodyGetsPastARuleByAnotherName(t *testing.T) {
	mine := newCA(t, "mine")
	b := newBench(
		t,
		platform.Route{URL: "https://open.test/"},
		platform.Route{URL: "https://also-open.test/"},
		platform.Route{URL: "https://need.test/", TLS: platform.RouteTLS{ClientAuth: "require", ClientCAs: []string{mine.pem()}}},
		platform.Route{URL: "https://new.test/", TLS: platform.RouteTLS{MinVersion: "TLSv1.3"}},
	)
	for _, http2 := range []bool{false, true} {
		c := b.client(http2, nil)
		for host, want := range map[string]int{"need.test": 421, "new.test": 421, "also-open.test": 200, "open.test": 200} {
			resp, err := b.do(c, http.MethodGet, "https://open.test/", host, nil)
			if err != nil || resp.status != want {
				t.Errorf("%s over a connection to open.test: %v %v, want %d", host, resp, err, want)
			}
		}
	}
	// Handshakes of ACME authorities are made under no rules, so they carry no requests.
	challenge := b.client(false, func(config *tls.Config) { config.NextProtos = []string{"acme-tls/1"} })
	if resp, err := b.do(challenge, http.MethodGet, "https://need.test/", "", nil); err == nil {
		t.Errorf("answered by the protocol of challenges: %v", resp)
	}
	// A session of one host is no certificate for another.
	sessions := tls.NewLRUClientSessionCache(8)
	c := b.client(false, func(config *tls.Config) { config.ClientSessionCache, config.ServerName = sessions, "open.test" })
	if _, err := b.do(c, http.MethodGet, "https://open.test/", "", nil); err != nil {
		t.Fatal(err)
	}
	d := tls.Dialer{Config: &tls.Config{ServerName: "open.test", InsecureSkipVerify: true, ClientSessionCache: sessions}}
	conn, err := d.DialContext(t.Context(), "tcp", b.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if c, ok := conn.(*tls.Conn); !ok || !c.ConnectionState().DidResume {
		t.Error("sessions are not resumed")
	}
}

func TestGuardLooksAtTheConnection(t *testing.T) {
	r, err := edge.New(edge.Options{})
	if err != nil {
		t.Fatal(err)
	}
	passed := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	guard := tlsedge.New(r, &shelf{}).Guard(passed)
	for _, tt := range []struct {
		state *tls.ConnectionState
		want  int
	}{
		{nil, http.StatusNoContent},
		{&tls.ConnectionState{Version: tls.VersionTLS13, ServerName: "shop.test"}, http.StatusNoContent},
		{&tls.ConnectionState{Version: tls.VersionTLS13, ServerName: "SHOP.test", NegotiatedProtocol: "h2"}, http.StatusNoContent},
		{&tls.ConnectionState{Version: tls.VersionTLS13, ServerName: "shop.test", NegotiatedProtocol: "acme-tls/1"}, http.StatusMisdirectedRequest},
	} {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://shop.test:8443/", nil)
		req.TLS = tt.state
		w := httptest.NewRecorder()
		guard.ServeHTTP(w, req)
		if w.Code != tt.want {
			t.Errorf("%+v: %d", tt.state, w.Code)
		}
	}
}

func TestARaisedVersionAppliesToOpenConnections(t *testing.T) {
	b := newBench(t, platform.Route{URL: "https://shop.test/"})
	c := b.client(false, func(config *tls.Config) { config.MaxVersion = tls.VersionTLS12 })
	if resp, err := b.do(c, http.MethodGet, "https://shop.test/", "", nil); err != nil || resp.status != http.StatusOK {
		t.Fatal(resp, err)
	}
	b.publish(platform.Route{URL: "https://shop.test/", TLS: platform.RouteTLS{MinVersion: "TLSv1.3"}})
	if resp, err := b.do(c, http.MethodGet, "https://shop.test/", "", nil); err == nil && resp.status != http.StatusMisdirectedRequest {
		t.Errorf("got %v", resp.status)
	}
}

func TestHTTP2RequestsAreHeldWithTheirBodyUnread(t *testing.T) {
	b := newBench(t, platform.Route{URL: "https://shop.test/"})
	c := b.client(true, nil)
	if resp, err := b.do(c, http.MethodGet, "https://shop.test/", "", nil); err != nil || !resp.http2 {
		t.Fatal(resp, err)
	}
	if _, err := b.router.Hold(t.Context(), platform.Hold{Environment: "shop-main", Activity: "a1"}); err != nil {
		t.Fatal(err)
	}
	const uploads, size = 3, 2 << 20 // more than the windows
	var sent atomic.Int64
	var group sync.WaitGroup
	for range uploads {
		group.Go(func() {
			body := io.TeeReader(strings.NewReader(strings.Repeat("x", size)), counter{&sent})
			if resp, err := b.do(c, http.MethodPost, "https://shop.test/", "", body); err != nil || resp.status != http.StatusOK || !resp.held {
				t.Errorf("%v %v", resp, err)
			}
		})
	}
	group.Go(func() { // a request without a body is not stuck behind them
		if resp, err := b.do(c, http.MethodGet, "https://shop.test/", "", nil); err != nil || !resp.http2 {
			t.Errorf("%v %v", resp, err)
		}
	})
	waitUntil(t, func() bool { s, err := b.router.Status("shop-main"); return err == nil && s.Waiting == uploads+1 })
	if b.read.Load() != 0 || sent.Load() > 2<<20 {
		t.Errorf("the application read %d bytes, the clients sent %d", b.read.Load(), sent.Load())
	}
	if _, err := b.router.Resume(t.Context(), "shop-main"); err != nil {
		t.Fatal(err)
	}
	group.Wait()
	if b.read.Load() != uploads*size {
		t.Errorf("the application read %d bytes", b.read.Load())
	}
}

func TestHTTP2ClientThatLeavesAHold(t *testing.T) {
	b := newBench(t, platform.Route{URL: "https://shop.test/"})
	if _, err := b.router.Hold(t.Context(), platform.Hold{Environment: "shop-main", Activity: "a1"}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	left := make(chan error, 1)
	go func() {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://shop.test/", strings.NewReader("body"))
		if err == nil {
			var resp *http.Response
			if resp, err = b.client(true, nil).Do(req); err == nil {
				_ = resp.Body.Close()
			}
		}
		left <- err
	}()
	waiting := func(n int) func() bool {
		return func() bool { s, err := b.router.Status("shop-main"); return err == nil && s.Waiting == n }
	}
	waitUntil(t, waiting(1))
	cancel(errors.New("left"))
	if err := <-left; err == nil {
		t.Error("answered")
	}
	waitUntil(t, waiting(0))
}

func TestReloadUnderLoadFailsNoHandshake(t *testing.T) {
	b := newBench(t, platform.Route{URL: "https://shop.test/"})
	authority := newCA(t, "reload")
	pool := []*tls.Certificate{authority.sign(t, "shop.test"), authority.sign(t, "shop.test"), authority.sign(t, "shop.test")}
	done := make(chan struct{})
	var group sync.WaitGroup
	var handshakes atomic.Int64
	for range 4 {
		group.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				c := b.client(false, nil)
				resp, err := b.do(c, http.MethodGet, "https://shop.test/", "", nil)
				if err != nil || resp.status != http.StatusOK {
					t.Errorf("%v %v", resp, err)
				}
				c.CloseIdleConnections()
				handshakes.Add(1)
			}
		})
	}
	versions := []string{"", "TLSv1.2", "TLSv1.3", "TLSv1.1"}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for i := 0; i < 60 || handshakes.Load() < 60; i++ { // routes, rules and certificates change meanwhile
		b.shelf.cert.Store(pool[i%len(pool)])
		b.publish(platform.Route{URL: "https://shop.test/", TLS: platform.RouteTLS{MinVersion: versions[i%len(versions)]}})
		<-tick.C
	}
	close(done)
	group.Wait()
}

// FuzzServerName sends whatever name; the listener answers or refuses and goes on.
func FuzzServerName(f *testing.F) {
	for _, name := range []string{"shop.test", "*.test", "", "..", "a..b", "[::1]", "shop.test.", "x\x00y", strings.Repeat("a.", 120) + "test"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		r, err := edge.New(edge.Options{})
		if err != nil {
			t.Fatal(err)
		}
		s := &shelf{}
		c := tlsedge.New(r, s).Config()
		for _, protocols := range [][]string{nil, {"acme-tls/1"}, {"h2"}} {
			if _, err := c.GetConfigForClient(&tls.ClientHelloInfo{ServerName: name, SupportedProtos: protocols}); err != nil {
				t.Errorf("%q: %v", name, err)
			}
		}
	})
}

type counter struct{ n *atomic.Int64 }

func (c counter) Write(p []byte) (int, error) {
	c.n.Add(int64(len(p)))
	return len(p), nil
}

func waitUntil(t *testing.T, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), 2*time.Minute, context.DeadlineExceeded)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("never")
		}
	}
}
