package deploy

import (
	"context"
	"fmt"

	"sluice/internal/access"
	"sluice/internal/platform"
	"sluice/internal/work"
)

// Delete queues the deletion of an environment with its branch, its variables and its history.
// One that is not inactive is refused, unless withData says that its containers and its data
// are to be deleted too. Environments below it move up.
func (s *Service) Delete(ctx context.Context, project, name string, withData bool, by platform.Actor) (platform.Activity, error) {
	env, err := s.mayBegin(ctx, access.BranchDelete, project, name)
	if err != nil {
		return platform.Activity{}, err
	}
	if env.Status != platform.EnvironmentInactive && !withData {
		return platform.Activity{}, platform.Errorf(platform.CodeConflict, "environment %s is %s; it was not deleted", name, env.Status).
			WithHint("deactivate it first, which deletes its data: sluice environment:deactivate -p %s -e %s", project, name)
	}
	return s.Queue.Enqueue(ctx, platform.Activity{
		Type: platform.ActivityDelete, Project: project, Environment: name, Actor: by,
		Description: fmt.Sprintf("**%s** deleted environment **%s**", by.Name, titleOf(env)),
	})
}

const phraseDelete = "Environment deletion failed"

// deletionKind is the kind of activity that deletes an environment. It can run twice, so
// recovery runs it again.
func (s *Service) deletionKind() work.Kind {
	run := func(ctx context.Context, job *work.Job) error {
		if err := job.NoCancel(ctx); err != nil {
			return err
		}
		ctx = context.WithoutCancel(ctx)
		a := job.Activity
		env, err := s.Records.Environment(ctx, a.Project, a.Environment)
		if platform.ErrorCode(err) == platform.CodeNotFound {
			return nil // by the first run, which a crash cut off
		}
		if err != nil {
			return err
		}
		if err := job.Step(ctx, platform.StepTeardown, func(ctx context.Context) error { return s.teardown(ctx, job) }); err != nil {
			return err
		}
		return job.Step(ctx, platform.StepDeleteBranch, func(ctx context.Context) error { return s.deleteBranch(ctx, job, env) })
	}
	return work.Kind{
		Types:  []platform.ActivityType{platform.ActivityDelete},
		Phrase: phraseDelete,
		Steps: []work.Step{
			{Name: platform.StepTeardown, Phase: platform.PhaseDeploy}, {Name: platform.StepDeleteBranch, Phase: platform.PhaseDeploy},
		},
		Run: run, Recover: run,
	}
}

// deleteBranch deletes the branch, and then the record: without the record a start would take
// the branch for one that was pushed. A branch that was pushed to since stays.
func (s *Service) deleteBranch(ctx context.Context, job *work.Job, env platform.Environment) error {
	job.Log.Line(2, "Deleting branch %s", env.Name)
	if env.HeadCommit != "" {
		if err := s.Repositories.SetBranch(ctx, env.Project, env.Name, env.HeadCommit, ""); err != nil {
			return work.Failed(phraseDelete, fmt.Sprintf("the environment is inactive now; delete it again: sluice environment:delete -p %s -e %s", env.Project, env.Name),
				fmt.Errorf("delete branch %s: %w", env.Name, err))
		}
	}
	return s.forgetBranch(ctx, env.Project, env.Name)
}
