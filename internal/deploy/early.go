package deploy

import (
	"context"
	"errors"
	"fmt"

	"sluice/internal/contract"
	"sluice/internal/engine"
	"sluice/internal/platform"
	"sluice/internal/topology"
)

// Deploy hooks that say themselves when they first write to data are begun before the hold,
// while the old release serves. Such a hook checks and plans; before its first write it
// waits until the platform has held the requests. A hook that finds nothing to do never
// waits, and then visitors wait for the switch only.

// earlyHook is a deploy hook that was begun before the hold and has not ended.
type earlyHook struct {
	app   engine.App
	ended chan struct{} // closed when the outcome is set
	outcome
	stop context.CancelCauseFunc // ends the hook's processes
}

// outcome is how a hook ended.
type outcome struct {
	result platform.CommandResult
	data   string // state of the application's data; empty when it is as it was before
	err    error
}

// errUndone is why a hook that waits for the hold is ended.
var errUndone = errors.New("the deployment was undone")

// early runs the hooks of the applications, in their order, until the first that is about
// to write to data; that one waits. It stops at the first hook that makes no such promise.
func (d *deployment) early(ctx context.Context) error {
	hooks := topology.EarlyHooks{First: d.previous == nil, Unfinished: d.env.Status == platform.EnvironmentDirty}
	hooks.ServicesChanged = d.previous != nil && topology.ServicesChanged(d.previous.stored.Spec, d.stored.Spec)
	if hooks.Refused() != "" {
		return nil
	}
	for _, app := range d.stored.Spec.Apps {
		if !hasDeployHook(app) {
			continue
		}
		why := d.whyHook(app)
		if why == "" {
			d.skipHook(app)
			continue
		}
		if !topology.HookBeginsEarly(app) {
			return nil
		}
		d.log.Line(3, "Executing deploy hook for application %s (%s); requests are served until it writes to data", app.Name, why)
		waits, err := d.begin(ctx, app)
		if err != nil || waits {
			return err
		}
	}
	return nil
}

// begin starts a hook and returns when it has ended or, with waits, when it is about to
// write. When ctx ends before, so does the hook.
func (d *deployment) begin(ctx context.Context, app engine.App) (waits bool, err error) {
	hook, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	e := &earlyHook{app: app, ended: make(chan struct{}), stop: stop}
	d.hooked[app.Name] = true
	touching := make(chan struct{})
	go func() {
		defer close(e.ended)
		e.outcome = d.runDeployHook(hook, app, map[string]string{contract.HoldVariable: contract.HoldFile}, func() { close(touching) })
	}()
	select {
	case <-touching:
		d.waiting = e
		return true, nil
	case <-e.ended:
		select {
		case <-touching: // it said so and ended at once, whatever it wrote before that
			d.waiting = e
			return true, nil
		default:
		}
		stop(nil)
		return false, d.note(e.outcome)
	case <-ctx.Done():
		stop(context.Cause(ctx))
		<-e.ended
		return false, context.Cause(ctx)
	}
}

// allow lets the hook that waits write, now that requests are held, and returns when it
// has ended.
func (d *deployment) allow(ctx context.Context) error {
	e := d.waiting
	if e == nil {
		return nil
	}
	defer d.abandon()
	if err := d.touch(ctx); err != nil {
		return err
	}
	code, err := d.exec(ctx, e.app.Name, []string{"/bin/sh", "-c", ": >" + contract.HoldFile}, d.log.At(4))
	if err != nil || code != 0 {
		return failed(d.tryAgain(), hookError(platform.CommandResult{App: e.app.Name, Type: "waiting deploy", ExitCode: code}, err))
	}
	<-e.ended
	return d.note(e.outcome)
}

// abandon ends a hook that still runs; it has written to nothing if it waits.
func (d *deployment) abandon() {
	if d.waiting == nil {
		return
	}
	d.waiting.stop(errUndone)
	<-d.waiting.ended
	d.waiting = nil
}

// note adds the outcome of a hook to the activity.
func (d *deployment) note(o outcome) error {
	d.job.Activity.Commands = append(d.job.Activity.Commands, o.result)
	if o.data != "" {
		d.wrote[o.result.App] = o.data
	}
	return o.err
}

// runDeployHook runs an application's deploy hook to its end. touching is called, at most
// once, when a hook that promised it says that it is about to write to data.
func (d *deployment) runDeployHook(ctx context.Context, app engine.App, env map[string]string, touching func()) outcome {
	var after reported
	result, err := d.runHook(ctx, app.Name, hook{"deploy", topology.DeployHook, "deploy", 4}, env, heard{
		touching: func() { after.touched = true; touching() },
		data:     func(digest string) { after.digest = digest },
	})
	o := outcome{result: result, data: after.state(app, d.release.ID)}
	switch {
	case err != nil:
		o.err = failed(d.tryAgain(), hookError(result, err))
	case result.ExitCode != 0:
		o.err = failed(fmt.Sprintf("fix what the output above names and push again, or %s; to run it again as it is: sluice environment:redeploy -p %s -e %s",
			revert(d.job.Activity.Commit), d.project.ID, d.env.Name), hookError(result, nil))
	}
	return o
}
