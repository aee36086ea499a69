package httpapi

import (
	"cmp"
	"net/http"
	"slices"

	"sluice/apiv1"
	"sluice/internal/access"
	"sluice/internal/platform"
)

func (a *api) version(w http.ResponseWriter, r *http.Request) error {
	a.writeJSON(w, r, http.StatusOK, apiv1.Version{Version: a.cfg.Version, API: "1"})
	return nil
}

// listProjects shows the projects that the token may see.
func (a *api) listProjects(w http.ResponseWriter, r *http.Request, subject access.Subject) error {
	all, err := a.Projects.Projects(r.Context())
	if err != nil {
		return err
	}
	visible := []apiv1.Project{}
	for _, p := range all {
		if subject.Allows(access.ProjectView, p.ID, "") {
			visible = append(visible, a.view(scope{subject: subject, project: p}).ProjectObject())
		}
	}
	slices.SortFunc(visible, func(x, y apiv1.Project) int { return cmp.Compare(x.ID, y.ID) })
	a.writeJSON(w, r, http.StatusOK, visible)
	return nil
}

func (a *api) createProject(w http.ResponseWriter, r *http.Request, subject access.Subject) error {
	if err := a.Gate.Authorize(r.Context(), subject, access.ProjectCreate, "", ""); err != nil {
		return err
	}
	var req apiv1.ProjectCreate
	if err := readJSON(r, &req); err != nil {
		return err
	}
	p, err := a.Projects.CreateProject(r.Context(), subject, req.ID, req.Title, req.DefaultBranch)
	if err != nil {
		return err
	}
	return a.accepted(w, r, http.StatusCreated, a.view(scope{subject: subject, project: p}).ProjectObject())
}

func (a *api) getProject(w http.ResponseWriter, r *http.Request, s scope) error {
	a.writeJSON(w, r, http.StatusOK, a.view(s).ProjectObject())
	return nil
}

func (a *api) deleteProject(w http.ResponseWriter, r *http.Request, s scope) error {
	if err := a.Projects.DeleteProject(r.Context(), s.subject, s.project.ID); err != nil {
		return err
	}
	return a.accepted(w, r, http.StatusOK, nil)
}

// changeProject changes the title of a project.
func (a *api) changeProject(w http.ResponseWriter, r *http.Request, s scope) error {
	var req apiv1.ProjectChange
	if err := readJSON(r, &req); err != nil {
		return err
	}
	p, err := a.Projects.ChangeProject(r.Context(), s.subject, s.project.ID, platform.ProjectChange{Title: req.Title})
	if err != nil {
		return err
	}
	s.project = p
	return a.accepted(w, r, http.StatusOK, a.view(s).ProjectObject())
}

func (a *api) capabilities(w http.ResponseWriter, r *http.Request, s scope) error {
	a.writeJSON(w, r, http.StatusOK, a.view(s).Capabilities())
	return nil
}

func (a *api) projectSettings(w http.ResponseWriter, r *http.Request, s scope) error {
	a.writeJSON(w, r, http.StatusOK, a.view(s).Settings())
	return nil
}

// nothing is the list of a resource of which a server like this one has none. Clients ask for
// it and would take a 404 for a fault.
func (a *api) nothing(w http.ResponseWriter, r *http.Request, s scope) error {
	if err := a.checkLevel(r, s); err != nil {
		return err
	}
	a.writeJSON(w, r, http.StatusOK, []struct{}{})
	return nil
}
