package tlsedge

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"sluice/internal/edge"
	"sluice/internal/platform"
)

// Policies knows the rules of each requested name; host is "" for one that is not served.
type Policies interface {
	TLSPolicy(name string) (policy edge.TLSPolicy, host string)
}

// Certificates knows the certificate of each requested name.
type Certificates interface {
	// Certificate is used as tls.Config.GetCertificate.
	Certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error)
	// Protocols are those of handshakes that certificates are ordered with; no requests
	// come over them.
	Protocols() []string
}

// The limits of HTTP/2. A held request's body stays unread, so a client can make the
// router keep the connection's window of it, and no more.
const (
	streamWindow     = 256 << 10
	connectionWindow = 1 << 20
	frameSize        = 16 << 10         // the least that HTTP/2 allows; a larger frame would not fit the windows
	silence          = 30 * time.Second // before a silent client is asked whether it is there
	silenceAnswer    = 15 * time.Second
)

// Server is the TLS side of the router. It is safe for concurrent use.
type Server struct {
	policies     Policies
	certificates Certificates

	mu      sync.Mutex
	configs map[edge.TLSPolicy]*tls.Config
}

// maxConfigs bounds what is kept of rules that no host has any more.
const maxConfigs = 1024

// New returns a server that asks p and c at each handshake.
func New(p Policies, c Certificates) *Server {
	return &Server{policies: p, certificates: c, configs: map[edge.TLSPolicy]*tls.Config{}}
}

// Configure prepares srv for ServeTLS with empty file names. Its plain listeners stay plain.
func (s *Server) Configure(srv *http.Server) {
	srv.TLSConfig = s.Config()
	srv.HTTP2 = &http.HTTP2Config{
		MaxReceiveBufferPerStream:     streamWindow,
		MaxReceiveBufferPerConnection: connectionWindow,
		MaxReadFrameSize:              frameSize,
		SendPingTimeout:               silence,
		PingTimeout:                   silenceAnswer,
	}
}

// Config returns the configuration of the listener.
func (s *Server) Config() *tls.Config {
	c := s.base()
	c.NextProtos = append(c.NextProtos, s.certificates.Protocols()...)
	c.GetConfigForClient = s.forClient
	return c
}

// base is what names without rules of their own get. crypto/tls orders cipher suites and
// chooses curves better than a list that is not maintained, and rotates the keys of tickets.
func (s *Server) base() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"h2", "http/1.1"},
		CipherSuites:   authenticated(),
		GetCertificate: s.certificates.Certificate,
	}
}

// authenticated returns the cipher suites of TLS 1.2 that encrypt and authenticate in one
// step. The others, in CBC mode, have a history of padding attacks; no browser of the last
// ten years needs them. The suites of TLS 1.3 are not configurable.
func authenticated() []uint16 {
	return []uint16{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	}
}

// forClient is tls.Config.GetConfigForClient.
func (s *Server) forClient(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	if s.isChallenge(hello.SupportedProtos) {
		return nil, nil //nolint:nilnil // the listener's own; net/http takes no requests over this protocol
	}
	policy, _ := s.policies.TLSPolicy(hello.ServerName)
	if policy == (edge.TLSPolicy{}) {
		return nil, nil //nolint:nilnil // the listener's own
	}
	return s.config(policy)
}

func (s *Server) isChallenge(protocols []string) bool {
	return len(protocols) == 1 && slices.Contains(s.certificates.Protocols(), protocols[0])
}

func (s *Server) config(policy edge.TLSPolicy) (*tls.Config, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.configs[policy]; c != nil {
		return c, nil
	}
	c := s.base()
	if err := apply(c, policy); err != nil {
		return nil, err
	}
	if len(s.configs) >= maxConfigs {
		clear(s.configs)
	}
	s.configs[policy] = c
	return c, nil
}

// apply carries out a policy. An authority that cannot be read ends the handshake: no
// client gets past a rule because it is damaged.
func apply(c *tls.Config, policy edge.TLSPolicy) error {
	if policy.MinVersion != 0 {
		c.MinVersion = policy.MinVersion
	}
	if c.MinVersion < tls.VersionTLS12 {
		c.CipherSuites = nil // earlier versions have no other suites than those in CBC mode
	}
	switch policy.ClientAuth {
	case platform.ClientAuthRequest:
		c.ClientAuth = tls.VerifyClientCertIfGiven
	case platform.ClientAuthRequire:
		c.ClientAuth = tls.RequireAndVerifyClientCert
	default:
		return nil
	}
	// A session of a host with other authorities must not stand in for a certificate.
	c.SessionTicketsDisabled = true
	if policy.Authorities == "" {
		return nil
	}
	c.ClientCAs = x509.NewCertPool()
	certs, err := platform.ParseCertificates(policy.Authorities)
	if err != nil {
		return fmt.Errorf("authorities of clients' certificates: %w", err)
	}
	for _, cert := range certs {
		if !cert.IsCA {
			return errors.New("authorities of clients' certificates: one is not an authority")
		}
		c.ClientCAs.AddCert(cert)
	}
	return nil
}
