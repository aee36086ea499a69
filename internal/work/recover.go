package work

import (
	"context"
	"errors"
	"fmt"

	"sluice/internal/platform"
)

// ErrInterrupted is why an activity ended that a crash of the control plane cut off.
var ErrInterrupted = errors.New("the control plane stopped")

// Recover ends or completes the activities that a crash left in progress. Call it once,
// before Run. It returns the environments that are still being worked on, because the rest
// of an activity's recovery waits for Run: nothing else may touch them.
func (q *Queue) Recover(ctx context.Context) (busy []platform.Activity, err error) {
	unfinished, err := q.records.Unfinished(ctx)
	if err != nil {
		return nil, fmt.Errorf("list unfinished activities: %w", err)
	}
	for _, a := range unfinished {
		if q.recover(ctx, a) {
			busy = append(busy, a)
		}
	}
	q.poke()
	return busy, nil
}

func (q *Queue) recover(ctx context.Context, a platform.Activity) (waits bool) {
	job, err := q.open(a)
	if err == nil {
		job.Activity.Cancellable = false
		job.Log.Blank()
		job.Log.Line(0, "The control plane stopped during step %s and is back.", a.Step)
		err = job.kind.Recover(ctx, job)
	}
	if err == nil && job.later != nil {
		q.mu.Lock()
		q.resumed = append(q.resumed, job)
		q.mu.Unlock()
		return true
	}
	q.conclude(ctx, job, err)
	job.close()
	return false
}

// resume runs the rest of a recovery. When the control plane stops meanwhile, the activity
// stays in progress for the next start.
func (q *Queue) resume(ctx context.Context, job *Job) {
	defer job.close()
	err := job.later(ctx)
	if err != nil && ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) {
		return
	}
	q.conclude(ctx, job, err)
}
