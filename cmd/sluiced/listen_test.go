package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sluice/internal/platform"
)

func TestTokensAreNotTakenInPlainText(t *testing.T) {
	for _, test := range []struct {
		config  config
		refused bool
	}{
		{config{Listen: "127.0.0.1:7070"}, false},
		{config{Listen: "[::1]:7070"}, false},
		{config{Listen: "localhost:7070"}, false},
		{config{Listen: ":7070"}, true},
		{config{Listen: "0.0.0.0:7070"}, true},
		{config{Listen: "[::]:7070"}, true},
		{config{Listen: "192.0.2.1:7070"}, true},
		{config{Listen: "sluice.example.com:7070"}, true},
		{config{Listen: ":7070", InsecureListen: true}, false},
		{config{Listen: ":7070", TLSCertificate: "cert.pem", TLSKey: "key.pem"}, false},
	} {
		err := test.config.checkListen()
		if (err != nil) != test.refused || (err != nil && platform.ErrorHint(err) == "") {
			t.Errorf("%+v: got %v", test.config, err)
		}
	}
	half := config{Listen: "127.0.0.1:7070", TLSKey: "key.pem"}
	if half.checkListen() == nil {
		t.Error("a key without a certificate was accepted")
	}
}

// writePair makes a certificate for 127.0.0.1 with a serial number.
func writePair(t *testing.T, cert, key string, serial int64, at time.Time) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "sluiced"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, at, at); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTheAPIHasTLSAndTakesUpRenewals(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writePair(t, cert, key, 1, time.Now().Add(-time.Minute))
	p := &plant{config: config{TLSCertificate: cert, TLSKey: key}}
	server, err := p.server(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) }))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = serveOn(server, listener) }()
	defer func() { _ = server.Close() }()
	serial := func() int64 {
		t.Helper()
		raw, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		conn := tls.Client(raw, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2", "http/1.1"}})
		defer func() { _ = conn.Close() }()
		if err := conn.HandshakeContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		state := conn.ConnectionState()
		if state.NegotiatedProtocol == "h2" || state.Version < tls.VersionTLS12 {
			t.Errorf("negotiated %q, version %x", state.NegotiatedProtocol, state.Version)
		}
		return state.PeerCertificates[0].SerialNumber.Int64()
	}
	if got := serial(); got != 1 {
		t.Errorf("shown %d", got)
	}
	writePair(t, cert, key, 2, time.Now())
	if got := serial(); got != 2 {
		t.Errorf("after a renewal, shown %d", got)
	}
	if err := os.WriteFile(cert, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := serial(); got != 2 {
		t.Errorf("with a broken file, shown %d", got)
	}
	p.config.TLSCertificate = filepath.Join(dir, "nothere")
	if _, err := p.server(nil); platform.ErrorCode(err) != platform.CodeInvalid {
		t.Errorf("without the file: %v", err)
	}
}
