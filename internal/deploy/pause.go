package deploy

import (
	"context"
	"fmt"

	"sluice/internal/access"
	"sluice/internal/platform"
	"sluice/internal/work"
)

// Pause queues the removal of an environment's containers. Its data and its addresses stay;
// visitors get a page that says so.
func (s *Service) Pause(ctx context.Context, project, name string, by platform.Actor) (platform.Activity, error) {
	env, err := s.mayBegin(ctx, access.Pause, project, name)
	if err != nil {
		return platform.Activity{}, err
	}
	return s.Queue.Enqueue(ctx, platform.Activity{
		Type: platform.ActivityPause, Project: project, Environment: name, Actor: by,
		Description: fmt.Sprintf("**%s** paused environment **%s**", by.Name, titleOf(env)),
	})
}

// Resume queues the deployment of a paused environment's head.
func (s *Service) Resume(ctx context.Context, project, name string, by platform.Actor) (platform.Activity, error) {
	env, err := s.mayBegin(ctx, access.Resume, project, name)
	if err != nil {
		return platform.Activity{}, err
	}
	return s.Queue.Enqueue(ctx, platform.Activity{
		Type: platform.ActivityResume, Project: project, Environment: name, Actor: by,
		Description: fmt.Sprintf("**%s** resumed environment **%s**", by.Name, titleOf(env)),
		Commit:      env.HeadCommit,
	})
}

// mayBegin returns an environment whose state allows an operation, unless too much of the
// project waits already.
func (s *Service) mayBegin(ctx context.Context, p access.Permission, project, name string) (platform.Environment, error) {
	record, err := s.Records.Project(ctx, project)
	if err != nil {
		return platform.Environment{}, err
	}
	env, err := s.Records.Environment(ctx, project, name)
	if err != nil {
		return env, err
	}
	if err := access.State(p, record, env); err != nil {
		return env, err
	}
	return env, s.mayQueue(ctx, project)
}

const (
	phrasePause   = "Environment pause failed"
	pausedMessage = "This site is paused."
)

// pauseKind is the kind of activity that lets an environment rest.
func (s *Service) pauseKind() work.Kind {
	return singleStep(platform.ActivityPause, phrasePause, platform.StepRest, s.pause)
}

func (s *Service) pause(ctx context.Context, job *work.Job) error {
	a := job.Activity
	project, err := s.Records.Project(ctx, a.Project)
	if err != nil {
		return err
	}
	env, err := s.Records.Environment(ctx, a.Project, a.Environment)
	if err != nil {
		return err
	}
	if env.Status != platform.EnvironmentPaused { // by the first run, which a crash cut off
		if err := access.State(access.Pause, project, env); err != nil {
			return err
		}
	}
	job.Log.Line(2, "Pausing environment %s", env.Name)
	// First the record: after a crash no start brings back what is being taken away.
	env, err = s.changeEnvironment(ctx, a.Project, env.Name, func(env *platform.Environment) { env.Status = platform.EnvironmentPaused })
	if err == nil {
		err = s.rest(ctx, env, job.Log)
	}
	if err != nil {
		return work.Failed(phrasePause, "resume it: sluice environment:resume -p "+a.Project+" -e "+env.Name, err)
	}
	job.Log.Line(3, "Its data stays; `sluice environment:resume -p %s -e %s` starts it again", a.Project, env.Name)
	return nil
}

// rest takes everything of an environment away but its data and its addresses.
func (s *Service) rest(ctx context.Context, env platform.Environment, log *work.Logbook) error {
	if err := s.Crons.Forget(ctx, env.ID()); err != nil {
		return fmt.Errorf("stop crons: %w", err)
	}
	if _, err := s.Gate.Close(ctx, env.ID(), pausedMessage); err != nil {
		return fmt.Errorf("close the environment: %w", err)
	}
	if err := s.Engine.Destroy(ctx, env.ID(), env.Project, false, log.At(3)); err != nil {
		return fmt.Errorf("remove containers: %w", err)
	}
	return nil
}
