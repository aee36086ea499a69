package edgectl

import (
	"context"
	"net/http"
	"net/url"

	"sluice/internal/platform"
)

// Certificates is the TLS side of a router.
type Certificates interface {
	// Replace makes list the uploaded certificates: all of them or, on an error, none.
	Replace(ctx context.Context, list []platform.Certificate) error
	// Statuses says for each host what is shown.
	Statuses() []platform.CertificateStatus
	// Prepare orders what the hosts lack, without waiting.
	Prepare(hosts []string)
	// Authority is the certificate of the local authority, PEM.
	Authority() string
}

// ServeCertificates makes the certificates known to a router that has a TLS listener.
func (s *Server) ServeCertificates(c Certificates) { s.certificates = c }

func (s *Server) replaceCertificates(ctx context.Context, _ platform.EnvironmentID, req *http.Request) (nothing, error) {
	var list []platform.KeyedCertificate
	if err := decode(req, &list); err != nil {
		return nothing{}, err
	}
	if s.certificates == nil {
		return nothing{}, errNoTLS()
	}
	return nothing{}, s.certificates.Replace(ctx, platform.FromKeyed(list))
}

func (s *Server) listCertificates(context.Context, platform.EnvironmentID, *http.Request) ([]platform.CertificateStatus, error) {
	if s.certificates == nil {
		return nil, errNoTLS()
	}
	return s.certificates.Statuses(), nil
}

// localAuthority is what a router tells about its own authority.
type localAuthority struct {
	Certificate string `json:"certificate"` // PEM
}

func (s *Server) authority(context.Context, platform.EnvironmentID, *http.Request) (localAuthority, error) {
	if s.certificates == nil {
		return localAuthority{}, errNoTLS()
	}
	return localAuthority{s.certificates.Authority()}, nil
}

// errNoTLS is CodeNotFound: asking again changes nothing.
func errNoTLS() error {
	return platform.Errorf(platform.CodeNotFound, "the router has no TLS listener").
		WithHint("start sluice-router with --listen-tls :443, and sluiced with --https-port 443")
}

// prepare orders certificates for the hosts of a publication that is served by now.
func (s *Server) prepare(p platform.Publication) {
	if s.certificates == nil {
		return
	}
	var hosts []string
	for _, r := range p.Routes {
		if u, err := url.Parse(r.URL); err == nil {
			hosts = append(hosts, u.Hostname())
		}
	}
	s.certificates.Prepare(hosts)
}

// SetCertificates makes list the uploaded certificates of the router. It returns
// CodeNotFound when the router has no TLS listener.
func (c *Client) SetCertificates(ctx context.Context, list []platform.Certificate) error {
	_, err := quick[nothing](ctx, c, http.MethodPut, "/v1/certificates", platform.WithKeys(list))
	return err
}

// Certificates says what the router shows for each host. It returns CodeNotFound when the
// router has no TLS listener.
func (c *Client) Certificates(ctx context.Context) ([]platform.CertificateStatus, error) {
	return quick[[]platform.CertificateStatus](ctx, c, http.MethodGet, "/v1/certificates", nil)
}

// Authority returns the certificate of the router's local authority, PEM. It returns
// CodeNotFound when the router has no TLS listener.
func (c *Client) Authority(ctx context.Context) (string, error) {
	a, err := quick[localAuthority](ctx, c, http.MethodGet, "/v1/authority", nil)
	return a.Certificate, err
}
