package store

import (
	"context"
	"fmt"
	"slices"

	"sluice/internal/platform"
)

const variableColumns = `name, value, ifnull(environment, ''), json, sensitive, visible_build, visible_runtime, inheritable, enabled`

func (s *Store) scanVariable(row scanner) (platform.Variable, error) {
	var v platform.Variable
	var value []byte
	err := row.Scan(&v.Name, sealedColumn{sealer: s.sealer, to: &value}, &v.Environment, &v.JSON, &v.Sensitive,
		&v.VisibleBuild, &v.VisibleRuntime, &v.Inheritable, &v.Enabled)
	v.Value = string(value)
	return v, err
}

// Variables returns the variables that apply to an environment, lowest precedence first:
// the project's, inherited ones from the farthest parent to the nearest, the
// environment's own. A name may come more than once; the last one counts, and hides those
// before it also when it is disabled. An empty env gives the project's own.
func (s *Store) Variables(ctx context.Context, project, env string) ([]platform.Variable, error) {
	chain, err := s.parents(ctx, project, env)
	if err != nil {
		return nil, err
	}
	all, err := s.OwnVariables(ctx, project, "")
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Backward(chain) {
		own, err := s.OwnVariables(ctx, project, name)
		if err != nil {
			return nil, err
		}
		if name != env {
			own = slices.DeleteFunc(own, func(v platform.Variable) bool { return !v.Inheritable })
		}
		all = append(all, own...)
	}
	return all, nil
}

// parents returns the environment and its ancestors, nearest first. A loop of parents
// ends where it closes.
func (s *Store) parents(ctx context.Context, project, env string) ([]string, error) {
	var chain []string
	for name := env; name != "" && !slices.Contains(chain, name); {
		e, err := s.Environment(ctx, project, name)
		if platform.ErrorCode(err) == platform.CodeNotFound {
			break // a variable may be asked for before the first push; a parent may be gone
		}
		if err != nil {
			return nil, err
		}
		chain = append(chain, name)
		name = e.Parent
	}
	return chain, nil
}

// OwnVariables lists the variables of the environment itself, or of the project when env
// is "", by name.
func (s *Store) OwnVariables(ctx context.Context, project, env string) ([]platform.Variable, error) {
	return collect(ctx, s.reader, s.scanVariable, `
		SELECT `+variableColumns+` FROM variables
		WHERE project = ? AND ifnull(environment, '') = ? ORDER BY name`, project, env)
}

// SaveVariable creates or replaces a variable of v.Environment, or of the project when
// that is empty. A sensitive variable stays sensitive; a project variable is always enabled.
// It returns CodeNotFound when there is no such project or environment.
func (s *Store) SaveVariable(ctx context.Context, project string, v platform.Variable) error {
	err := s.exec(ctx, `
		INSERT INTO variables (project, environment, name, value, json, sensitive, visible_build, visible_runtime, inheritable, enabled)
		VALUES (?, nullif(?, ''), ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (project, ifnull(environment, ''), name) DO UPDATE SET
			value = excluded.value, json = excluded.json, sensitive = max(sensitive, excluded.sensitive),
			visible_build = excluded.visible_build, visible_runtime = excluded.visible_runtime,
			inheritable = excluded.inheritable, enabled = excluded.enabled`,
		project, v.Environment, v.Name, sealedColumn{sealer: s.sealer, plain: []byte(v.Value)}, v.JSON, v.Sensitive,
		v.VisibleBuild, v.VisibleRuntime, v.Inheritable, v.Enabled || v.Environment == "")
	if err != nil {
		return fmt.Errorf("save variable %s: %w", v.Name, err)
	}
	return nil
}

// DeleteVariable removes a variable of the environment, or of the project when env is "".
// Deleting one that is gone is not an error.
func (s *Store) DeleteVariable(ctx context.Context, project, env, name string) error {
	return s.exec(ctx, `DELETE FROM variables WHERE project = ? AND ifnull(environment, '') = ? AND name = ?`, project, env, name)
}
