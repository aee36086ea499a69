package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"sluice/internal/engine"
	"sluice/internal/platform"
	"sluice/internal/topology"
)

// Recover brings the machine to what the records say after a crash, a reboot or an
// ordinary start: activities that were in progress end with a reason or are completed,
// every environment is served by its live release, orphans are removed, and pushes that
// were stored but not queued are queued. Call it once, before Run.
func (s *Service) Recover(ctx context.Context) error {
	unfinished, err := s.Store.Unfinished(ctx)
	if err != nil {
		return fmt.Errorf("list unfinished activities: %w", err)
	}
	var problems []error
	for _, a := range unfinished {
		if err := s.recoverActivity(ctx, a); err != nil {
			problems = append(problems, fmt.Errorf("recover activity %s: %w", a.ID, err))
		}
	}
	envs, err := s.Store.Environments(ctx, "")
	if err != nil {
		return errors.Join(append(problems, fmt.Errorf("list environments: %w", err))...)
	}
	for _, env := range envs {
		if err := s.reconcile(ctx, env); err != nil {
			problems = append(problems, fmt.Errorf("reconcile environment %s: %w", env.ID(), err))
		}
	}
	problems = append(problems, s.removeOrphans(ctx, envs))
	s.dropOldToolkits(ctx)
	s.poke()
	return errors.Join(problems...)
}

// errInterrupted is why an activity ended that a crash cut off.
var errInterrupted = errors.New("the control plane stopped")

// recoverActivity decides by the recorded step: before the hook nothing was touched and
// the old release is put back; during it data may be half changed and the site stays
// closed; after it the deployment is completed.
func (s *Service) recoverActivity(ctx context.Context, a platform.Activity) error {
	w, err := s.Journal.Log(a.ID)
	if err != nil {
		return fmt.Errorf("open its log: %w", err)
	}
	defer func() { _ = w.Close() }() // sealed by conclude
	d := &deployment{Service: s, log: newLogbook(w), activity: a}
	d.log.Blank()
	d.log.Line(0, "The control plane stopped during step %s and is back.", a.Step)
	if err := d.load(ctx); err != nil {
		s.conclude(ctx, d.activity, d.log, fmt.Errorf("%w during step %s: %w", errInterrupted, a.Step, err))
		return nil
	}
	if err := d.reload(ctx); err != nil {
		return err
	}
	s.conclude(ctx, d.activity, d.log, d.recover(ctx))
	return nil
}

// reload finds the release that the activity was making; it may not exist yet.
func (d *deployment) reload(ctx context.Context) error {
	if d.activity.Release == "" {
		return nil
	}
	r, err := d.Store.Release(ctx, d.project.ID, d.env.Name, d.activity.Release)
	if platform.ErrorCode(err) == platform.CodeNotFound {
		d.release.ID = d.activity.Release
		return nil
	}
	if err != nil {
		return fmt.Errorf("release %s: %w", d.activity.Release, err)
	}
	d.release = r
	d.plan, err = decodePlan(r)
	return err
}

func (d *deployment) recover(ctx context.Context) error {
	step := d.activity.Step
	switch {
	case d.activity.Type == platform.ActivityDeactivate, d.activity.Type == platform.ActivityDelete:
		return d.teardown(ctx)
	case step.Before(platform.StepHold):
		d.undo(ctx)
		return failed(phraseDeploy, d.tryAgain(), fmt.Errorf("%w during step %s; the site was not touched", errInterrupted, step))
	case step == platform.StepStart && d.upgradesService():
		d.touched = true
		d.undo(ctx)
		return failed(phraseDeploy, d.tryAgain(), fmt.Errorf(
			"%w while a service was upgraded, which may have converted its data; the site stays in maintenance", errInterrupted))
	case step.Before(platform.StepDeployHook), step == platform.StepDeployHook && !d.hadHook():
		d.held = d.previous != nil
		d.undo(ctx)
		return failed(phraseDeploy, d.tryAgain(), fmt.Errorf("%w during step %s; no data was touched and the old release was put back", errInterrupted, step))
	case step == platform.StepDeployHook:
		d.touched = true
		d.undo(ctx)
		return failed(phraseDeploy, d.tryAgain(), fmt.Errorf("%w while the deploy hook ran; the site stays in maintenance", errInterrupted))
	default:
		return d.complete(ctx)
	}
}

// hadHook reports whether the interrupted hook step ran anything.
func (d *deployment) hadHook() bool {
	return slices.ContainsFunc(d.plan.Spec.Apps, func(app engine.App) bool { return hasFile(app.Container, topology.DeployHook) })
}

// complete takes up a deployment whose hooks had succeeded.
func (d *deployment) complete(ctx context.Context) error {
	d.log.Line(3, "The deploy hook had succeeded: completing the deployment.")
	if err := d.readManifest(ctx); err != nil {
		return err
	}
	endpoints, err := d.Engine.Start(ctx, d.plan.Spec, d.log.At(4))
	if err != nil {
		d.touched = true
		d.undo(ctx)
		return d.startFailed(err)
	}
	d.endpoints = endpoints
	d.held = true
	if d.env.Release != d.release.ID {
		if err := d.publish(ctx); err != nil {
			return err
		}
	} else if d.activity.Hold, err = d.open(ctx, d.env, live{d.release, d.plan}, d.endpoints); err != nil {
		return failed(phraseDeploy, d.tryAgain(), fmt.Errorf("publish the routes: %w", err))
	}
	d.previous = d.retiredBefore(ctx)
	return d.settle(ctx)
}

// retiredBefore returns the release that the interrupted deployment replaced, so that its
// containers are removed.
func (d *deployment) retiredBefore(ctx context.Context) *live {
	releases, err := d.Store.Releases(ctx, d.project.ID, d.env.Name)
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
	log := newLogbook(discard{})
	endpoints, err := s.Engine.Start(ctx, current.plan.Spec, log.At(0))
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
	if err := s.Engine.StartBackground(ctx, current.plan.Spec, log.At(0)); err != nil {
		return fmt.Errorf("start workers: %w", err)
	}
	s.Crons.Resume(current.plan.Crons)
	return nil
}

// removeOrphans deletes containers of releases that no record wants, and environments
// that have no record. Volumes are never deleted here.
func (s *Service) removeOrphans(ctx context.Context, envs []platform.Environment) error {
	known := map[platform.EnvironmentID]string{}
	for _, e := range envs {
		known[e.ID()] = e.Release
	}
	existing, err := s.Engine.Environments(ctx)
	if err != nil {
		return fmt.Errorf("list what the engine runs: %w", err)
	}
	var problems []error
	for _, id := range existing {
		release, ok := known[id]
		if !ok {
			problems = append(problems, s.Engine.Destroy(ctx, id, false, discard{}), s.Gate.Forget(ctx, id))
			continue
		}
		problems = append(problems, s.removeOldReleases(ctx, id, release))
	}
	return errors.Join(problems...)
}

func (s *Service) removeOldReleases(ctx context.Context, id platform.EnvironmentID, keep string) error {
	status, err := s.Engine.Observe(ctx, id)
	if err != nil {
		return fmt.Errorf("observe %s: %w", id, err)
	}
	var problems []error
	removed := map[string]bool{}
	for _, c := range status.Containers {
		if c.Release != "" && c.Release != keep && !removed[c.Release] {
			removed[c.Release] = true
			problems = append(problems, s.Engine.Retire(ctx, id, c.Release, discard{}))
		}
	}
	return errors.Join(problems...)
}

// EnqueueMissed queues deployments for branches that were pushed while nobody could
// queue them: heads maps branch to commit of one project's repository.
func (s *Service) EnqueueMissed(ctx context.Context, project string, heads map[string]string, by platform.Actor) error {
	for branch, commit := range heads {
		env, err := s.Store.Environment(ctx, project, branch)
		if err != nil && platform.ErrorCode(err) != platform.CodeNotFound {
			return err
		}
		if err == nil && env.HeadCommit == commit {
			continue
		}
		push := platform.Push{Project: project, Actor: by, Updates: []platform.RefUpdate{{
			Ref: "refs/heads/" + branch, Old: env.HeadCommit, New: commit,
		}}}
		if err := s.PostReceive(ctx, withOption(push, "deploy.wait", "false"), discard{}); err != nil {
			return err
		}
	}
	return nil
}

func withOption(p platform.Push, name, value string) platform.Push {
	p.Options = map[string]string{name: value}
	return p
}
