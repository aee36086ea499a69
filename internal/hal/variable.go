package hal

import (
	"net/url"

	"sluice/apiv1"
	"sluice/internal/access"
	"sluice/internal/platform"
)

// Variable renders a variable as seen at an environment, or at the project when env is zero.
// It drops sensitive values. An inherited one is edited by a new one that hides it, and
// deleted where it is set.
func (v View) Variable(x platform.Variable, env platform.Environment) apiv1.Variable {
	out := apiv1.Variable{
		ID:               x.Name,
		Name:             x.Name,
		IsJSON:           x.JSON,
		IsSensitive:      x.Sensitive,
		VisibleBuild:     x.VisibleBuild,
		VisibleRuntime:   x.VisibleRuntime,
		ApplicationScope: []string{},
		Attributes:       map[string]string{},
		Project:          v.Project.ID,
		Environment:      x.Environment,
		Inherited:        x.Environment != env.Name,
		Links:            apiv1.Links{},
	}
	if !x.Sensitive {
		out.Value = &x.Value
	}
	at, change := projectPath(v.Project.ID), access.ProjectVarsChange
	if env.Name != "" {
		at, change = environmentPath(v.Project.ID, env.Name), access.VariablesChange
		out.IsEnabled, out.IsInheritable = &x.Enabled, &x.Inheritable
	}
	v.editable(out.Links, at+"/variables/"+url.PathEscape(x.Name), change, env.Type)
	if out.Inherited {
		delete(out.Links, "#delete")
	}
	return out
}
