package httpapi

import (
	"net/http"

	"sluice/apiv1"
	"sluice/internal/platform"
)

// environmentDomains lists the project's domains for its production environment, none for another.
func (a *api) environmentDomains(w http.ResponseWriter, r *http.Request, s scope) error {
	env, err := a.environment(r.Context(), s)
	if err != nil {
		return err
	}
	if env.Type != platform.Production {
		a.writeJSON(w, r, http.StatusOK, []apiv1.Domain{})
		return nil
	}
	return a.listDomains(w, r, s)
}

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
		out = append(out, a.view(s).Domain(d, certs))
	}
	a.writeJSON(w, r, http.StatusOK, out)
	return nil
}

func (a *api) getDomain(w http.ResponseWriter, r *http.Request, s scope) error {
	d, err := a.Domains.Domain(r.Context(), s.project.ID, r.PathValue("domain"))
	if err != nil {
		return err
	}
	certs, err := a.certificates(r.Context(), s)
	if err != nil {
		return err
	}
	a.writeJSON(w, r, http.StatusOK, a.view(s).Domain(d, certs))
	return nil
}

func (a *api) addDomain(w http.ResponseWriter, r *http.Request, s scope) error {
	var req apiv1.DomainChange
	if err := readJSON(r, &req); err != nil {
		return err
	}
	if s.env != "" {
		env, err := a.environment(r.Context(), s)
		if err != nil {
			return err
		}
		if env.Type != platform.Production {
			return invalid("name", "only the production environment can have domains; nothing was changed")
		}
	}
	d, activities, err := a.Domains.AddDomain(r.Context(), s.subject, s.project.ID, req.Name, req.IsDefault)
	if err != nil {
		return refused(err)
	}
	return a.domainChanged(w, r, s, http.StatusCreated, a.view(s).Domain(d, nil), activities)
}

// updateDomain makes a domain the default one; it stays so until another one is.
func (a *api) updateDomain(w http.ResponseWriter, r *http.Request, s scope) error {
	var req apiv1.DomainChange
	if err := readJSON(r, &req); err != nil {
		return err
	}
	if !req.IsDefault {
		return invalid("is_default", "only is_default can be changed, to true; nothing was changed").
			WithHint("make another domain the default: `sluice domain:update NAME --default`")
	}
	d, activities, err := a.Domains.SetDefaultDomain(r.Context(), s.subject, s.project.ID, r.PathValue("domain"))
	if err != nil {
		return err
	}
	return a.domainChanged(w, r, s, http.StatusOK, a.view(s).Domain(d, nil), activities)
}

func (a *api) verifyDomain(w http.ResponseWriter, r *http.Request, s scope) error {
	d, activities, err := a.Domains.VerifyDomain(r.Context(), s.subject, s.project.ID, r.PathValue("domain"))
	if err != nil {
		return err
	}
	return a.domainChanged(w, r, s, http.StatusOK, a.view(s).Domain(d, nil), activities)
}

func (a *api) deleteDomain(w http.ResponseWriter, r *http.Request, s scope) error {
	activities, err := a.Domains.DeleteDomain(r.Context(), s.subject, s.project.ID, r.PathValue("domain"))
	if err != nil {
		return err
	}
	return a.domainChanged(w, r, s, http.StatusOK, nil, activities)
}

func (a *api) domainChanged(w http.ResponseWriter, r *http.Request, s scope, status int, entity any, activities []platform.Activity) error {
	started := make([]apiv1.Activity, 0, len(activities))
	for _, act := range activities {
		started = append(started, a.view(s).Activity(act, platform.Production))
	}
	return a.accepted(w, r, status, entity, started...)
}
