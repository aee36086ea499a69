package httpapi

import (
	"net/http"
	"slices"

	"sluice/apiv1"
	"sluice/internal/access"
	"sluice/internal/platform"
)

func (a *api) listMembers(w http.ResponseWriter, r *http.Request, s scope) error {
	members, err := a.Accounts.Members(r.Context(), s.subject, s.project.ID)
	if err != nil {
		return err
	}
	out := make([]apiv1.Access, 0, len(members))
	for _, m := range members {
		out = append(out, a.view(s).Member(m))
	}
	a.writeJSON(w, r, http.StatusOK, out)
	return nil
}

func (a *api) getMember(w http.ResponseWriter, r *http.Request, s scope) error {
	m, err := a.Accounts.Member(r.Context(), s.subject, s.project.ID, r.PathValue("user"))
	if err != nil {
		return err
	}
	a.writeJSON(w, r, http.StatusOK, a.view(s).Member(m))
	return nil
}

func (a *api) setRole(w http.ResponseWriter, r *http.Request, s scope) error {
	var req apiv1.Role
	if err := readJSON(r, &req); err != nil {
		return err
	}
	m, err := a.Accounts.SetRole(r.Context(), s.subject, s.project.ID, r.PathValue("user"), access.Role(req.Role))
	if err != nil {
		return err
	}
	return a.accepted(w, r, http.StatusOK, a.view(s).Member(m))
}

func (a *api) removeMember(w http.ResponseWriter, r *http.Request, s scope) error {
	if err := a.Accounts.RemoveMember(r.Context(), s.subject, s.project.ID, r.PathValue("user")); err != nil {
		return err
	}
	return a.accepted(w, r, http.StatusOK, nil)
}

func (a *api) listTypes(w http.ResponseWriter, r *http.Request, s scope) error {
	out := []apiv1.EnvironmentType{}
	for _, kind := range access.Types() {
		out = append(out, a.view(s).EnvironmentType(kind))
	}
	a.writeJSON(w, r, http.StatusOK, out)
	return nil
}

func (a *api) getType(w http.ResponseWriter, r *http.Request, s scope) error {
	kind, err := typeOfPath(r)
	if err != nil {
		return err
	}
	a.writeJSON(w, r, http.StatusOK, a.view(s).EnvironmentType(kind))
	return nil
}

// typeOfPath returns the type of environments that the path names.
func typeOfPath(r *http.Request) (platform.EnvironmentType, error) {
	kind := platform.EnvironmentType(r.PathValue("type"))
	if !slices.Contains(access.Types(), kind) {
		return "", platform.Errorf(platform.CodeNotFound, "there is no environment type %.100q", string(kind)).
			WithHint("the types are production, staging and development")
	}
	return kind, nil
}

func (a *api) listTypeAccess(w http.ResponseWriter, r *http.Request, s scope) error {
	kind, err := typeOfPath(r)
	if err != nil {
		return err
	}
	members, err := a.Accounts.Members(r.Context(), s.subject, s.project.ID)
	if err != nil {
		return err
	}
	out := []apiv1.TypeAccess{}
	for _, m := range members {
		if role := m.Grant.On(kind); role != access.NoRole {
			out = append(out, a.view(s).TypeAccess(kind, m.User.ID, role))
		}
	}
	a.writeJSON(w, r, http.StatusOK, out)
	return nil
}

func (a *api) getTypeAccess(w http.ResponseWriter, r *http.Request, s scope) error {
	kind, err := typeOfPath(r)
	if err != nil {
		return err
	}
	m, err := a.Accounts.Member(r.Context(), s.subject, s.project.ID, r.PathValue("user"))
	if err != nil {
		return err
	}
	role := m.Grant.On(kind)
	if role == access.NoRole {
		return platform.Errorf(platform.CodeNotFound, "user %s has no access to %s environments of the project %s", m.User.Username, kind, s.project.ID).
			WithHint("`sluice user:list -p %s` shows who has", s.project.ID)
	}
	a.writeJSON(w, r, http.StatusOK, a.view(s).TypeAccess(kind, m.User.ID, role))
	return nil
}

// setTypeRole serves POST, which names the user in the body, and PATCH.
func (a *api) setTypeRole(w http.ResponseWriter, r *http.Request, s scope) error {
	kind, err := typeOfPath(r)
	if err != nil {
		return err
	}
	if err := s.subject.Require(access.TypeMembersManage, s.project.ID, kind); err != nil {
		return err
	}
	var req apiv1.Role
	if err := readJSON(r, &req); err != nil {
		return err
	}
	if user := r.PathValue("user"); user != "" {
		req.User = user
	}
	if req.Role == "" {
		return invalid("role", "the request names no role; nothing was changed").WithHint("the roles are admin, contributor and viewer")
	}
	m, err := a.Accounts.SetTypeRole(r.Context(), s.subject, s.project.ID, kind, req.User, access.Role(req.Role))
	if err != nil {
		return err
	}
	return a.accepted(w, r, http.StatusOK, a.view(s).TypeAccess(kind, m.User.ID, m.Grant.On(kind)))
}

func (a *api) removeTypeRole(w http.ResponseWriter, r *http.Request, s scope) error {
	kind := platform.EnvironmentType(r.PathValue("type"))
	if _, err := a.Accounts.SetTypeRole(r.Context(), s.subject, s.project.ID, kind, r.PathValue("user"), access.NoRole); err != nil {
		return err
	}
	return a.accepted(w, r, http.StatusOK, nil)
}
