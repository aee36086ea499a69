package httpapi

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"

	"sluice/apiv1"
	"sluice/internal/platform"
)

// checkLevel returns CodeNotFound when the path names an environment that does not exist.
func (a *api) checkLevel(r *http.Request, s scope) error {
	if s.env == "" {
		return nil
	}
	_, err := a.environment(r.Context(), s)
	return err
}

func (a *api) listVariables(w http.ResponseWriter, r *http.Request, s scope) error {
	if err := a.checkLevel(r, s); err != nil {
		return err
	}
	byName, err := a.Variables.Variables(r.Context(), s.project.ID, s.env)
	if err != nil {
		return err
	}
	out := make([]apiv1.Variable, 0, len(byName))
	for _, v := range byName {
		out = append(out, wireVariable(s, v))
	}
	slices.SortFunc(out, func(x, y apiv1.Variable) int { return cmp.Compare(x.Name, y.Name) })
	a.writeJSON(w, r, http.StatusOK, out)
	return nil
}

func (a *api) getVariable(w http.ResponseWriter, r *http.Request, s scope) error {
	if err := a.checkLevel(r, s); err != nil {
		return err
	}
	v, err := a.Variables.Variable(r.Context(), s.project.ID, s.env, r.PathValue("variable"))
	if err != nil {
		return err
	}
	a.writeJSON(w, r, http.StatusOK, wireVariable(s, v))
	return nil
}

func (a *api) createVariable(w http.ResponseWriter, r *http.Request, s scope) error {
	var req apiv1.VariableChange
	if err := readJSON(r, &req); err != nil {
		return err
	}
	if err := a.checkLevel(r, s); err != nil {
		return err
	}
	v, err := a.Variables.CreateVariable(r.Context(), s.subject, s.project.ID, s.env, req.Name, variableChange(req))
	if err != nil {
		return err
	}
	return a.accepted(w, r, http.StatusCreated, wireVariable(s, v))
}

func (a *api) updateVariable(w http.ResponseWriter, r *http.Request, s scope) error {
	var req apiv1.VariableChange
	if err := readJSON(r, &req); err != nil {
		return err
	}
	if err := a.checkLevel(r, s); err != nil {
		return err
	}
	v, err := a.Variables.ChangeVariable(r.Context(), s.subject, s.project.ID, s.env, r.PathValue("variable"), variableChange(req))
	if err != nil {
		return err
	}
	return a.accepted(w, r, http.StatusOK, wireVariable(s, v))
}

func variableChange(req apiv1.VariableChange) platform.VariableChange {
	return platform.VariableChange{
		Value: req.Value, JSON: req.IsJSON, Sensitive: req.IsSensitive, VisibleBuild: req.VisibleBuild,
		VisibleRuntime: req.VisibleRuntime, Enabled: req.IsEnabled, Inheritable: req.IsInheritable,
	}
}

func (a *api) deleteVariable(w http.ResponseWriter, r *http.Request, s scope) error {
	if err := a.checkLevel(r, s); err != nil {
		return err
	}
	if err := a.Variables.DeleteVariable(r.Context(), s.subject, s.project.ID, s.env, r.PathValue("variable")); err != nil {
		return err
	}
	return a.accepted(w, r, http.StatusOK, nil)
}

// wireVariable is the only place where a variable becomes part of a response; it drops
// sensitive values.
func wireVariable(s scope, v platform.Variable) apiv1.Variable {
	at := projectPath(s.project.ID)
	if v.Environment != "" {
		at = environmentPath(s.project.ID, v.Environment)
	}
	self := at + "/variables/" + url.PathEscape(v.Name)
	wire := apiv1.Variable{
		ID:             v.Name,
		Name:           v.Name,
		IsJSON:         v.JSON,
		IsSensitive:    v.Sensitive,
		VisibleBuild:   v.VisibleBuild,
		VisibleRuntime: v.VisibleRuntime,
		Project:        s.project.ID,
		Environment:    v.Environment,
		Inherited:      v.Environment != s.env,
		Links:          apiv1.Links{},
	}
	for _, rel := range []string{"self", "#edit", "#delete"} {
		wire.Links.Set(rel, self)
	}
	if !v.Sensitive {
		wire.Value = &v.Value
	}
	if v.Environment != "" {
		wire.IsEnabled, wire.IsInheritable = &v.Enabled, &v.Inheritable
	}
	return wire
}
