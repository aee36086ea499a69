package httpapitest

import (
	"context"
	"slices"

	"sluice/internal/platform"
)

// Variables implements project.Records: the project's, the parent's, the environment's.
func (p *Platform) Variables(ctx context.Context, project, env string) ([]platform.Variable, error) {
	var all []platform.Variable
	for _, level := range []string{"", "main", env} {
		if level == "main" && (env == "" || env == "main") {
			continue
		}
		own, err := p.OwnVariables(ctx, project, level)
		if err != nil {
			return nil, err
		}
		all = append(all, own...)
		if env == "" {
			break
		}
	}
	return all, nil
}

// OwnVariables implements project.Records.
func (p *Platform) OwnVariables(_ context.Context, project, env string) ([]platform.Variable, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(p.variables[project]), func(v platform.Variable) bool { return v.Environment != env }), nil
}

// SaveVariable implements project.Records.
func (p *Platform) SaveVariable(ctx context.Context, project string, v platform.Variable) error {
	if err := p.DeleteVariable(ctx, project, v.Environment, v.Name); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.variables[project] = append(p.variables[project], v)
	return nil
}

// DeleteVariable implements project.Records.
func (p *Platform) DeleteVariable(_ context.Context, project, env, name string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.variables[project] = slices.DeleteFunc(p.variables[project], func(v platform.Variable) bool {
		return v.Environment == env && v.Name == name
	})
	return nil
}
