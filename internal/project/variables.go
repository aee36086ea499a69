package project

import (
	"context"
	"encoding/json"
	"regexp"
	"slices"

	"sluice/internal/access"
	"sluice/internal/platform"
)

// variablePattern is a name with an optional prefix.
var variablePattern = regexp.MustCompile(`^([a-z][a-z0-9-]*:)?[A-Za-z0-9_][A-Za-z0-9_.:/-]{0,255}$`)

// Variables returns the variables of a level by name: of the project when env is "", else
// those that the environment has or inherits from other environments, not the project's. Of
// several with one name it has the one that counts.
func (s *Service) Variables(ctx context.Context, project, env string) (map[string]platform.Variable, error) {
	all, err := s.Records.Variables(ctx, project, env)
	if err != nil {
		return nil, err
	}
	own, err := s.Records.OwnVariables(ctx, project, env) // disabled ones too
	if err != nil {
		return nil, err
	}
	byName := map[string]platform.Variable{}
	for _, v := range slices.Concat(all, own) {
		if env == "" || v.Environment != "" {
			byName[v.Name] = v // lowest precedence comes first
		}
	}
	return byName, nil
}

// Variable returns the variable of that name which counts on a level, or CodeNotFound.
func (s *Service) Variable(ctx context.Context, project, env, name string) (platform.Variable, error) {
	byName, err := s.Variables(ctx, project, env)
	if err != nil {
		return platform.Variable{}, err
	}
	if v, ok := byName[name]; ok {
		return v, nil
	}
	if env != "" {
		if _, err := s.Variable(ctx, project, "", name); err == nil {
			return platform.Variable{}, platform.Errorf(platform.CodeNotFound, "the variable %q is set on the project, not on the environment %s", name, env).
				WithHint("add --level project, or create one that hides it: `sluice variable:create %s -e %s`", name, env)
		}
	}
	return platform.Variable{}, platform.Errorf(platform.CodeNotFound, "variable %q not found", name).
		WithHint("`sluice variable:list` shows the variables")
}

// CreateVariable sets a variable that the level does not have yet.
func (s *Service) CreateVariable(ctx context.Context, by access.Subject, project, env, name string, change platform.VariableChange) (platform.Variable, error) {
	if !variablePattern.MatchString(name) {
		return platform.Variable{}, platform.Errorf(platform.CodeInvalid, "%q is not a valid variable name; nothing was created", name).
			WithHint("use letters, digits and underscores, with a prefix such as env: for one that programs see: env:MY_KEY").WithField("name")
	}
	if change.Value == nil {
		return platform.Variable{}, platform.Errorf(platform.CodeInvalid, "the variable %q needs a value; nothing was created", name).WithField("value")
	}
	byName, err := s.Variables(ctx, project, env)
	if err != nil {
		return platform.Variable{}, err
	}
	if old, ok := byName[name]; ok && old.Environment == env {
		return platform.Variable{}, platform.Errorf(platform.CodeConflict, "the variable %q exists already; it was not changed", name).
			WithHint("change it with `sluice variable:update %s`", name)
	}
	// Clients leave these out: builds see the variables of the project, and those of an
	// environment only when they say so.
	v := platform.Variable{Name: name, Environment: env, VisibleBuild: env == "", VisibleRuntime: true, Inheritable: true, Enabled: true}
	return s.saveVariable(ctx, by, project, v, change, "create ")
}

// ChangeVariable changes a variable of a level. One that is inherited from another environment
// is not touched: the environment gets one of its own with the changes, which hides it.
func (s *Service) ChangeVariable(ctx context.Context, by access.Subject, project, env, name string, change platform.VariableChange) (platform.Variable, error) {
	v, err := s.Variable(ctx, project, env, name)
	if err != nil {
		return v, err
	}
	if v.Environment != env && v.Sensitive && change.Value == nil {
		return v, platform.Errorf(platform.CodeInvalid, "%q is inherited and sensitive, and hiding it needs a value; nothing was changed", name).WithField("value")
	}
	v.Environment = env
	if v.Sensitive && change.Sensitive != nil && !*change.Sensitive {
		return v, platform.Errorf(platform.CodeInvalid, "a sensitive variable stays sensitive; %q was not changed", name).
			WithHint("delete it and create it again with its value").WithField("is_sensitive")
	}
	return s.saveVariable(ctx, by, project, v, change, "change ")
}

// DeleteVariable removes a variable where it is set.
func (s *Service) DeleteVariable(ctx context.Context, by access.Subject, project, env, name string) error {
	v, err := s.ownVariable(ctx, project, env, name)
	if err != nil {
		return err
	}
	if err := s.Record(ctx, by, changeVariables(env), project, env, "delete "+v.Name); err != nil {
		return err
	}
	return s.Records.DeleteVariable(ctx, project, env, v.Name)
}

func (s *Service) saveVariable(
	ctx context.Context, by access.Subject, project string, v platform.Variable, change platform.VariableChange, verb string,
) (platform.Variable, error) {
	v = change.Apply(v)
	if v.JSON && !json.Valid([]byte(v.Value)) {
		return v, platform.Errorf(platform.CodeInvalid, "the value of %q is not JSON; nothing was changed", v.Name).WithField("value")
	}
	if err := s.Record(ctx, by, changeVariables(v.Environment), project, v.Environment, verb+v.Name); err != nil {
		return v, err
	}
	return v, s.Records.SaveVariable(ctx, project, v)
}

// changeVariables is the permission to change variables of a level.
func changeVariables(env string) access.Permission {
	if env == "" {
		return access.ProjectVarsChange
	}
	return access.VariablesChange
}

// ownVariable returns a variable if it is set on the level itself.
func (s *Service) ownVariable(ctx context.Context, project, env, name string) (platform.Variable, error) {
	v, err := s.Variable(ctx, project, env, name)
	if err != nil {
		return v, err
	}
	if v.Environment != env {
		return v, platform.Errorf(platform.CodeNotFound, "the variable %q is inherited, not set here; it was not changed", name).
			WithHint("change it where it is set, or create one here that hides it: `sluice variable:create %s`", name)
	}
	return v, nil
}
