package httpapi

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"sluice/apiv1"
	"sluice/internal/platform"
)

func (a *api) listCertificates(w http.ResponseWriter, r *http.Request, s scope) error {
	certs, err := a.certificates(r.Context(), s)
	if err != nil {
		return err
	}
	a.writeJSON(w, r, http.StatusOK, certs)
	return nil
}

func (a *api) getCertificate(w http.ResponseWriter, r *http.Request, s scope) error {
	certs, err := a.certificates(r.Context(), s)
	if err != nil {
		return err
	}
	id := r.PathValue("certificate")
	i := slices.IndexFunc(certs, func(c apiv1.Certificate) bool { return c.ID == id })
	if i < 0 {
		return platform.Errorf(platform.CodeNotFound, "certificate %q not found", id).
			WithHint("`sluice certificate:list` shows the certificates")
	}
	a.writeJSON(w, r, http.StatusOK, certs[i])
	return nil
}

// certificates returns the uploaded ones and those that the router ordered or made for the
// hosts of the project. When the router does not respond, only the latter are missing.
func (a *api) certificates(ctx context.Context, s scope) ([]apiv1.Certificate, error) {
	list, err := a.Certificates.Certificates(ctx, s.project.ID)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	out := make([]apiv1.Certificate, 0, len(list))
	for _, c := range list {
		out = append(out, wireCertificate(c, now))
	}
	shown, err := a.Certificates.Shown(ctx)
	if err != nil {
		a.cfg.Log.WarnContext(ctx, "could not ask the router for its certificates", "error", err)
		return out, nil
	}
	hosts, err := a.hosts(ctx, s)
	if err != nil {
		return nil, err
	}
	for _, st := range shown {
		if st.Source != "own" && slices.Contains(hosts, st.Host) {
			out = append(out, wireStatus(s.project.ID, st))
		}
	}
	return out, nil
}

// hosts are those of the routes of all environments of the project.
func (a *api) hosts(ctx context.Context, s scope) ([]string, error) {
	envs, err := a.Environments.Environments(ctx, s.project.ID)
	if err != nil {
		return nil, err
	}
	var hosts []string
	for _, env := range envs {
		routes, err := a.Inspector.Routes(ctx, s.project.ID, env.Name)
		if err != nil {
			return nil, err
		}
		for _, r := range routes {
			if u, err := url.Parse(r.URL); err == nil {
				hosts = append(hosts, strings.ToLower(u.Hostname()))
			}
		}
	}
	return hosts, nil
}

func (a *api) addCertificate(w http.ResponseWriter, r *http.Request, s scope) error {
	var req apiv1.CertificateUpload
	if err := readJSON(r, &req); err != nil {
		return err
	}
	now := time.Now()
	c, err := platform.NewCertificate(s.project.ID, req.Certificate, req.Key, req.Chain, now)
	if err != nil {
		return err
	}
	c, err = a.Certificates.AddCertificate(r.Context(), s.subject, c)
	if err != nil {
		return err
	}
	return a.accepted(w, r, http.StatusCreated, wireCertificate(c, now))
}

func (a *api) deleteCertificate(w http.ResponseWriter, r *http.Request, s scope) error {
	if err := a.Certificates.DeleteCertificate(r.Context(), s.subject, s.project.ID, r.PathValue("certificate")); err != nil {
		return err
	}
	return a.accepted(w, r, http.StatusOK, nil)
}

// wireCertificate is the only place where an uploaded certificate becomes part of a
// response; it drops the key.
func wireCertificate(c platform.Certificate, now time.Time) apiv1.Certificate {
	wire := apiv1.Certificate{
		ID: c.ID, Certificate: c.Certificate, Chain: append([]string{}, c.Chain...), Domains: append([]string{}, c.Domains...),
		IsInvalid: now.After(c.ExpiresAt) || now.Before(c.NotBefore), Issuer: wireName(c.Issuer),
		CreatedAt: apiv1.Time{Time: c.CreatedAt}, ExpiresAt: apiv1.Time{Time: c.ExpiresAt}, Links: apiv1.Links{},
	}
	self := projectPath(c.Project) + "/certificates/" + url.PathEscape(c.ID)
	wire.Links.Set("self", self)
	wire.Links.Set("#delete", self)
	return wire
}

// wireStatus shows a certificate that the router ordered or made. Those of the local
// authority have no identity of their own: it makes one whenever it is asked.
func wireStatus(project string, st platform.CertificateStatus) apiv1.Certificate {
	wire := apiv1.Certificate{
		ID: st.ID, Certificate: st.Certificate, Chain: append([]string{}, st.Chain...), Domains: []string{st.Host},
		IsProvisioned: true, Problem: st.Problem, NextTry: apiv1.Time{Time: st.NextTry}, ExpiresAt: apiv1.Time{Time: st.ExpiresAt},
		Issuer: []apiv1.NamePart{}, Links: apiv1.Links{},
	}
	if st.Source == "local" {
		wire.ID, wire.IsInvalid = "local-"+strings.ReplaceAll(st.Host, "*", "any"), true
		wire.Issuer = append(wire.Issuer, apiv1.NamePart{OID: "2.5.4.3", Alias: "commonName", Value: "Sluice local authority"})
	} else if certs, err := platform.ParseCertificates(st.Certificate); err == nil {
		wire.Issuer = wireName(platform.NameParts(certs[0].Issuer))
	}
	wire.Links.Set("self", projectPath(project)+"/certificates/"+url.PathEscape(wire.ID))
	return wire
}

func wireName(parts []platform.NamePart) []apiv1.NamePart {
	out := make([]apiv1.NamePart, 0, len(parts))
	for _, p := range parts {
		out = append(out, apiv1.NamePart(p))
	}
	return out
}

// covers reports whether one of a certificate's names is valid for a domain.
func covers(names []string, domain string) bool {
	_, parent, _ := strings.Cut(domain, ".")
	return slices.Contains(names, domain) || slices.Contains(names, "*."+parent)
}
