package deploy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"

	"sluice/internal/platform"
	"sluice/internal/work"
)

// Recover brings the machine to what the records say after a crash, a reboot or an
// ordinary start: activities that were in progress end with a reason or are completed,
// every environment is served by its live release, and orphans are removed. Call it once,
// before Run.
func (s *Service) Recover(ctx context.Context) error {
	busy, err := s.Queue.Recover(ctx)
	problems := []error{err}
	envs, err := s.Records.Environments(ctx, "")
	if err != nil {
		return errors.Join(append(problems, fmt.Errorf("list environments: %w", err))...)
	}
	for _, env := range envs {
		if slices.ContainsFunc(busy, func(a platform.Activity) bool { return a.Locks(env.Project, env.Name) }) {
			continue // its activity goes on
		}
		if err := s.reconcile(ctx, env); err != nil {
			problems = append(problems, fmt.Errorf("reconcile environment %s: %w", env.ID(), err))
		}
	}
	problems = append(problems, s.removeOrphans(ctx, envs, busy))
	s.dropOldToolkits(ctx)
	return errors.Join(problems...)
}

// recover ends or completes a deployment that a crash cut off, by how far it may have come.
func (d *deployment) recover(ctx context.Context) error {
	step := d.job.Activity.Step
	err := d.load(ctx)
	if err == nil {
		err = d.reload(ctx)
	}
	if err != nil {
		return fmt.Errorf("%w during step %s: %w", work.ErrInterrupted, step, err)
	}
	d.reach = furthest(step)
	switch {
	case d.replaces() && d.reach < platform.Live:
		return d.giveUp(ctx, "%w during step %s; what was there before was put back", work.ErrInterrupted, step)
	case step == platform.StepStart && d.upgradesService():
		d.reach = platform.Touched
	case step == platform.StepDeployHook && !slices.ContainsFunc(d.stored.Spec.Apps, hasDeployHook):
		d.reach = platform.Held
	}
	switch d.reach {
	case platform.Live:
		d.log.Line(3, "The deploy hook had succeeded: completing the deployment.")
		return d.complete(ctx)
	case platform.Touched:
		if step == platform.StepDeployHook {
			return d.recoverHooks(ctx)
		}
		return d.giveUp(ctx, "%w while a service was upgraded, which may have converted its data; the site stays in maintenance", work.ErrInterrupted)
	case platform.Held:
		return d.giveUp(ctx, "%w during step %s; no data was touched and the old release was put back", work.ErrInterrupted, step)
	default:
		return d.giveUp(ctx, "%w during step %s; the site was not touched", work.ErrInterrupted, step)
	}
}

// giveUp undoes the deployment and says why.
func (d *deployment) giveUp(ctx context.Context, format string, args ...any) error {
	d.undo(ctx)
	return failed(d.tryAgain(), fmt.Errorf(format, args...))
}

// reload finds the release that the activity was making; it may not exist yet.
func (d *deployment) reload(ctx context.Context) error {
	id := d.job.Activity.Release
	if id == "" {
		return nil
	}
	r, err := d.s.Records.Release(ctx, d.project.ID, d.env.Name, id)
	if platform.ErrorCode(err) == platform.CodeNotFound {
		d.release.ID = id
		return nil
	}
	if err != nil {
		return fmt.Errorf("release %s: %w", id, err)
	}
	d.release = r
	d.stored, err = readRelease(r)
	return err
}

// complete takes up a deployment whose hooks succeeded.
func (d *deployment) complete(ctx context.Context) error {
	endpoints, err := d.s.Engine.Start(ctx, d.stored.Spec, d.log.At(4))
	if err != nil {
		d.reach = platform.Touched
		d.undo(ctx)
		return d.startFailed(err)
	}
	d.endpoints = endpoints
	if d.env.Release != d.release.ID {
		d.assumeWritten()
		if err := d.publish(ctx); err != nil {
			return err
		}
	} else if d.job.Activity.Hold, err = d.s.open(ctx, d.env, live{d.release, d.stored}, d.endpoints); err != nil {
		return failed(d.tryAgain(), fmt.Errorf("publish the routes: %w", err))
	}
	d.reach = platform.Live
	d.previous = d.retiredBefore(ctx)
	i := slices.IndexFunc(d.steps, func(s work.Step) bool { return s.Name == platform.StepSwitch })
	return d.take(ctx, d.steps[i+1:])
}

// retiredBefore returns the release that the interrupted deployment replaced, so that its
// containers are removed.
func (d *deployment) retiredBefore(ctx context.Context) *live {
	releases, err := d.s.Records.Releases(ctx, d.project.ID, d.env.Name)
	if err != nil {
		return nil // its containers are orphans then, and removed as such
	}
	for _, r := range releases {
		if r.State == platform.ReleaseRetired {
			return &live{release: r}
		}
	}
	return nil
}

// reconcile makes an environment run what its live release says: after a reboot the
// addresses of containers may be new, and the router has to know them.
func (s *Service) reconcile(ctx context.Context, env platform.Environment) error {
	current, err := s.liveRelease(ctx, env)
	if err != nil || current == nil || env.Status == platform.EnvironmentInactive {
		return err
	}
	log := work.NewLogbook(io.Discard)
	if env.Status == platform.EnvironmentPaused {
		if err := s.configure(ctx, env); err != nil {
			return err
		}
		return s.rest(ctx, env, log)
	}
	endpoints, err := s.Engine.Start(ctx, current.stored.Spec, log.At(0))
	if err != nil {
		return fmt.Errorf("start release %s: %w", current.release.ID, err)
	}
	if env.Status == platform.EnvironmentDirty {
		if err := s.configure(ctx, env); err != nil {
			return err
		}
		_, err = s.Gate.Close(ctx, env.ID(), closedMessage)
		return err
	}
	if _, err := s.open(ctx, env, *current, endpoints); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	if err := s.Engine.StartBackground(ctx, current.stored.Spec, log.At(0)); err != nil {
		return fmt.Errorf("start workers: %w", err)
	}
	s.Crons.Resume(current.stored.Crons)
	return nil
}

// rehearsalID is how the identifier of a rehearsal's environment ends: with that of an activity,
// which is shorter than what the identifiers of others end with.
var rehearsalID = regexp.MustCompile(`-rehearsal-[a-z2-7]{13}$`)

// removeOrphans deletes containers of releases that no record wants, and environments
// that have no record. Volumes are never deleted here.
func (s *Service) removeOrphans(ctx context.Context, envs []platform.Environment, busy []platform.Activity) error {
	known := map[platform.EnvironmentID][]string{}
	for _, e := range envs {
		known[e.ID()] = []string{e.Release}
		for _, a := range busy {
			if a.Locks(e.Project, e.Name) {
				known[e.ID()] = append(known[e.ID()], a.Release)
			}
		}
	}
	existing, err := s.Engine.Environments(ctx)
	if err != nil {
		return fmt.Errorf("list what the engine runs: %w", err)
	}
	var problems []error
	for _, id := range existing {
		wanted, ok := known[id]
		if !ok {
			copied := rehearsalID.MatchString(string(id)) // its data is a copy, and nobody's
			problems = append(problems, s.Engine.Destroy(ctx, id, "", copied, io.Discard), s.Gate.Forget(ctx, id))
			continue
		}
		problems = append(problems, s.removeOldReleases(ctx, id, wanted))
	}
	return errors.Join(problems...)
}

func (s *Service) removeOldReleases(ctx context.Context, id platform.EnvironmentID, keep []string) error {
	status, err := s.Engine.Observe(ctx, id)
	if err != nil {
		return fmt.Errorf("observe %s: %w", id, err)
	}
	var problems []error
	removed := map[string]bool{}
	for _, c := range status.Containers {
		if c.Release != "" && !slices.Contains(keep, c.Release) && !removed[c.Release] {
			removed[c.Release] = true
			problems = append(problems, s.Engine.Retire(ctx, id, c.Release, io.Discard))
		}
	}
	return errors.Join(problems...)
}

// EnqueueMissed queues deployments for branches that were pushed while sluiced could not
// queue them: heads maps branch to commit of one project's repository.
func (s *Service) EnqueueMissed(ctx context.Context, project string, heads map[string]string, by platform.Actor) error {
	for branch, commit := range heads {
		env, err := s.Records.Environment(ctx, project, branch)
		if err != nil && platform.ErrorCode(err) != platform.CodeNotFound {
			return err
		}
		if err == nil && env.HeadCommit == commit {
			continue
		}
		push := platform.Push{Project: project, Actor: by, Updates: []platform.RefUpdate{{
			Ref: "refs/heads/" + branch, Old: env.HeadCommit, New: commit,
		}}}
		if err := s.PostReceive(ctx, withOption(push, platform.OptionWait, "false"), io.Discard); err != nil {
			return err
		}
	}
	return nil
}

func withOption(p platform.Push, name, value string) platform.Push {
	p.Options = map[string]string{name: value}
	return p
}
