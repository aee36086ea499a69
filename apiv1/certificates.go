package apiv1

import (
	"context"
	"net/http"
)

// Certificate is one that visitors are shown. Its key is never in a response.
type Certificate struct {
	ID            string     `json:"id"`
	Certificate   string     `json:"certificate"`    // PEM; empty when it is the local authority's
	Chain         []string   `json:"chain"`          // PEM of each intermediate
	IsProvisioned bool       `json:"is_provisioned"` // by the router, not uploaded
	IsInvalid     bool       `json:"is_invalid"`     // browsers do not accept it: expired, or the local authority's
	Domains       []string   `json:"domains"`
	Issuer        []NamePart `json:"issuer"`
	Problem       string     `json:"problem,omitempty"` // why there is not a better one
	NextTry       Time       `json:"next_try,omitzero"` // when the authority is asked again
	CreatedAt     Time       `json:"created_at"`
	ExpiresAt     Time       `json:"expires_at"`
	Links         Links      `json:"_links,omitempty"`
}

// NamePart is one attribute of a distinguished name.
type NamePart struct {
	OID   string `json:"oid"`
	Alias string `json:"alias"` // "commonName"
	Value string `json:"value"`
}

// CertificateUpload is a certificate with its key, all in PEM.
type CertificateUpload struct {
	Certificate string   `json:"certificate"` // of the domains first; intermediates may follow
	Key         string   `json:"key"`
	Chain       []string `json:"chain,omitempty"`
}

func certificatePath(project string, id ...string) string {
	return path(append([]string{"projects", project, "certificates"}, id...)...)
}

// Certificates lists the certificates that visitors of a project are shown: uploaded ones,
// then those that the router has for the hosts of its environments.
func (c *Client) Certificates(ctx context.Context, project string) ([]Certificate, error) {
	return get[[]Certificate](ctx, c, certificatePath(project), nil)
}

// Certificate returns one of Certificates.
func (c *Client) Certificate(ctx context.Context, project, id string) (Certificate, error) {
	return get[Certificate](ctx, c, certificatePath(project, id), nil)
}

// AddCertificate uploads a certificate. It is shown from then on, without a deployment.
func (c *Client) AddCertificate(ctx context.Context, project string, u CertificateUpload) (Certificate, error) {
	return change[Certificate](ctx, c, http.MethodPost, certificatePath(project), u)
}

// DeleteCertificate removes an uploaded certificate.
func (c *Client) DeleteCertificate(ctx context.Context, project, id string) error {
	return c.call(ctx, http.MethodDelete, certificatePath(project, id), nil, nil, nil)
}
