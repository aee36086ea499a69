package httpapi

import (
	"cmp"
	"context"
	"net/http"
	"slices"

	"sluice/apiv1"
	"sluice/internal/platform"
)

// level returns the environment that the path names, zero for a resource of the project.
func (a *api) level(ctx context.Context, s scope) (platform.Environment, error) {
	if s.env == "" {
		return platform.Environment{}, nil
	}
	return a.environment(ctx, s)
}

// checkLevel returns CodeNotFound when the path names an environment that does not exist.
func (a *api) checkLevel(r *http.Request, s scope) error {
	_, err := a.level(r.Context(), s)
	return err
}

func (a *api) listVariables(w http.ResponseWriter, r *http.Request, s scope) error {
	env, err := a.level(r.Context(), s)
	if err != nil {
		return err
	}
	byName, err := a.Variables.Variables(r.Context(), s.project.ID, s.env)
	if err != nil {
		return err
	}
	view := a.view(s)
	out := make([]apiv1.Variable, 0, len(byName))
	for _, v := range byName {
		out = append(out, view.Variable(v, env))
	}
	slices.SortFunc(out, func(x, y apiv1.Variable) int { return cmp.Compare(x.Name, y.Name) })
	a.writeJSON(w, r, http.StatusOK, out)
	return nil
}

func (a *api) getVariable(w http.ResponseWriter, r *http.Request, s scope) error {
	env, err := a.level(r.Context(), s)
	if err != nil {
		return err
	}
	v, err := a.Variables.Variable(r.Context(), s.project.ID, s.env, r.PathValue("variable"))
	if err != nil {
		return err
	}
	a.writeJSON(w, r, http.StatusOK, a.view(s).Variable(v, env))
	return nil
}

func (a *api) createVariable(w http.ResponseWriter, r *http.Request, s scope) error {
	return a.saveVariable(w, r, s, http.StatusCreated, func(req apiv1.VariableChange) (platform.Variable, error) {
		return a.Variables.CreateVariable(r.Context(), s.subject, s.project.ID, s.env, req.Name, variableChange(req))
	})
}

func (a *api) updateVariable(w http.ResponseWriter, r *http.Request, s scope) error {
	return a.saveVariable(w, r, s, http.StatusOK, func(req apiv1.VariableChange) (platform.Variable, error) {
		return a.Variables.ChangeVariable(r.Context(), s.subject, s.project.ID, s.env, r.PathValue("variable"), variableChange(req))
	})
}

func (a *api) saveVariable(
	w http.ResponseWriter, r *http.Request, s scope, status int, save func(apiv1.VariableChange) (platform.Variable, error),
) error {
	var req apiv1.VariableChange
	if err := readJSON(r, &req); err != nil {
		return err
	}
	env, err := a.level(r.Context(), s)
	if err != nil {
		return err
	}
	if len(req.ApplicationScope) > 0 {
		return invalid("application_scope", "variables are visible to all applications; nothing was changed")
	}
	v, err := save(req)
	if err != nil {
		return err
	}
	return a.accepted(w, r, status, a.view(s).Variable(v, env))
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
