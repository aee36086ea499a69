package hal

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"sluice/apiv1"
	"sluice/internal/access"
	"sluice/internal/platform"
)

// Domain renders a domain; certs are those that visitors of the project are shown.
func (v View) Domain(d platform.Domain, certs []apiv1.Certificate) apiv1.Domain {
	self := projectPath(d.Project) + "/domains/" + url.PathEscape(d.Name)
	wire := apiv1.Domain{
		ID: d.Name, Name: d.Name, Type: "production", Project: d.Project, IsDefault: d.Default,
		IsVerified: d.Verified(), VerifiedAt: apiv1.Time{Time: d.VerifiedAt},
		Attributes: map[string]string{}, Links: apiv1.Links{},
		CreatedAt: apiv1.Time{Time: d.CreatedAt}, UpdatedAt: apiv1.Time{Time: d.UpdatedAt},
	}
	v.editable(wire.Links, self, access.DomainManage, "")
	if !d.Verified() {
		wire.Verification = &apiv1.DomainVerification{Type: "TXT", Name: d.ChallengeName(), Value: d.Challenge}
		if v.allows(access.DomainManage, "") {
			wire.Links.Set("#verify", self+"/verify")
		}
	}
	var best time.Time
	for _, c := range certs {
		if !c.IsInvalid && covers(c.Domains, d.Name) && c.ExpiresAt.After(best) {
			best = c.ExpiresAt.Time
		}
	}
	wire.SSL = apiv1.DomainSSL{HasCertificate: !best.IsZero(), ExpiresOn: apiv1.Time{Time: best}}
	return wire
}

// covers reports whether one of a certificate's names is valid for a domain.
func covers(names []string, domain string) bool {
	_, parent, _ := strings.Cut(domain, ".")
	return slices.Contains(names, domain) || slices.Contains(names, "*."+parent)
}
