package deploy

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"sluice/internal/contract"
	"sluice/internal/engine"
	"sluice/internal/platform"
	"sluice/internal/topology"
)

// apply is what visitors wait for: hold, stop the background, start, hook, switch. The
// caller undoes it when it fails.
func (d *deployment) apply(ctx context.Context) error {
	for _, s := range []struct {
		step platform.Step
		run  func(context.Context) error
	}{
		{platform.StepHold, d.hold},
		{platform.StepQuiesce, d.quiesce},
		{platform.StepStart, d.start},
		{platform.StepDeployHook, d.deployHooks},
		{platform.StepSwitch, d.publish},
	} {
		if err := d.step(ctx, s.step, s.run); err != nil {
			return err
		}
	}
	return nil
}

// hold makes visitors wait, unless there is nothing that they could see yet.
func (d *deployment) hold(ctx context.Context) error {
	if d.previous == nil {
		return nil
	}
	wait, requests := d.holdLimits()
	d.log.Line(3, "Holding requests (at most %s)", took(wait))
	d.held = true
	report, err := d.Gate.Hold(ctx, platform.Hold{
		Environment: d.env.ID(), Activity: d.activity.ID, MaxWait: wait, MaxRequests: requests, OnDeadline: platform.ReleaseOld,
	})
	if err != nil {
		return failed(phraseDeploy, d.tryAgain(), fmt.Errorf("hold requests: %w; %s", err, d.unharmed()))
	}
	d.activity.Hold = report
	return nil
}

// quiesce stops what works on the data beside requests.
func (d *deployment) quiesce(ctx context.Context) error {
	if d.previous == nil {
		return nil
	}
	d.log.Line(3, "Stopping crons and workers")
	if err := d.Crons.Suspend(ctx, d.env.ID()); err != nil {
		return failed(phraseDeploy, d.tryAgain(), fmt.Errorf("stop crons: %w; the old release was put back", err))
	}
	if err := d.Engine.Quiesce(ctx, d.env.ID(), d.log.At(4)); err != nil {
		return failed(phraseDeploy, d.tryAgain(), fmt.Errorf("stop workers: %w; the old release was put back", err))
	}
	return nil
}

// start opens the new containers on the mounts.
func (d *deployment) start(ctx context.Context) error {
	for _, app := range d.plan.Spec.Apps {
		d.log.Line(3, "Opening application %s and its relationships", app.Name)
	}
	if d.upgradesService() {
		d.touched = true
		if err := d.commit(ctx); err != nil {
			return err
		}
	}
	out := d.log.At(4)
	endpoints, err := d.Engine.Start(ctx, d.plan.Spec, out)
	_ = out.Close() // never fails
	if err != nil {
		return d.startFailed(err)
	}
	d.endpoints = endpoints
	if err := d.postStart(ctx); err != nil {
		return err
	}
	d.offer(ctx)
	return nil
}

// upgradesService reports whether a running service is replaced by another version, which
// may convert its data.
func (d *deployment) upgradesService() bool {
	if d.previous == nil {
		return false
	}
	old := map[string]string{}
	for _, s := range d.previous.plan.Spec.Services {
		old[s.Name] = s.Version
	}
	for _, s := range d.plan.Spec.Services {
		if v, ok := old[s.Name]; ok && v != s.Version {
			return true
		}
	}
	return false
}

func (d *deployment) startFailed(err error) error {
	f, ok := errors.AsType[*engine.Failure](err)
	if !ok {
		return failed(phraseDeploy, d.tryAgain(), fmt.Errorf("start release %s: %w", d.release.ID, err))
	}
	return failed(phraseDeploy, "mend the lines above and push again",
		quoted(fmt.Sprintf("'%s' did not start: %s.", f.Container, f.Message), f.Tail))
}

// postStart runs web.commands.post_start, after which a container may get requests
// (spec: platform 1.8).
func (d *deployment) postStart(ctx context.Context) error {
	for _, app := range d.plan.Spec.Apps {
		if app.PostStart == "" {
			continue
		}
		code, err := d.exec(ctx, app.Name, []string{"/bin/sh", "-c", app.PostStart}, d.log.At(4))
		if err != nil || code != 0 {
			return failed(phraseDeploy, "mend web.commands.post_start and push again",
				fmt.Errorf("post_start of '%s' ended with status %d: %w", app.Name, code, orExit(err)))
		}
	}
	return nil
}

var errExit = errors.New("the command failed")

func orExit(err error) error {
	if err != nil {
		return err
	}
	return errExit
}

// deployHooks runs each application's deploy hook in its web container, one after the
// other, unless nothing changed that it could depend on (spec: platform 1.9; checklist 9).
// Hooks that were begun before the hold are finished first.
func (d *deployment) deployHooks(ctx context.Context) error {
	if err := d.allow(ctx); err != nil {
		return err
	}
	for _, app := range d.plan.Spec.Apps {
		if d.hooked[app.Name] || !hasFile(app.Container, topology.DeployHook) {
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

// whyHook says why the hook has to run; empty when it has not.
func (d *deployment) whyHook(app engine.App) string {
	switch {
	case d.previous == nil:
		return "first deployment"
	case d.activity.Parameters["deploy.hooks"] == "force":
		return "asked for"
	case d.env.Status == platform.EnvironmentDirty:
		return "the last deployment did not finish"
	case d.activity.Commit != d.previous.release.Commit:
		return "new commit"
	}
	for _, old := range d.previous.plan.Spec.Apps {
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
		d.touch(ctx)
	}
	return d.note(d.runHook(ctx, app, nil, func() { d.touch(ctx) }))
}

// logHook runs a hook ($1) with its output also appended to a log ($2), in the form that
// readers of deploy.log know (spec: platform 1.8; commerce-cloud 12.1, invariant 37), and
// exits with the hook's status. A process that the hook leaves behind may hold the output
// open: it is waited for five seconds, for visitors may be waiting too, and its output goes
// to the log only.
const logHook = `printf "[%s] Launching command '%s'.\n" "$(date -u '+%Y-%m-%d %H:%M:%S.%6N')" "$1" >>"$2"
pipe=/tmp/.hook-$$
mkfifo -m 600 "$pipe" || exit 1
{ tee -p -a "$2" <"$pipe"; : >"$pipe.end"; } &
/bin/sh "$1" >"$pipe" 2>&1
code=$?
tries=250
while [ ! -e "$pipe.end" ]; do
    if [ $((tries -= 1)) -lt 0 ]; then
        echo "W: the hook left a process behind that keeps its output open; it is not waited for"
        break
    fi
    sleep 0.02
done
rm -f "$pipe" "$pipe.end"
exit "$code"`

func hookCommand(hook, log string) []string {
	return []string{"/bin/sh", "-c", logHook, "hook", hook, contract.LogDir + "/" + log + ".log"}
}

// touch notes that data may be written from now on: a failure keeps the site closed.
func (d *deployment) touch(ctx context.Context) {
	if d.touched {
		return
	}
	d.touched = true
	if err := d.commit(ctx); err != nil {
		d.Log.ErrorContext(ctx, "tell the router that data is touched", "activity", d.activity.ID, "error", err)
	}
}

// commit makes the router keep the site closed should nobody end the hold.
func (d *deployment) commit(ctx context.Context) error {
	if !d.held {
		return nil
	}
	if err := d.Gate.Commit(ctx, d.env.ID()); err != nil {
		return fmt.Errorf("commit the hold: %w", err)
	}
	return nil
}

// exec runs a command in the release's web container.
func (d *deployment) exec(ctx context.Context, app string, command []string, out *indented) (int, error) {
	code, err := d.Engine.Exec(ctx, engine.ExecRequest{
		Environment: d.env.ID(), Release: d.release.ID, Container: app,
		Command: command, Dir: contract.AppDir, Stdout: out, Stderr: out,
	})
	if err != nil {
		return code, fmt.Errorf("run %s: %w", strings.Join(command, " "), err)
	}
	return code, nil
}

func hasFile(c engine.Container, path string) bool {
	for _, f := range c.Files {
		if f.Path == path {
			return true
		}
	}
	return false
}

// publish sends visitors to the new release. From here on the deployment has succeeded.
func (d *deployment) publish(ctx context.Context) error {
	d.log.Line(3, "Opening environment")
	report, err := d.open(ctx, d.env, live{d.release, d.plan}, d.endpoints)
	if err != nil {
		return failed(phraseDeploy, d.tryAgain(), fmt.Errorf("publish the routes: %w", err))
	}
	if d.held {
		d.activity.Hold = report
	}
	d.held, d.live = false, true
	return d.goLive(ctx)
}

func publication(env platform.Environment, l live, endpoints []engine.Endpoint) platform.Publication {
	p := platform.Publication{
		Environment: env.ID(), Project: env.Project, Subnet: env.Subnet, Release: l.release.ID, Routes: l.release.Routes,
		Backends: map[string][]string{}, MaintenancePage: l.plan.MaintenancePage,
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
		if err := d.Store.SaveRelease(ctx, old); err != nil {
			return fmt.Errorf("record the old release: %w", err)
		}
	}
	d.release.State = platform.ReleaseLive
	d.release.LiveAt = now
	if err := d.Store.SaveRelease(ctx, d.release); err != nil {
		return fmt.Errorf("record the release: %w", err)
	}
	env, err := d.changeEnvironment(ctx, d.project.ID, d.env.Name, func(env *platform.Environment) {
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
