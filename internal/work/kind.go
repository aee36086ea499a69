package work

import (
	"context"
	"io"
	"slices"

	"sluice/internal/platform"
)

// Kind is one kind of activity. It has no state: many activities of a kind run at once.
type Kind struct {
	Types []platform.ActivityType
	// Steps are the steps that the kind may record, in their order.
	Steps []Step
	// Locks returns the environments of the project that an activity needs beside its own;
	// nil for none. It is asked once, when the activity is queued.
	Locks func(platform.Activity) []string
	// Phrase begins the message about a failure that has no phrase of its own.
	Phrase string
	// Run does the work. When ctx ends before Job.NoCancel, it stops and returns the cause.
	Run func(ctx context.Context, job *Job) error
	// Recover ends or completes an activity that was in progress when the control plane
	// crashed; Job.Activity.Step says how far it may have come. Its error is the activity's.
	Recover func(ctx context.Context, job *Job) error
}

// Step is one step of a kind.
type Step struct {
	Name  platform.Step
	Phase platform.Phase
}

// mark writes into the record that a step begins.
func (k Kind) mark(a *platform.Activity, step platform.Step) {
	a.Step = step
	if i := slices.IndexFunc(k.Steps, func(s Step) bool { return s.Name == step }); i >= 0 {
		a.Phase = k.Steps[i].Phase
		a.Completion = (i + 1) * 100 / (len(k.Steps) + 2) // waiting and finished count too
	}
}

// Records is where activities are kept.
type Records interface {
	// Enqueue stores a pending activity. Pending pushes of the same environment are
	// cancelled in the same transaction when a is a push, and returned as superseded.
	Enqueue(ctx context.Context, a platform.Activity) (superseded []platform.Activity, err error)
	// Claim moves one pending activity to in_progress and locks its environments, all or
	// none: the oldest of those for which no environment is locked or needed by an older
	// activity, of the project that runs the fewest. A project that runs perProject
	// activities gets none; 0 is no limit. ok is false when there is nothing to claim.
	Claim(ctx context.Context, perProject int) (a platform.Activity, ok bool, err error)
	// SaveActivity replaces the record; a final state releases the locks. It returns
	// CodeConflict when the stored activity is already final.
	SaveActivity(ctx context.Context, a platform.Activity) error
	// Activity returns CodeNotFound when there is none.
	Activity(ctx context.Context, id string) (platform.Activity, error)
	// CancelPending moves a pending activity to cancelled with the reason. ok is false when
	// it is no longer pending.
	CancelPending(ctx context.Context, id, reason string) (a platform.Activity, ok bool, err error)
	// Unfinished lists activities in progress, oldest first: after a start, those that a
	// crash left.
	Unfinished(ctx context.Context) ([]platform.Activity, error)
}

// Journal keeps the logs of activities.
type Journal interface {
	// Log opens an activity's log for appending. Lines are visible to followers at once.
	Log(activity string) (io.WriteCloser, error)
	// Mask hides secrets in what is written to an open log from now on.
	Mask(activity string, secrets []string) error
	// Seal marks the log as complete; followers end.
	Seal(activity string) error
}
