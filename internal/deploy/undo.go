package deploy

import (
	"context"

	"sluice/internal/platform"
)

// undo puts things right after a failed step. Before data was touched, the old release is
// opened again; after it, the site stays closed until a redeploy or an operator opens it,
// because visitors on half-migrated data do more harm than a closed site. What fails of it is
// logged, as there is no caller that could do more about it.
func (d *deployment) undo(ctx context.Context) {
	d.abandon()
	if d.replaces() && d.reach != platform.Live && d.takeDataBack(ctx) {
		d.reach = min(d.reach, platform.Held)
	}
	switch d.reach {
	case platform.Live:
		// Only the record failed. The next deployment, or a restart, brings both together.
		d.log.Line(3, "W: release %s is live, but saving its record failed", d.release.ID)
		return
	case platform.Touched:
		d.stayClosed(ctx)
	case platform.Held:
		if d.previous != nil && d.env.Status != platform.EnvironmentPaused {
			d.putBack(ctx)
		}
	case platform.Served:
	}
	if d.previous == nil && d.dataFrom() != "" {
		d.abandonFirst(ctx)
	}
	if d.reach < platform.Touched && d.env.Status == platform.EnvironmentPaused {
		d.log.Line(3, "Environment %s stays paused", d.env.Name)
		d.must(ctx, "pause the environment again", d.s.rest(ctx, d.env, d.log))
	}
	if d.release.ID == "" {
		return
	}
	d.must(ctx, "remove the failed release", d.s.Engine.Retire(ctx, d.env.ID(), d.release.ID, d.log.At(4)))
	d.release.State = platform.ReleaseFailed
	d.must(ctx, "record the failed release", d.s.Records.SaveRelease(ctx, d.release))
}

// putBack opens the old release. Its workers and crons start after visitors are served.
func (d *deployment) putBack(ctx context.Context) {
	old := d.previous.stored
	d.log.Line(3, "Putting release %s back", d.previous.release.ID)
	if d.replaces() { // its containers may be gone
		d.must(ctx, "prepare the old release", d.s.Engine.Prepare(ctx, old.Spec, d.log.At(4)))
	}
	endpoints, err := d.s.Engine.Start(ctx, old.Spec, d.log.At(4)) // services that the new one replaced
	d.must(ctx, "start the old release", err)
	var report platform.HoldReport
	if err == nil && d.env.Status != platform.EnvironmentDirty {
		report, err = d.s.open(ctx, d.env, *d.previous, endpoints)
	} else {
		report, err = d.s.Gate.Close(ctx, d.env.ID(), closedMessage)
	}
	d.must(ctx, "release the hold", err)
	d.job.Activity.Hold = report
	d.must(ctx, "start workers", d.s.Engine.StartBackground(ctx, old.Spec, d.log.At(4)))
	d.s.Crons.Resume(old.Crons)
}

const closedMessage = "This site is closed for maintenance."

// stayClosed keeps half-migrated data from visitors.
func (d *deployment) stayClosed(ctx context.Context) {
	const mayHave = "The deployment failed after it may have changed data: "
	if d.previous == nil {
		d.log.Line(3, mayHave+"the environment does not open; its addresses return 404 until a deployment succeeds.")
	} else {
		d.log.Line(3, mayHave+"the site stays in maintenance.")
		report, err := d.s.Gate.Close(ctx, d.env.ID(), closedMessage)
		d.must(ctx, "close the environment", err)
		d.job.Activity.Hold = report
	}
	_, err := d.s.changeEnvironment(ctx, d.project.ID, d.env.Name, func(env *platform.Environment) {
		env.Status = platform.EnvironmentDirty
	})
	d.must(ctx, "record the environment", err)
}

func (d *deployment) must(ctx context.Context, what string, err error) {
	if err != nil {
		d.s.Log.ErrorContext(ctx, "could not undo all of a deployment", "activity", d.job.Activity.ID, "what", what, "error", err)
		d.log.Line(3, "W: could not %s: %v", what, err)
	}
}
