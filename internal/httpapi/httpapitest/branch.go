package httpapitest

import (
	"context"
	"strconv"

	"sluice/internal/access"
	"sluice/internal/platform"
)

// Activate refuses what is active.
func (p *Platform) Activate(
	ctx context.Context, project, env string, req platform.CloneRequest, by platform.Actor,
) (platform.Activity, error) {
	if e, err := p.Environment(ctx, project, env); err != nil || e.Status == platform.EnvironmentActive {
		return platform.Activity{}, platform.Errorf(platform.CodeConflict, "the environment %q is active already", env)
	}
	return p.operate(project, env, by, platform.ActivityActivate, parameters(req)), nil
}

func parameters(req platform.CloneRequest) map[string]string {
	params := map[string]string{}
	if !req.NoCloneParent {
		params[platform.ParameterDataFrom] = "main"
	}
	if req.KeepPersonalData {
		params[platform.ParameterKeepPersonal] = "true"
	}
	return params
}

// Branch refuses a name that exists.
func (p *Platform) Branch(
	ctx context.Context, project string, req platform.BranchRequest, by platform.Actor,
) (platform.Activity, error) {
	if _, err := p.Environment(ctx, project, req.Name); err == nil {
		return platform.Activity{}, platform.Errorf(platform.CodeConflict, "project %s has an environment %s already; nothing was made", project, req.Name)
	}
	parent, err := p.Environment(ctx, project, req.Parent)
	if err != nil {
		return platform.Activity{}, err
	}
	kind := req.Type
	if kind == "" {
		kind = platform.Development
	}
	p.mu.Lock()
	p.addEnvironment(req.Name, kind, platform.EnvironmentActive, "r1")
	e := p.envs[project+"/"+req.Name]
	e.Parent, e.Title = parent.Name, req.Title
	p.envs[project+"/"+req.Name] = e
	p.mu.Unlock()
	return p.operate(project, req.Name, by, platform.ActivityBranch, parameters(req.CloneRequest)), nil
}

// Merge merges into the parent.
func (p *Platform) Merge(ctx context.Context, project, env string, by platform.Actor) (platform.Activity, error) {
	e, err := p.Environment(ctx, project, env)
	if err == nil {
		err = access.State(access.Merge, p.projects[project], e)
	}
	if err != nil {
		return platform.Activity{}, err
	}
	return p.operate(project, e.Parent, by, platform.ActivityMerge, map[string]string{platform.ParameterMergeFrom: env}), nil
}

// Synchronize says in its parameters what it was asked for.
func (p *Platform) Synchronize(
	ctx context.Context, project, env string, req platform.SyncRequest, by platform.Actor,
) (platform.Activity, error) {
	e, err := p.Environment(ctx, project, env)
	if err == nil {
		err = access.State(access.Synchronize, p.projects[project], e)
	}
	if err != nil {
		return platform.Activity{}, err
	}
	params := map[string]string{platform.ParameterRebase: strconv.FormatBool(req.Rebase)}
	if req.Code {
		params[platform.ParameterMergeFrom] = e.Parent
	}
	if req.Data {
		params[platform.ParameterDataFrom] = e.Parent
	}
	return p.operate(project, env, by, platform.ActivitySynchronize, params), nil
}
