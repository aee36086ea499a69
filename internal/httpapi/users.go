package httpapi

import (
	"cmp"
	"net/http"
	"slices"

	"sluice/apiv1"
	"sluice/internal/access"
	"sluice/internal/hal"
	"sluice/internal/platform"
)

// routeAccounts lists the resources of users. Those of a project decide by themselves who may
// do what: a role on a type of environments counts for the access to that type.
func (a *api) routeAccounts(project string) {
	a.authenticated("GET /api/users/me", a.me)
	a.authenticated("GET /api/users", a.listUsers)
	a.authenticated("POST /api/users", a.createUser)
	a.authenticated("GET /api/users/{user}", a.getUser)
	a.authenticated("PATCH /api/users/{user}", a.changeUser)
	a.authenticated("DELETE /api/users/{user}", a.deleteUser)
	a.authenticated("POST /api/users/me/password", a.setPassword)
	a.authenticated("POST /api/users/me/factor", a.enrollFactor)
	a.authenticated("POST /api/users/me/factor/confirm", a.confirmFactor)
	a.authenticated("POST /api/users/me/factor/remove", a.removeFactor)
	a.authenticated("GET /api/me", a.profile)
	a.authenticated("POST /api/me/verification", a.verification)

	a.authenticated("GET /api/tokens", a.listTokens)
	a.authenticated("POST /api/tokens", a.createToken)
	a.authenticated("DELETE /api/tokens/{token}", a.revokeToken)

	a.scoped("GET "+project+"/access", access.MembersView, a.listMembers)
	a.scoped("GET "+project+"/access/{user}", access.MembersView, a.getMember)
	a.scoped("PATCH "+project+"/access/{user}", access.MembersManage, a.setRole)
	a.scoped("DELETE "+project+"/access/{user}", access.MembersManage, a.removeMember)
	a.routeInvitations(project)
	types := project + "/environment-types"
	a.scoped("GET "+types, access.ProjectView, a.listTypes)
	a.scoped("GET "+types+"/{type}", access.ProjectView, a.getType)
	a.scoped("GET "+types+"/{type}/access", access.MembersView, a.listTypeAccess)
	a.scoped("POST "+types+"/{type}/access", access.MembersView, a.setTypeRole)
	a.scoped("GET "+types+"/{type}/access/{user}", access.MembersView, a.getTypeAccess)
	a.scoped("PATCH "+types+"/{type}/access/{user}", access.MembersView, a.setTypeRole)
	a.scoped("DELETE "+types+"/{type}/access/{user}", access.MembersView, a.removeTypeRole)
}

// me shows the caller, with the rights that its token leaves.
func (a *api) me(w http.ResponseWriter, r *http.Request, subject access.Subject) error {
	u, err := a.Accounts.Me(r.Context(), subject)
	if err != nil {
		return err
	}
	wire := hal.User(u)
	if subject.Limits != nil {
		wire.Scopes = grantTexts(subject.Limits)
	}
	a.writeJSON(w, r, http.StatusOK, wire)
	return nil
}

func (a *api) getUser(w http.ResponseWriter, r *http.Request, subject access.Subject) error {
	u, err := a.Accounts.User(r.Context(), subject, r.PathValue("user"))
	if err != nil {
		return err
	}
	a.writeJSON(w, r, http.StatusOK, hal.User(u))
	return nil
}

func (a *api) listUsers(w http.ResponseWriter, r *http.Request, subject access.Subject) error {
	users, err := a.Accounts.Users(r.Context(), subject)
	if err != nil {
		return err
	}
	out := make([]apiv1.User, 0, len(users))
	for _, u := range users {
		out = append(out, hal.User(u))
	}
	a.writeJSON(w, r, http.StatusOK, out)
	return nil
}

func (a *api) createUser(w http.ResponseWriter, r *http.Request, subject access.Subject) error {
	var req apiv1.UserCreate
	if err := readJSON(r, &req); err != nil {
		return err
	}
	u, err := a.Accounts.CreateUser(r.Context(), subject, platform.NewUser{
		Email: req.Email, FirstName: req.FirstName, LastName: req.LastName, Password: req.Password, Scopes: req.Scopes,
	})
	if err != nil {
		return err
	}
	return a.accepted(w, r, http.StatusCreated, hal.User(u))
}

func (a *api) changeUser(w http.ResponseWriter, r *http.Request, subject access.Subject) error {
	var req apiv1.UserChange
	if err := readJSON(r, &req); err != nil {
		return err
	}
	u, err := a.Accounts.ChangeUser(r.Context(), subject, r.PathValue("user"), platform.UserChange{
		FirstName: req.FirstName, LastName: req.LastName, State: (*platform.UserState)(req.State),
	})
	if err != nil {
		return err
	}
	return a.accepted(w, r, http.StatusOK, hal.User(u))
}

func (a *api) deleteUser(w http.ResponseWriter, r *http.Request, subject access.Subject) error {
	if err := a.Accounts.DeleteUser(r.Context(), subject, r.PathValue("user")); err != nil {
		return err
	}
	return a.accepted(w, r, http.StatusOK, nil)
}

// profile is where clients find the projects and the SSH keys of the caller.
func (a *api) profile(w http.ResponseWriter, r *http.Request, subject access.Subject) error {
	u, err := a.Accounts.Me(r.Context(), subject)
	if err != nil {
		return err
	}
	projects, err := a.Projects.Projects(r.Context())
	if err != nil {
		return err
	}
	keys, err := a.sshKeys(r, subject)
	if err != nil {
		return err
	}
	out := apiv1.Profile{
		ID: u.ID, UUID: u.ID, Username: u.Username, Mail: u.Email, DisplayName: u.DisplayName(),
		SSHKeys: keys, Projects: []apiv1.ProfileProject{}, Links: apiv1.Links{},
	}
	for _, p := range projects {
		if subject.Allows(access.ProjectView, p.ID, "") {
			out.Projects = append(out.Projects, apiv1.ProfileProject{
				ID: p.ID, Title: cmp.Or(p.Title, p.ID), Name: p.ID, Endpoint: baseURL(r) + hal.View{Project: p}.ProjectPath(), Status: "active",
				CreatedAt: apiv1.Time{Time: p.CreatedAt},
			})
		}
	}
	slices.SortFunc(out.Projects, func(x, y apiv1.ProfileProject) int { return cmp.Compare(x.ID, y.ID) })
	out.Links.Set("self", "/api/me")
	a.writeJSON(w, r, http.StatusOK, out)
	return nil
}

// baseURL returns the scheme and host that the client used.
func baseURL(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// verification tells clients that no phone number or card is asked for.
func (a *api) verification(w http.ResponseWriter, r *http.Request, _ access.Subject) error {
	a.writeJSON(w, r, http.StatusOK, struct {
		State bool   `json:"state"`
		Type  string `json:"type"`
	}{})
	return nil
}

func grantTexts(grants []access.Grant) []string {
	texts := make([]string, 0, len(grants))
	for _, g := range grants {
		texts = append(texts, g.String())
	}
	return texts
}
