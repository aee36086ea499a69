package hal

import (
	"net/url"
	"strings"
	"time"

	"sluice/apiv1"
	"sluice/internal/access"
	"sluice/internal/platform"
)

// Certificate renders an uploaded certificate; it drops the key.
func (v View) Certificate(c platform.Certificate, now time.Time) apiv1.Certificate {
	wire := apiv1.Certificate{
		ID: c.ID, Certificate: c.Certificate, Chain: append([]string{}, c.Chain...), Domains: append([]string{}, c.Domains...),
		IsInvalid: now.After(c.ExpiresAt) || now.Before(c.NotBefore), Issuer: wireName(c.Issuer),
		CreatedAt: apiv1.Time{Time: c.CreatedAt}, ExpiresAt: apiv1.Time{Time: c.ExpiresAt}, Links: apiv1.Links{},
	}
	self := projectPath(c.Project) + "/certificates/" + url.PathEscape(c.ID)
	wire.Links.Set("self", self)
	if v.allows(access.CertificateManage, "") {
		wire.Links.Set("#delete", self)
	}
	return wire
}

// CertificateStatus renders a certificate that the router ordered or made. Those of the local
// authority have no identity of their own: it makes one whenever it is asked.
func (v View) CertificateStatus(st platform.CertificateStatus) apiv1.Certificate {
	wire := apiv1.Certificate{
		ID: st.ID, Certificate: st.Certificate, Chain: append([]string{}, st.Chain...), Domains: []string{st.Host},
		IsProvisioned: true, Problem: st.Problem, NextTry: apiv1.Time{Time: st.NextTry}, ExpiresAt: apiv1.Time{Time: st.ExpiresAt},
		Issuer: []apiv1.NamePart{}, Links: apiv1.Links{},
	}
	if st.ExpiresAt.IsZero() { // there is none yet; clients end with a fatal error at null
		wire.ExpiresAt = apiv1.Time{Time: time.Unix(0, 0)}
	}
	if st.Source == "local" {
		wire.ID, wire.IsInvalid = "local-"+strings.ReplaceAll(st.Host, "*", "any"), true
		wire.Issuer = append(wire.Issuer, apiv1.NamePart{OID: "2.5.4.3", Alias: "commonName", Value: "Sluice local authority"})
	} else if certs, err := platform.ParseCertificates(st.Certificate); err == nil {
		wire.Issuer = wireName(platform.NameParts(certs[0].Issuer))
	}
	wire.Links.Set("self", projectPath(v.Project.ID)+"/certificates/"+url.PathEscape(wire.ID))
	return wire
}

func wireName(parts []platform.NamePart) []apiv1.NamePart {
	out := make([]apiv1.NamePart, 0, len(parts))
	for _, p := range parts {
		out = append(out, apiv1.NamePart(p))
	}
	return out
}
