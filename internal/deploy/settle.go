package deploy

import (
	"context"
	"errors"
	"fmt"

	"sluice/internal/contract"
	"sluice/internal/engine"
	"sluice/internal/platform"
	"sluice/internal/topology"
	"sluice/internal/work"
)

// retire removes the old release and saves copies of the configuration that the deploy
// hook left. It begins with what serves now, as the release is live.
func (d *deployment) retire(ctx context.Context) error {
	d.describe()
	d.backUpConfiguration(ctx)
	if d.previous == nil || d.previous.release.ID == d.release.ID {
		return nil
	}
	d.log.Line(3, "Removing release %s", d.previous.release.ID)
	if err := d.s.Engine.Retire(ctx, d.env.ID(), d.previous.release.ID, d.log.At(4)); err != nil {
		return fmt.Errorf("remove release %s: %w; the new release serves", d.previous.release.ID, err)
	}
	return nil
}

// bakScript copies each file next to itself, atomically.
const bakScript = `for f in app/etc/config.php app/etc/env.php; do
  if [ -f "$f" ]; then cp -p "$f" "$f.bak.new" && mv "$f.bak.new" "$f.bak" && echo "Saved $f.bak"; fi
done`

func (d *deployment) backUpConfiguration(ctx context.Context) {
	for _, app := range d.stored.Spec.Apps {
		if !mountsConfiguration(app.Container) {
			continue
		}
		out := d.log.At(3)
		if _, err := d.exec(ctx, app.Name, []string{"/bin/sh", "-c", bakScript}, out); err != nil {
			d.log.Line(3, "W: the configuration of %s was not copied: %v", app.Name, err)
		}
		_ = out.Close() // never fails
	}
}

func mountsConfiguration(c engine.Container) bool {
	for _, m := range c.Mounts {
		if m.Target == contract.AppDir+"/app/etc" {
			return true
		}
	}
	return false
}

// describe prints what serves now, as the platform does.
func (d *deployment) describe() {
	d.log.Line(3, "Environment configuration")
	for _, line := range d.stored.Summary {
		d.log.Line(4, "%s", line)
	}
	d.log.Blank()
	d.log.Line(3, "Environment routes")
	for _, r := range d.release.Routes {
		if r.Type == platform.RouteRedirect {
			d.log.Line(4, "%s redirects to %s", r.URL, r.To)
		} else {
			d.log.Line(4, "%s is served by application `%s`", r.URL, r.Upstream)
		}
	}
	d.log.Blank()
}

// postDeploy runs the hooks on the live site and warms it.
func (d *deployment) postDeploy(ctx context.Context) error {
	var problems []error
	for _, name := range d.stored.PostDeploy {
		d.log.Blank()
		d.log.Line(1, "Executing post deploy hook for service `%s`", name)
		result, err := d.runHook(ctx, name, hook{"post_deploy", topology.PostDeployHook, "post-deploy", 2}, nil, heard{})
		d.job.Activity.Commands = append(d.job.Activity.Commands, result)
		if err != nil || result.ExitCode != 0 {
			problems = append(problems, work.Failed("Post-deploy failed", "the new release serves; fix what the output above names, and push again or redeploy",
				hookError(result, err)))
		}
	}
	if len(d.stored.WarmUp) > 0 {
		d.log.Line(1, "Warming up %s", counted(len(d.stored.WarmUp), "page"))
		if err := d.s.Warmer.Warm(ctx, d.stored.WarmUp, d.log.At(2)); err != nil {
			d.log.Line(1, "W: warm-up ended early: %v", err)
		}
	}
	return errors.Join(problems...)
}

// background starts what works beside requests.
func (d *deployment) background(ctx context.Context) error {
	d.countAnswers(ctx)
	if workers, crons := len(d.stored.Spec.Workers), len(d.stored.Crons.Jobs); workers+crons > 0 {
		d.log.Line(1, "Starting %s and %s", counted(workers, "worker"), counted(crons, "cron"))
	}
	if err := d.s.Engine.StartBackground(ctx, d.stored.Spec, d.log.At(2)); err != nil {
		return failed(d.tryAgain(), fmt.Errorf("start workers: %w; the site serves the new release", err))
	}
	d.s.Crons.Resume(d.stored.Crons)
	if err := d.s.dropOldSlugs(ctx, d.project.ID); err != nil {
		d.s.Log.WarnContext(ctx, "could not remove old slugs", "project", d.project.ID, "error", err)
	}
	d.s.dropOldToolkits(ctx)
	return nil
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
