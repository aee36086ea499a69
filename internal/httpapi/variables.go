package httpapi

import (
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"

	"sluice/apiv1"
	"sluice/internal/platform"
)

// variablePattern is a name with an optional prefix (spec: platform 4.6).
var variablePattern = regexp.MustCompile(`^([a-z][a-z0-9-]*:)?[A-Za-z0-9_][A-Za-z0-9_.:/-]{0,255}$`)

// visible returns the variables of the request's level by name; of several with one name
// the one that counts.
func (a *api) visible(r *http.Request, s scope) (map[string]platform.Variable, error) {
	if s.env != "" {
		if _, err := a.environment(r.Context(), s); err != nil {
			return nil, err
		}
	}
	all, err := a.Variables.Variables(r.Context(), s.project.ID, s.env)
	if err != nil {
		return nil, err
	}
	own, err := a.Variables.OwnVariables(r.Context(), s.project.ID, s.env) // disabled ones too
	if err != nil {
		return nil, err
	}
	byName := map[string]platform.Variable{}
	for _, v := range slices.Concat(all, own) {
		byName[v.Name] = v // lowest precedence comes first
	}
	return byName, nil
}

func (a *api) listVariables(w http.ResponseWriter, r *http.Request, s scope) error {
	byName, err := a.visible(r, s)
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
	byName, err := a.visible(r, s)
	if err != nil {
		return err
	}
	v, ok := byName[r.PathValue("variable")]
	if !ok {
		return noVariable(r.PathValue("variable"))
	}
	a.writeJSON(w, r, http.StatusOK, wireVariable(s, v))
	return nil
}

func noVariable(name string) error {
	return platform.Errorf(platform.CodeNotFound, "there is no variable %q here", name).
		WithHint("`sluice variable:list` shows those there are")
}

func (a *api) createVariable(w http.ResponseWriter, r *http.Request, s scope) error {
	var req apiv1.VariableChange
	if err := readJSON(r, &req); err != nil {
		return err
	}
	if !variablePattern.MatchString(req.Name) {
		return invalid("name", "%q cannot name a variable; nothing was created", req.Name).
			hint("use letters, digits and underscores, with a prefix such as env: for one that programs see: env:MY_KEY")
	}
	if req.Value == nil {
		return invalid("value", "the variable %q needs a value; nothing was created", req.Name)
	}
	byName, err := a.visible(r, s)
	if err != nil {
		return err
	}
	if old, ok := byName[req.Name]; ok && old.Environment == s.env {
		return platform.Errorf(platform.CodeConflict, "the variable %q exists already; it was not changed", req.Name).
			WithHint("change it with `sluice variable:update %s`", req.Name)
	}
	v := platform.Variable{
		Name: req.Name, Environment: s.env, VisibleBuild: true, VisibleRuntime: true, Inheritable: true, Enabled: true,
	}
	return a.saveVariable(w, r, s, http.StatusCreated, v, req)
}

// updateVariable changes a variable where it is set; an inherited one is not touched.
func (a *api) updateVariable(w http.ResponseWriter, r *http.Request, s scope) error {
	var req apiv1.VariableChange
	if err := readJSON(r, &req); err != nil {
		return err
	}
	v, err := a.own(r, s)
	if err != nil {
		return err
	}
	if v.Sensitive && req.IsSensitive != nil && !*req.IsSensitive {
		return invalid("is_sensitive", "a sensitive variable stays sensitive; %q was not changed", v.Name).
			hint("delete it and create it again with its value")
	}
	return a.saveVariable(w, r, s, http.StatusOK, v, req)
}

// own returns the variable that the path names if it is set on the very level.
func (a *api) own(r *http.Request, s scope) (platform.Variable, error) {
	byName, err := a.visible(r, s)
	if err != nil {
		return platform.Variable{}, err
	}
	v, ok := byName[r.PathValue("variable")]
	if !ok {
		return v, noVariable(r.PathValue("variable"))
	}
	if v.Environment != s.env {
		return v, platform.Errorf(platform.CodeNotFound, "the variable %q is inherited, not set here; it was not changed", v.Name).
			WithHint("change it where it is set, or create one here that hides it: `sluice variable:create %s`", v.Name)
	}
	return v, nil
}

func (a *api) saveVariable(
	w http.ResponseWriter, r *http.Request, s scope, status int, v platform.Variable, change apiv1.VariableChange,
) error {
	set(&v.Value, change.Value)
	set(&v.JSON, change.IsJSON)
	set(&v.Sensitive, change.IsSensitive)
	set(&v.VisibleBuild, change.VisibleBuild)
	set(&v.VisibleRuntime, change.VisibleRuntime)
	set(&v.Enabled, change.IsEnabled)
	set(&v.Inheritable, change.IsInheritable)
	if v.JSON && !json.Valid([]byte(v.Value)) {
		return invalid("value", "the value of %q is not JSON; nothing was changed", v.Name)
	}
	if err := a.Variables.SaveVariable(r.Context(), s.project.ID, v); err != nil {
		return err
	}
	return a.accepted(w, r, status, wireVariable(s, v))
}

func set[T any](field *T, to *T) {
	if to != nil {
		*field = *to
	}
}

func (a *api) deleteVariable(w http.ResponseWriter, r *http.Request, s scope) error {
	v, err := a.own(r, s)
	if err != nil {
		return err
	}
	if err := a.Variables.DeleteVariable(r.Context(), s.project.ID, s.env, v.Name); err != nil {
		return err
	}
	return a.accepted(w, r, http.StatusOK, nil)
}

// wireVariable is the only place where a variable becomes an answer: a sensitive value
// ends here.
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
