package deploy

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"sluice/internal/contract"
	"sluice/internal/engine"
	"sluice/internal/platform"
	"sluice/internal/work"
)

// hold makes visitors wait, unless there is nothing that they could see yet.
func (d *deployment) hold(ctx context.Context) error {
	if d.previous == nil {
		return nil
	}
	wait, requests := d.holdLimits()
	d.heldSince = time.Now()
	d.log.Line(3, "Holding requests (at most %s)", work.Took(wait))
	d.reach = platform.Held
	report, err := d.s.Gate.Hold(ctx, platform.Hold{
		Environment: d.env.ID(), Activity: d.job.Activity.ID, MaxWait: wait, MaxRequests: requests, OnDeadline: platform.ReleaseOld,
	})
	if err != nil {
		return failed(d.tryAgain(), fmt.Errorf("hold requests: %w; %s", err, d.unharmed()))
	}
	d.job.Activity.Hold = report
	return nil
}

// quiesce stops what works on the data beside requests.
func (d *deployment) quiesce(ctx context.Context) error {
	if d.previous == nil {
		return nil
	}
	d.log.Line(3, "Stopping crons, workers and background processes")
	if err := d.s.Crons.Suspend(ctx, d.env.ID()); err != nil {
		return failed(d.tryAgain(), fmt.Errorf("stop crons: %w; the old release was put back", err))
	}
	var strays sync.WaitGroup
	strays.Go(func() { d.quietPrevious(ctx) })
	err := d.s.Engine.Quiesce(ctx, d.env.ID(), d.log.At(4))
	strays.Wait()
	if err != nil {
		return failed(d.tryAgain(), fmt.Errorf("stop workers: %w; the old release was put back", err))
	}
	return nil
}

// start opens the new containers on the mounts.
func (d *deployment) start(ctx context.Context) error {
	for _, app := range d.stored.Spec.Apps {
		d.log.Line(3, "Opening application %s and its relationships", app.Name)
	}
	if d.upgradesService() {
		if err := d.touch(ctx); err != nil {
			return err
		}
	}
	out := d.log.At(4)
	endpoints, err := d.s.Engine.Start(ctx, d.stored.Spec, out)
	_ = out.Close() // never fails
	if err != nil {
		return d.startFailed(err)
	}
	d.endpoints = endpoints
	d.offer(ctx)
	return nil
}

// upgradesService reports whether a running service is replaced by another version, which
// may convert its data.
func (d *deployment) upgradesService() bool {
	if d.previous == nil {
		return false
	}
	_, _, changes := versionChange(d.previous.stored.Spec, d.stored.Spec, anyService)
	return changes
}

func anyService(engine.Service) bool { return true }

// versionChange returns a service, of those that are counted, that both specifications have,
// in different versions.
func versionChange(before, after engine.Spec, counts func(engine.Service) bool) (was, is engine.Service, changes bool) {
	for _, s := range after.Services {
		i := slices.IndexFunc(before.Services, func(b engine.Service) bool { return b.Name == s.Name })
		if i >= 0 && before.Services[i].Version != s.Version && counts(s) {
			return before.Services[i], s, true
		}
	}
	return engine.Service{}, engine.Service{}, false
}

func (d *deployment) startFailed(err error) error {
	f, ok := errors.AsType[*engine.Failure](err)
	if !ok {
		return failed(d.tryAgain(), fmt.Errorf("start release %s: %w", d.release.ID, err))
	}
	return failed("fix what the lines above name and push again",
		work.Quoted(fmt.Sprintf("'%s' did not start: %s.", f.Container, f.Message), f.Tail))
}

// hookError says how a hook failed: err is why it could not be run.
func hookError(r platform.CommandResult, err error) error {
	if err != nil {
		return fmt.Errorf("the %s hook of '%s' could not be run: %w", r.Type, r.App, err)
	}
	return fmt.Errorf("the %s hook of '%s' failed with status code %d", r.Type, r.App, r.ExitCode)
}

// deployHooks runs each application's deploy hook in its web container, one after the
// other, unless nothing changed that it could depend on. Hooks that were begun before the
// hold are finished first.
func (d *deployment) deployHooks(ctx context.Context) error {
	if err := d.allow(ctx); err != nil {
		return err
	}
	for _, app := range d.stored.Spec.Apps {
		if d.hooked[app.Name] || !hasDeployHook(app) {
			continue
		}
		why := d.whyHook(app)
		if why == "" {
			d.skipHook(app)
			continue
		}
		if err := d.deployHook(ctx, app, why); err != nil {
			return err
		}
	}
	return nil
}

func (d *deployment) skipHook(app engine.App) {
	d.hooked[app.Name] = true
	d.log.Line(3, "Skipping the deploy hook of application %s: nothing changed since release %s (force it with deploy.hooks=force)",
		app.Name, d.previous.release.ID)
}

// whyHook says why the hook has to run; empty when it does not have to.
func (d *deployment) whyHook(app engine.App) string {
	switch {
	case d.previous == nil:
		return "first deployment"
	case d.replaces():
		return "other data"
	case d.job.Activity.Parameters[optionHooks] == "force":
		return "asked for"
	case d.env.Status == platform.EnvironmentDirty:
		return "the last deployment did not finish"
	case d.job.Activity.Commit != d.previous.release.Commit:
		return "new commit"
	}
	for _, old := range d.previous.stored.Spec.Apps {
		if old.Name != app.Name {
			continue
		}
		switch {
		case old.Image != app.Image:
			return "new slug"
		case !reflect.DeepEqual(old.Env, app.Env):
			return "variables, routes or relationships changed"
		case !reflect.DeepEqual(old.Files, app.Files):
			return "configuration changed"
		default:
			return ""
		}
	}
	return "new application"
}

func (d *deployment) deployHook(ctx context.Context, app engine.App, why string) error {
	d.log.Line(3, "Executing deploy hook for application %s (%s)", app.Name, why)
	if !tellsTouch(app) {
		if err := d.touch(ctx); err != nil {
			return err
		}
	}
	return d.note(d.runDeployHook(ctx, app, nil, func() { d.touched(ctx) }))
}

// touch notes that data may be written from now on: a failure keeps the site closed. With an
// error nothing was noted, and nothing must be written.
func (d *deployment) touch(ctx context.Context) error {
	if d.reach >= platform.Touched {
		return nil
	}
	if err := d.commit(ctx); err != nil {
		return failed(d.tryAgain(), err)
	}
	if err := d.keepBefore(ctx); err != nil {
		return err
	}
	d.reach = platform.Touched
	return nil
}

// touched is touch for a hook that has said that it writes and does not wait.
func (d *deployment) touched(ctx context.Context) {
	if err := d.touch(ctx); err != nil {
		d.reach = platform.Touched
		d.s.Log.ErrorContext(ctx, "could not commit the hold when data was touched", "activity", d.job.Activity.ID, "error", err)
	}
}

// commit makes the router keep the site closed if the hold reaches its deadline.
func (d *deployment) commit(ctx context.Context) error {
	if d.previous == nil {
		return nil // there is no hold
	}
	if err := d.s.Gate.Commit(ctx, d.env.ID()); err != nil {
		return fmt.Errorf("commit the hold: %w", err)
	}
	return nil
}

// exec runs a command in the release's web container.
func (d *deployment) exec(ctx context.Context, app string, command []string, out *work.Lines) (int, error) {
	code, err := d.s.Engine.Exec(ctx, engine.ExecRequest{
		Environment: d.env.ID(), Release: d.release.ID, Container: app,
		Command: command, Dir: contract.AppDir, Stdout: out, Stderr: out,
	})
	if err != nil {
		return code, fmt.Errorf("run %s: %w", strings.Join(command, " "), err)
	}
	return code, nil
}

// publish sends visitors to the new release. From here on the deployment has succeeded.
func (d *deployment) publish(ctx context.Context) error {
	d.warmHeld(ctx)
	d.log.Line(3, "Opening environment")
	report, err := d.s.open(ctx, d.env, live{d.release, d.stored}, d.endpoints)
	if err != nil {
		return failed(d.tryAgain(), fmt.Errorf("publish the routes: %w", err))
	}
	if d.previous != nil {
		d.job.Activity.Hold = report
	}
	d.reach = platform.Live
	return d.goLive(ctx)
}

// subnet returns the network in which an environment's containers are; "" where the engine
// chooses networks itself.
func (s *Service) subnet(env platform.Environment) string {
	if !s.Engine.Capabilities().Subnets {
		return ""
	}
	return env.Subnet
}

func (s *Service) publication(env platform.Environment, l live, endpoints []engine.Endpoint) platform.Publication {
	p := platform.Publication{
		Environment: env.ID(), Project: env.Project, Subnet: s.subnet(env), Release: l.release.ID, Routes: l.release.Routes,
		Backends: map[string][]string{}, MaintenancePage: l.stored.MaintenancePage,
	}
	for _, e := range endpoints {
		p.Backends[e.App] = append(p.Backends[e.App], e.Address)
	}
	return p
}

// goLive records which release serves.
func (d *deployment) goLive(ctx context.Context) error {
	now := time.Now().UTC()
	if d.previous != nil && d.previous.release.ID != d.release.ID {
		old := d.previous.release
		old.State = platform.ReleaseRetired
		if err := d.s.Records.SaveRelease(ctx, old); err != nil {
			return fmt.Errorf("record the old release: %w", err)
		}
	}
	d.release.State = platform.ReleaseLive
	d.release.LiveAt = now
	d.release.Data = d.dataState()
	if err := d.s.Records.SaveRelease(ctx, d.release); err != nil {
		return fmt.Errorf("record the release: %w", err)
	}
	env, err := d.s.changeEnvironment(ctx, d.project.ID, d.env.Name, func(env *platform.Environment) {
		env.Release = d.release.ID
		env.Status = platform.EnvironmentActive
		env.DeployedAt = now
	})
	if err != nil {
		return fmt.Errorf("record the environment: %w", err)
	}
	d.env = env
	return nil
}
