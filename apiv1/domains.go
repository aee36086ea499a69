package apiv1

import (
	"context"
	"net/http"
)

// Domain is a name that visitors reach a project's production environment by.
type Domain struct {
	ID         string `json:"id"` // the name
	Name       string `json:"name"`
	Type       string `json:"type"` // "production"
	Project    string `json:"project"`
	IsDefault  bool   `json:"is_default"` // what {default} in routes stands for
	IsVerified bool   `json:"is_verified"`
	VerifiedAt Time   `json:"verified_at"` // null until then
	// Verification is the DNS record to add; absent when the domain is verified.
	Verification *DomainVerification `json:"verification,omitempty"`
	Attributes   map[string]string   `json:"attributes"` // always empty; for other clients
	SSL          DomainSSL           `json:"ssl"`
	CreatedAt    Time                `json:"created_at"`
	UpdatedAt    Time                `json:"updated_at"`
	Links        Links               `json:"_links,omitempty"`
}

// DomainVerification is a DNS record that shows that a domain is the project's.
type DomainVerification struct {
	Type  string `json:"type"` // "TXT"
	Name  string `json:"name"` // such as "_sluice-challenge.www.example.com"
	Value string `json:"value"`
}

// DomainSSL says whether visitors' browsers are content with the domain's certificate.
type DomainSSL struct {
	HasCertificate bool `json:"has_certificate"`
	ExpiresOn      Time `json:"expires_on"` // of the certificate that is shown; null when none is known
}

// DomainChange adds a domain, or makes one the default.
type DomainChange struct {
	Name      string `json:"name,omitempty"` // when adding
	IsDefault bool   `json:"is_default,omitempty"`
}

func domainPath(project string, name ...string) string {
	return path(append([]string{"projects", project, "domains"}, name...)...)
}

// Domains lists a project's domains, the default one first.
func (c *Client) Domains(ctx context.Context, project string) ([]Domain, error) {
	return get[[]Domain](ctx, c, domainPath(project), nil)
}

// Domain returns one domain of a project.
func (c *Client) Domain(ctx context.Context, project, name string) (Domain, error) {
	return get[Domain](ctx, c, domainPath(project, name), nil)
}

// AddDomain adds a domain and returns it with the activities that this started: a
// deployment of the production environment when there is one that serves.
func (c *Client) AddDomain(ctx context.Context, project string, d DomainChange) (Domain, []Activity, error) {
	return changeWith[Domain](ctx, c, http.MethodPost, domainPath(project), d)
}

// UpdateDomain makes a domain the default; as AddDomain.
func (c *Client) UpdateDomain(ctx context.Context, project, name string, d DomainChange) (Domain, []Activity, error) {
	return changeWith[Domain](ctx, c, http.MethodPatch, domainPath(project, name), d)
}

// VerifyDomain has the server look for the domain's TXT record; as AddDomain.
func (c *Client) VerifyDomain(ctx context.Context, project, name string) (Domain, []Activity, error) {
	return changeWith[Domain](ctx, c, http.MethodPost, domainPath(project, name, "verify"), struct{}{})
}

// DeleteDomain removes a domain and returns the activities that this started.
func (c *Client) DeleteDomain(ctx context.Context, project, name string) ([]Activity, error) {
	return c.start(ctx, http.MethodDelete, domainPath(project, name), nil, nil)
}
