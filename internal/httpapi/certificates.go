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
		out = append(out, a.view(s).Certificate(c, now))
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
			out = append(out, a.view(s).CertificateStatus(st))
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
		serving, err := a.Inspector.Deployment(ctx, s.project.ID, env.Name)
		if err != nil {
			return nil, err
		}
		for _, r := range serving.Routes {
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
	return a.accepted(w, r, http.StatusCreated, a.view(s).Certificate(c, now))
}

func (a *api) deleteCertificate(w http.ResponseWriter, r *http.Request, s scope) error {
	if err := a.Certificates.DeleteCertificate(r.Context(), s.subject, s.project.ID, r.PathValue("certificate")); err != nil {
		return err
	}
	return a.accepted(w, r, http.StatusOK, nil)
}
