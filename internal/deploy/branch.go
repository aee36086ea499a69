package deploy

import (
	"context"
	"fmt"
	"time"

	"sluice/internal/access"
	"sluice/internal/platform"
)

// Branch makes a branch where its parent's is, and queues the first deployment of its
// environment: with the parent's slug, as the code is the same, and a copy of its data.
func (s *Service) Branch(ctx context.Context, project string, req platform.BranchRequest, by platform.Actor) (platform.Activity, error) {
	parent, err := s.mayBegin(ctx, access.Branch, project, req.Parent)
	if err != nil {
		return platform.Activity{}, err
	}
	env, err := s.newBranch(ctx, parent, req)
	if err != nil {
		return platform.Activity{}, err
	}
	// The branch comes first: a crash right after it leaves a branch that looks pushed.
	if err := s.Repositories.SetBranch(ctx, project, env.Name, "", env.HeadCommit); err != nil {
		return platform.Activity{}, err
	}
	if env, err = s.Records.SaveEnvironment(ctx, env); err != nil {
		return platform.Activity{}, err
	}
	from, err := s.dataSource(ctx, env)
	if err != nil {
		return platform.Activity{}, err
	}
	return s.Queue.Enqueue(ctx, withData(platform.Activity{
		Type: platform.ActivityBranch, Project: project, Environment: env.Name, Actor: by,
		Description: fmt.Sprintf("**%s** branched environment **%s** from **%s**", by.Name, titleOf(env), titleOf(parent)),
		Commit:      env.HeadCommit,
	}, from, req.KeepPersonalData))
}

// newBranch checks a request and returns the record that it makes.
func (s *Service) newBranch(ctx context.Context, parent platform.Environment, req platform.BranchRequest) (platform.Environment, error) {
	project, err := s.Records.Project(ctx, parent.Project)
	if err != nil {
		return platform.Environment{}, err
	}
	if req.Name == "" {
		return platform.Environment{}, platform.Errorf(platform.CodeInvalid, "the new environment has no name; nothing was made").WithField("name")
	}
	if err := platform.CheckTitle(req.Title); err != nil {
		return platform.Environment{}, err
	}
	isNew, err := s.mayCreate(ctx, project, req.Name, nil, 0)
	if err != nil {
		return platform.Environment{}, err
	}
	if !isNew {
		return platform.Environment{}, platform.Errorf(platform.CodeConflict, "project %s has an environment %s already; nothing was made", project.ID, req.Name).
			WithHint("to give it the data of its parent: sluice environment:synchronize data -p %s -e %s", project.ID, req.Name)
	}
	env := newEnvironment(project, req.Name)
	env.Parent, env.Title, env.HeadCommit = parent.Name, req.Title, parent.HeadCommit
	env.Settings.NoCloneParent = req.NoCloneParent
	env.Status, env.UpdatedAt = platform.EnvironmentActive, time.Now().UTC()
	switch req.Type {
	case "", platform.Development:
	case platform.Staging:
		env.Type = platform.Staging
	default:
		return platform.Environment{}, platform.Errorf(platform.CodeInvalid, "the type is staging or development, not %q; nothing was made", req.Type).WithField("type")
	}
	return env, nil
}
