package httpapi

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

	"sluice/apiv1"
	"sluice/internal/platform"
)

func (a *api) listDomains(w http.ResponseWriter, r *http.Request, s scope) error {
	list, err := a.Domains.Domains(r.Context(), s.project.ID)
	if err != nil {
		return err
	}
	certs, err := a.certificates(r.Context(), s)
	if err != nil {
		return err
	}
	out := make([]apiv1.Domain, 0, len(list))
	for _, d := range list {
		out = append(out, wireDomain(d, certs))
	}
	a.writeJSON(w, r, http.StatusOK, out)
	return nil
}

func (a *api) getDomain(w http.ResponseWriter, r *http.Request, s scope) error {
	d, err := a.domain(r.Context(), s, r.PathValue("domain"))
	if err != nil {
		return err
	}
	certs, err := a.certificates(r.Context(), s)
	if err != nil {
		return err
	}
	a.writeJSON(w, r, http.StatusOK, wireDomain(d, certs))
	return nil
}

func (a *api) domain(ctx context.Context, s scope, name string) (platform.Domain, error) {
	list, err := a.Domains.Domains(ctx, s.project.ID)
	if err != nil {
		return platform.Domain{}, err
	}
	normal, err := platform.NormalDomain(name)
	i := slices.IndexFunc(list, func(d platform.Domain) bool { return d.Name == normal })
	if err != nil || i < 0 {
		return platform.Domain{}, platform.Errorf(platform.CodeNotFound, "the project %q has no domain %q", s.project.ID, name).
			WithHint("`sluice domain:list` shows those there are")
	}
	return list[i], nil
}

func (a *api) addDomain(w http.ResponseWriter, r *http.Request, s scope) error {
	var req apiv1.DomainChange
	if err := readJSON(r, &req); err != nil {
		return err
	}
	name, err := platform.NormalDomain(req.Name)
	if err != nil {
		return &detailed{err, map[string]string{"name": "not valid"}}
	}
	d, err := a.Domains.AddDomain(r.Context(), platform.Domain{Project: s.project.ID, Name: name, Default: req.IsDefault})
	if err != nil {
		return err
	}
	return a.rerouted(w, r, s, http.StatusCreated, &d)
}

// updateDomain makes a domain the default; it stays that until another one is.
func (a *api) updateDomain(w http.ResponseWriter, r *http.Request, s scope) error {
	var req apiv1.DomainChange
	if err := readJSON(r, &req); err != nil {
		return err
	}
	if !req.IsDefault {
		return invalid("is_default", "only is_default can be changed, to true; nothing was changed").
			hint("make another domain the default: `sluice domain:update NAME --default`")
	}
	d, err := a.domain(r.Context(), s, r.PathValue("domain"))
	if err != nil {
		return err
	}
	if err := a.Domains.SetDefaultDomain(r.Context(), s.project.ID, d.Name); err != nil {
		return err
	}
	d.Default = true
	return a.rerouted(w, r, s, http.StatusOK, &d)
}

func (a *api) deleteDomain(w http.ResponseWriter, r *http.Request, s scope) error {
	d, err := a.domain(r.Context(), s, r.PathValue("domain"))
	if err != nil {
		return err
	}
	if err := a.Domains.DeleteDomain(r.Context(), s.project.ID, d.Name); err != nil {
		return err
	}
	return a.rerouted(w, r, s, http.StatusOK, nil)
}

// rerouted answers for a change of the domains. A production environment that serves is
// deployed again, for its routes changed (spec: commerce-cloud 1.1).
func (a *api) rerouted(w http.ResponseWriter, r *http.Request, s scope, status int, d *platform.Domain) error {
	var entity any
	if d != nil {
		entity = wireDomain(*d, nil)
	}
	env, err := a.Environments.Environment(r.Context(), s.project.ID, s.project.DefaultBranch)
	if platform.ErrorCode(err) == platform.CodeNotFound {
		return a.accepted(w, r, status, entity)
	}
	if err != nil {
		return err
	}
	if env.Status != platform.EnvironmentActive && env.Status != platform.EnvironmentDirty {
		return a.accepted(w, r, status, entity)
	}
	act, err := a.Deployments.Redeploy(r.Context(), s.project.ID, env.Name, s.actor, nil)
	if err != nil {
		a.cfg.Log.WarnContext(r.Context(), "domains changed, but the environment is not deployed again", "project", s.project.ID, "error", err)
		return a.accepted(w, r, status, entity)
	}
	return a.accepted(w, r, status, entity, wireActivity(act))
}

func wireDomain(d platform.Domain, certs []apiv1.Certificate) apiv1.Domain {
	self := projectPath(d.Project) + "/domains/" + url.PathEscape(d.Name)
	wire := apiv1.Domain{
		ID: d.Name, Name: d.Name, Type: "production", Project: d.Project, IsDefault: d.Default,
		Attributes: map[string]string{}, Links: apiv1.Links{},
		CreatedAt: apiv1.Time{Time: d.CreatedAt}, UpdatedAt: apiv1.Time{Time: d.UpdatedAt},
	}
	for _, rel := range []string{"self", "#edit", "#delete"} {
		wire.Links.Set(rel, self)
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
