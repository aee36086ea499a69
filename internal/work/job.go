package work

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"sluice/internal/platform"
	"sluice/internal/termtext"
)

// Job is one activity at work. Activity is the record as it will be saved next; only the
// goroutine that runs the job changes it.
type Job struct {
	Activity platform.Activity
	Log      *Logbook

	queue  *Queue
	kind   Kind
	mask   termtext.Masker
	forbid func()
	close  func() // the log; conclude seals it
	later  func(context.Context) error

	whole  *Job // that this one is a part of; nil for an activity of its own
	silent bool // steps of the part are not recorded
}

// Part returns a job for a part of this one, with an activity of which there is no record. It
// writes to the same log. Its steps are recorded as this one's, unless they are silent: after a
// crash, what this one was doing is all that is known then. It can be stopped whenever this
// one can.
func (j *Job) Part(a platform.Activity, silent bool) *Job {
	return &Job{Activity: a, Log: j.Log, queue: j.queue, kind: j.kind, forbid: func() {}, close: func() {}, whole: j, silent: silent}
}

// Masked returns a text without the secrets that Hide was told.
func (j *Job) Masked(text string) string { return j.mask.Mask(text) }

// Step records a step before it begins, runs it and notes how long it took.
func (j *Job) Step(ctx context.Context, step platform.Step, run func(context.Context) error) error {
	if err := j.Record(ctx, step); err != nil {
		return err
	}
	start := time.Now()
	err := run(ctx)
	j.Activity.Timings = append(j.Activity.Timings, platform.StepTiming{Step: step, Phase: j.Activity.Phase, Duration: time.Since(start)})
	return err
}

// Record makes the step survive a crash, with all that Activity holds; without that, it must
// not begin.
func (j *Job) Record(ctx context.Context, step platform.Step) error {
	j.kind.mark(&j.Activity, step)
	switch {
	case j.silent:
		return nil
	case j.whole != nil:
		return j.whole.Record(ctx, step)
	}
	j.Activity.UpdatedAt = time.Now().UTC()
	if err := j.queue.records.SaveActivity(context.WithoutCancel(ctx), j.Activity); err != nil {
		return fmt.Errorf("record step %s: %w", step, err)
	}
	if j.queue.opts.OnStep != nil {
		j.queue.opts.OnStep(step)
	}
	return nil
}

// Hide keeps secrets that a command prints out of the log and out of the record.
func (j *Job) Hide(secrets []string) error {
	if j.whole != nil {
		return j.whole.Hide(secrets)
	}
	j.mask = termtext.NewMasker(secrets)
	if err := j.queue.journal.Mask(j.Activity.ID, secrets); err != nil {
		return fmt.Errorf("mask secrets in the log: %w", err)
	}
	return nil
}

// NoCancel says that from now on the activity cannot be cancelled. It returns why the
// activity has to stop, if that was asked for before.
func (j *Job) NoCancel(ctx context.Context) error {
	j.forbid()
	j.Activity.Cancellable = false
	return context.Cause(ctx)
}

// Unlock lets other activities have the environments from now on: what is left to do does not
// touch them. A recovery has not locked them again.
func (j *Job) Unlock(ctx context.Context) error {
	j.Activity.Unlocked = true
	return j.Record(ctx, j.Activity.Step)
}

// Later has the rest of a recovery run beside the workers once Run is called, so that a
// recovery that has to wait does not keep the control plane from starting. When the control
// plane stops meanwhile, rest returns the cause, and the next start recovers again.
func (j *Job) Later(rest func(context.Context) error) { j.later = rest }

// run takes a claimed activity to its end, whatever that is.
func (q *Queue) run(ctx context.Context, a platform.Activity) {
	job, err := q.open(a)
	defer job.close()
	if err == nil {
		var cancellable context.Context
		cancellable, job.forbid = q.cancellable(ctx, a.ID)
		job.Log.Blank()
		job.Log.Line(0, "Processing activity: %s", a.Description)
		err = job.kind.Run(cancellable, job)
		job.forbid()
	}
	q.conclude(ctx, job, err)
}

// open makes the job of an activity. With an error it is one that can only be concluded.
func (q *Queue) open(a platform.Activity) (*Job, error) {
	job := &Job{Activity: a, Log: NewLogbook(io.Discard), queue: q, forbid: func() {}, close: func() {}}
	w, err := q.journal.Log(a.ID)
	if err != nil {
		q.log.Error("could not open the log of an activity", "activity", a.ID, "error", err)
		return job, fmt.Errorf("open the activity's log: %w", err)
	}
	job.Log, job.close = NewLogbook(w), func() { _ = w.Close() } // sealed by conclude
	kind, known := q.kinds[a.Type]
	if !known {
		return job, platform.Errorf(platform.CodeInvalid, "this version does not know activities of type %s; nothing was changed", a.Type).
			WithHint("start the version of sluiced again that queued it")
	}
	job.kind = kind
	return job, nil
}

// errCancelled is the cause of a context that an operator ended.
var errCancelled = errors.New("cancelled")

// cancellable returns a context that Cancel can end until forbid is called.
func (q *Queue) cancellable(ctx context.Context, id string) (job context.Context, forbid func()) {
	job, cancel := context.WithCancelCause(ctx)
	q.mu.Lock()
	q.running[id] = cancel
	q.mu.Unlock()
	return job, func() {
		q.mu.Lock()
		delete(q.running, id)
		q.mu.Unlock()
	}
}
