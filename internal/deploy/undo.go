package deploy

import (
	"context"

	"sluice/internal/platform"
)

// undo puts things right after a failed step. Before data was touched, the old release is
// opened again; after it, the site stays closed until a redeploy or an operator's word
// (design: decision 11). Whatever of it fails is logged: there is nobody to return it to.
func (d *deployment) undo(ctx context.Context) {
	d.abandon()
	switch {
	case d.live:
		// Only the record failed. The next deployment, or a restart, brings both together.
		d.log.Line(3, "W: release %s serves, but this could not be recorded", d.release.ID)
		return
	case d.touched:
		d.stayClosed(ctx)
	case d.held:
		d.putBack(ctx)
	}
	if d.release.ID == "" {
		return
	}
	d.must(ctx, "remove the failed release", d.Engine.Retire(ctx, d.env.ID(), d.release.ID, d.log.At(4)))
	d.release.State = platform.ReleaseFailed
	d.must(ctx, "record the failed release", d.Store.SaveRelease(ctx, d.release))
}

// putBack opens the old release, background first started after the visitors are served.
func (d *deployment) putBack(ctx context.Context) {
	old := d.previous.plan
	d.log.Line(3, "Putting release %s back", d.previous.release.ID)
	endpoints, err := d.Engine.Start(ctx, old.Spec, d.log.At(4)) // services that the new one replaced
	d.must(ctx, "start the old release", err)
	var report platform.HoldReport
	if err == nil && d.env.Status != platform.EnvironmentDirty {
		report, err = d.open(ctx, d.env, *d.previous, endpoints)
	} else {
		report, err = d.Gate.Close(ctx, d.env.ID(), closedMessage)
	}
	d.must(ctx, "release the hold", err)
	d.activity.Hold = report
	d.held = false
	d.must(ctx, "start workers", d.Engine.StartBackground(ctx, old.Spec, d.log.At(4)))
	d.Crons.Resume(old.Crons)
}

const closedMessage = "This site is closed for maintenance."

// stayClosed keeps half-migrated data from visitors.
func (d *deployment) stayClosed(ctx context.Context) {
	const mayHave = "The deployment failed after it may have changed data: "
	if d.previous == nil {
		d.log.Line(3, mayHave+"the environment does not open; its addresses answer 404 until a deployment succeeds.")
	} else {
		d.log.Line(3, mayHave+"the site stays in maintenance.")
		report, err := d.Gate.Close(ctx, d.env.ID(), closedMessage)
		d.must(ctx, "close the environment", err)
		d.activity.Hold = report
	}
	d.held = false
	_, err := d.changeEnvironment(ctx, d.project.ID, d.env.Name, func(env *platform.Environment) {
		env.Status = platform.EnvironmentDirty
	})
	d.must(ctx, "record the environment", err)
}

func (d *deployment) must(ctx context.Context, what string, err error) {
	if err != nil {
		d.Log.ErrorContext(ctx, "undo a deployment", "activity", d.activity.ID, "what", what, "error", err)
		d.log.Line(3, "W: could not %s: %v", what, err)
	}
}
