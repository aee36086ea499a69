package httpapitest

import (
	"context"
	"maps"
	"slices"
	"time"

	"sluice/internal/platform"
)

// ChangeEnvironment applies a change.
func (p *Platform) ChangeEnvironment(_ context.Context, project, name string, change platform.EnvironmentChange) (platform.Environment, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	env := p.envs[project+"/"+name]
	if err := change.CheckPlace(env, p.projects[project].DefaultBranch, slices.Collect(maps.Values(p.envs))); err != nil {
		return platform.Environment{}, err
	}
	env, err := change.Apply(env)
	if err != nil {
		return platform.Environment{}, err
	}
	p.envs[project+"/"+name] = env
	return env, nil
}

// Bypass returns a link that ends after its life.
func (p *Platform) Bypass(_ context.Context, project, name string, life time.Duration) (link string, until time.Time, err error) {
	if life == 0 {
		life = time.Hour
	}
	return "https://" + name + "-" + project + ".example/.well-known/sluice/bypass?token=t", p.now.Add(life), nil
}
