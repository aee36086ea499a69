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

func (a *api) me(w http.ResponseWriter, r *http.Request, subject access.Subject) error {
	user := apiv1.User{ID: subject.ID, Username: subject.ID, DisplayName: subject.Name, Scopes: []string{}, Links: apiv1.Links{}}
	for _, g := range subject.Grants {
		user.Scopes = append(user.Scopes, g.String())
	}
	user.Links.Set("self", "/api/users/me")
	a.writeJSON(w, r, http.StatusOK, user)
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
			visible = append(visible, a.wireProject(p))
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
	return a.accepted(w, r, http.StatusCreated, a.wireProject(p))
}

func (a *api) getProject(w http.ResponseWriter, r *http.Request, s scope) error {
	a.writeJSON(w, r, http.StatusOK, a.wireProject(s.project))
	return nil
}

func (a *api) deleteProject(w http.ResponseWriter, r *http.Request, s scope) error {
	if err := a.Projects.DeleteProject(r.Context(), s.subject, s.project.ID); err != nil {
		return err
	}
	return a.accepted(w, r, http.StatusOK, nil)
}

func (a *api) wireProject(p platform.Project) apiv1.Project {
	self := projectPath(p.ID)
	links := apiv1.Links{}
	for rel, at := range map[string]string{
		"self": "", "environments": "/environments", "activities": "/activities", "variables": "/variables",
		"domains": "/domains", "#manage-domains": "/domains", "certificates": "/certificates",
		"#manage-variables": "/variables", "#delete": "",
	} {
		links.Set(rel, self+at)
	}
	return apiv1.Project{
		ID:            p.ID,
		Title:         p.Title,
		DefaultBranch: p.DefaultBranch,
		Timezone:      "UTC",
		Status:        apiv1.ProjectStatus{Code: "provision", Message: "ok"},
		Repository:    apiv1.Repository{URL: a.cfg.RepositoryURL(p.ID)},
		CreatedAt:     apiv1.Time{Time: p.CreatedAt},
		UpdatedAt:     apiv1.Time{Time: p.UpdatedAt},
		Links:         links,
	}
}
