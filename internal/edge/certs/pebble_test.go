package certs_test

import (
	"crypto/x509"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sync/atomic"
	"testing"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"
)

// authority is a running ACME server: Let's Encrypt's own test server, which validates
// challenges over the network of this machine and issues real certificates.
type authority struct {
	directory string
	roots     *x509.CertPool // for the directory's own TLS
	down      atomic.Bool    // answers 503 to everything
	mute      atomic.Bool    // answers nothing until the client gives up
	asked     atomic.Int64   // requests
	orders    atomic.Int64
}

// TestMain tells the authorities of all tests how to behave.
func TestMain(m *testing.M) {
	for name, value := range map[string]string{
		"PEBBLE_VA_NOSLEEP":      "1",
		"PEBBLE_AUTHZREUSE":      "0",
		"PEBBLE_WFE_NONCEREJECT": "0", // requests are counted
	} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	m.Run()
}

// startPebble starts an authority that finds every name on this machine at the ports.
// Its certificates are valid for 90 days: of shorter ones, it asks for early renewal.
func startPebble(t *testing.T, httpPort, tlsPort int) *authority {
	t.Helper()
	quiet := slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	store := db.NewMemoryStore()
	issuer := ca.New(quiet, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {Description: "for tests", ValidityPeriod: 90 * 24 * 3600}})
	validator := va.New(quiet, httpPort, tlsPort, false, startDNS(t), store)
	front := wfe.New(quiet, store, validator, issuer, []string{"authority.test"}, false, false, 1, 1)
	handler := front.Handler()
	a := &authority{roots: x509.NewCertPool()}
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		a.asked.Add(1)
		if a.mute.Load() {
			<-req.Context().Done()
			return
		}
		if a.down.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		if req.URL.Path == "/order-plz" {
			a.orders.Add(1)
		}
		handler.ServeHTTP(w, req)
	}))
	t.Cleanup(srv.Close)
	a.roots.AddCert(srv.Certificate())
	a.directory = srv.URL + wfe.DirectoryPath
	return a
}

// startDNS answers that every name is this machine.
func startDNS(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0") // the authority asks over TCP
	if err != nil {
		t.Fatal(err)
	}
	srv := &dns.Server{Listener: l, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg)
		m.SetReply(q)
		if q.Question[0].Qtype == dns.TypeA {
			m.Answer = append(m.Answer, &dns.A{
				Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 1}, A: net.IPv4(127, 0, 0, 1),
			})
		}
		_ = w.WriteMsg(m)
	})}
	go func() { _ = srv.ActivateAndServe() }()
	t.Cleanup(func() { _ = srv.Shutdown() })
	return l.Addr().String()
}
