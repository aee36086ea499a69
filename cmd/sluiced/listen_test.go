package main

import (
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sluice/internal/httpapi/httpapitest"
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

// writePair makes a certificate for a name, with a key.
func writePair(t *testing.T, cert, key, name string, at time.Time) {
	t.Helper()
	certificate, private := httpapitest.SelfSigned(name)
	for path, text := range map[string]string{cert: certificate, key: private} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTheAPIHasTLSAndTakesUpRenewals(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writePair(t, cert, key, "first.test", time.Now().Add(-time.Minute))
	p := &plant{config: config{TLSCertificate: cert, TLSKey: key}, log: slog.New(slog.DiscardHandler)}
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
	shown := func() string {
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
		return state.PeerCertificates[0].DNSNames[0]
	}
	if got := shown(); got != "first.test" {
		t.Errorf("shown %q", got)
	}
	writePair(t, cert, key, "second.test", time.Now())
	if got := shown(); got != "second.test" {
		t.Errorf("after a renewal, shown %q", got)
	}
	if err := os.WriteFile(cert, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := shown(); got != "second.test" {
		t.Errorf("with a broken file, shown %q", got)
	}
	p.config.TLSCertificate = filepath.Join(dir, "nothere")
	if _, err := p.server(nil); platform.ErrorCode(err) != platform.CodeInvalid {
		t.Errorf("without the file: %v", err)
	}
}
