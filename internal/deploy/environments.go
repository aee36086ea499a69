package deploy

import (
	"context"
	"errors"
	"fmt"
	"io"

	"sluice/internal/access"
	"sluice/internal/platform"
	"sluice/internal/work"
)

// Redeploy queues the deployment of the environment's head. params are push options,
// such as deploy.hooks=force or build.force=true.
func (s *Service) Redeploy(ctx context.Context, project, name string, by platform.Actor, params map[string]string) (platform.Activity, error) {
	env, err := s.mayBegin(ctx, access.Redeploy, project, name)
	if err != nil {
		return platform.Activity{}, err
	}
	if params, err = acceptedOptions(params, work.NewLogbook(io.Discard)); err != nil {
		return platform.Activity{}, err
	}
	from, err := s.dataSource(ctx, env)
	if err != nil {
		return platform.Activity{}, err
	}
	return s.Queue.Enqueue(ctx, withData(platform.Activity{
		Type: platform.ActivityRedeploy, Project: project, Environment: name, Actor: by, Parameters: params,
		Description: fmt.Sprintf("**%s** redeployed environment **%s**", by.Name, titleOf(env)),
		Commit:      env.HeadCommit,
	}, from, false))
}

// Activate queues the first deployment of an inactive environment, with a copy of its parent's
// data unless that is not wanted or the parent serves nothing.
func (s *Service) Activate(ctx context.Context, project, name string, req platform.CloneRequest, by platform.Actor) (platform.Activity, error) {
	if _, err := s.mayBegin(ctx, access.Activate, project, name); err != nil {
		return platform.Activity{}, err
	}
	env, err := s.changeEnvironment(ctx, project, name, func(env *platform.Environment) {
		env.Status = platform.EnvironmentActive
		env.Settings.NoCloneParent = req.NoCloneParent
	})
	if err != nil {
		return platform.Activity{}, err
	}
	from, err := s.dataSource(ctx, env)
	if err != nil {
		return platform.Activity{}, err
	}
	return s.Queue.Enqueue(ctx, withData(platform.Activity{
		Type: platform.ActivityActivate, Project: project, Environment: name, Actor: by,
		Description: fmt.Sprintf("**%s** activated environment **%s**", by.Name, titleOf(env)),
		Commit:      env.HeadCommit,
	}, from, req.KeepPersonalData))
}

// Deactivate queues the removal of an environment's containers and data; its branch stays.
func (s *Service) Deactivate(ctx context.Context, project, name string, by platform.Actor) (platform.Activity, error) {
	env, err := s.mayBegin(ctx, access.Deactivate, project, name)
	if err != nil {
		return platform.Activity{}, err
	}
	return s.Queue.Enqueue(ctx, platform.Activity{
		Type: platform.ActivityDeactivate, Project: project, Environment: name, Actor: by,
		Description: fmt.Sprintf("**%s** deactivated environment **%s**", by.Name, titleOf(env)),
	})
}

// deactivationKind is the kind of activity that takes containers and data away.
func (s *Service) deactivationKind() work.Kind {
	return singleStep(platform.ActivityDeactivate, phraseDeactivate, platform.StepTeardown, s.teardown)
}

// singleStep returns a kind of activity whose only step cannot be cancelled. It can run twice,
// so recovery runs it again.
func singleStep(t platform.ActivityType, phrase string, step platform.Step, do func(context.Context, *work.Job) error) work.Kind {
	run := func(ctx context.Context, job *work.Job) error {
		if err := job.NoCancel(ctx); err != nil {
			return err
		}
		ctx = context.WithoutCancel(ctx)
		return job.Step(ctx, step, func(ctx context.Context) error { return do(ctx, job) })
	}
	return work.Kind{
		Types:  []platform.ActivityType{t},
		Phrase: phrase,
		Steps:  []work.Step{{Name: step, Phase: platform.PhaseDeploy}},
		Run:    run, Recover: run,
	}
}

// teardown removes everything of the environment but its branch.
func (s *Service) teardown(ctx context.Context, job *work.Job) error {
	a := job.Activity
	env, err := s.Records.Environment(ctx, a.Project, a.Environment)
	if err != nil {
		return err
	}
	job.Log.Line(2, "Removing environment %s", env.Name)
	if err := s.demolish(ctx, env, job.Log); err != nil {
		return work.Failed(phraseDeactivate, "run it again: sluice environment:deactivate -p "+a.Project+" -e "+env.Name, err)
	}
	_, err = s.changeEnvironment(ctx, a.Project, env.Name, func(env *platform.Environment) {
		env.Status = platform.EnvironmentInactive
		env.Release = ""
	})
	if err != nil {
		return fmt.Errorf("save the environment: %w", err)
	}
	return nil
}

func (s *Service) demolish(ctx context.Context, env platform.Environment, log *work.Logbook) error {
	if err := s.Crons.Forget(ctx, env.ID()); err != nil {
		return fmt.Errorf("stop crons: %w", err)
	}
	if err := s.Gate.Forget(ctx, env.ID()); err != nil {
		return fmt.Errorf("remove routes: %w", err)
	}
	if err := s.Engine.Destroy(ctx, env.ID(), env.Project, true, log.At(3)); err != nil {
		return fmt.Errorf("remove containers and volumes: %w", err)
	}
	s.dropAllSnapshots(ctx, env)
	return nil
}

// dropAllSnapshots removes the snapshots of data that is gone. One that is being read goes
// when that has ended.
func (s *Service) dropAllSnapshots(ctx context.Context, env platform.Environment) {
	list, err := s.Snapshots.List(ctx, env.ID())
	problems := []error{err}
	for _, snap := range list {
		problems = append(problems, s.Snapshots.Remove(ctx, snap.ID))
	}
	if err := errors.Join(problems...); err != nil {
		s.Log.WarnContext(ctx, "could not remove the snapshots of an environment", "environment", string(env.ID()), "error", err)
	}
}

// DemolishProject removes the containers, routes, data and slugs of every environment of
// a project, after it has seen to it that nothing of the project is deployed any more. The
// caller deletes the records and the repository afterwards. It refuses while an activity of
// the project is in progress.
func (s *Service) DemolishProject(ctx context.Context, project string) error {
	cancelled, err := s.Records.CloseProject(ctx, project)
	if err != nil {
		return err
	}
	s.Queue.Dropped(cancelled, "The project is being deleted.")
	envs, err := s.Records.Environments(ctx, project)
	if err != nil {
		return fmt.Errorf("list environments: %w", err)
	}
	for _, env := range envs {
		if err := s.demolish(ctx, env, work.NewLogbook(io.Discard)); err != nil {
			return fmt.Errorf("environment %s: %w", env.Name, err)
		}
	}
	return s.dropAllSlugs(ctx, envs)
}
