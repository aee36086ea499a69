package work

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"sluice/internal/platform"
)

// Options are the settings of the queue.
type Options struct {
	// Workers is how many activities run side by side; 0 means 4.
	Workers int
	// PerProject is how many activities of one project run side by side; 0 means one less
	// than Workers, but at least one: a single project cannot keep all others waiting.
	PerProject int
	// OnStep, when set, is called right after a step was recorded and before it begins.
	// Tests stop the control plane there.
	OnStep func(platform.Step)
}

// Queue runs activities. Its methods are safe for concurrent use.
type Queue struct {
	records Records
	journal Journal
	log     *slog.Logger
	opts    Options
	kinds   map[platform.ActivityType]Kind
	wake    chan struct{} // holds a token when there may be something to claim

	mu      sync.Mutex
	running map[string]context.CancelCauseFunc // by activity, while it may be cancelled
	resumed []*Job                             // what Recover left for Run
}

// New returns a queue that runs nothing until Run. Register the kinds first.
func New(records Records, journal Journal, log *slog.Logger, opts Options) *Queue {
	opts.Workers = cmp.Or(opts.Workers, 4)
	opts.PerProject = cmp.Or(opts.PerProject, max(1, opts.Workers-1))
	return &Queue{
		records: records, journal: journal, log: log, opts: opts,
		kinds: map[platform.ActivityType]Kind{}, wake: make(chan struct{}, 1), running: map[string]context.CancelCauseFunc{},
	}
}

// Register adds kinds. It must not be called once the queue runs.
func (q *Queue) Register(kinds ...Kind) {
	for _, k := range kinds {
		for _, t := range k.Types {
			q.kinds[t] = k
		}
	}
}

// Run claims and runs activities until ctx ends. It then lets activities that can no longer
// be cancelled finish, stops the others, and returns when all have ended. Call Recover first.
func (q *Queue) Run(ctx context.Context) error {
	var all sync.WaitGroup
	for range q.opts.Workers {
		all.Go(func() { q.work(ctx) })
	}
	q.mu.Lock()
	resumed := q.resumed
	q.resumed = nil
	q.mu.Unlock()
	for _, job := range resumed {
		all.Go(func() { q.resume(ctx, job) })
	}
	all.Wait()
	return nil
}

// work claims one activity after the other. Each claim passes the wake token on, so one
// enqueue wakes as many workers as there is work.
func (q *Queue) work(ctx context.Context) {
	for ctx.Err() == nil {
		a, ok, err := q.records.Claim(ctx, q.opts.PerProject)
		if err != nil {
			q.log.ErrorContext(ctx, "could not claim an activity", "error", err)
		}
		if ok {
			q.poke()
			q.run(ctx, a)
			q.poke()
			continue
		}
		select {
		case <-ctx.Done():
		case <-q.wake:
		case <-time.After(idlePoll):
		}
	}
}

// idlePoll bounds how long a lost wake-up can delay an activity.
const idlePoll = 5 * time.Second

func (q *Queue) poke() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// Enqueue stores an activity of a registered kind and ends the logs of the pushes
// that it supersedes. It sets ID, Also, State, Step and the times.
func (q *Queue) Enqueue(ctx context.Context, a platform.Activity) (platform.Activity, error) {
	kind, known := q.kinds[a.Type]
	if !known {
		return platform.Activity{}, platform.Errorf(platform.CodeInternal, "no kind of activity is registered for %s", a.Type)
	}
	if kind.Locks != nil {
		a.Also = kind.Locks(a)
		slices.Sort(a.Also)
		a.Also = slices.DeleteFunc(slices.Compact(a.Also), func(name string) bool { return name == a.Environment })
	}
	a.ID = platform.NewID()
	a.State = platform.ActivityPending
	a.Step, a.Phase, a.Completion, a.Cancellable = platform.StepQueued, platform.PhaseWait, 0, true
	a.CreatedAt = time.Now().UTC()
	a.UpdatedAt = a.CreatedAt
	superseded, err := q.records.Enqueue(ctx, a)
	if err != nil {
		return platform.Activity{}, fmt.Errorf("enqueue: %w", err)
	}
	q.Dropped(superseded, "This push was superseded by activity "+a.ID+" before it began.")
	q.poke()
	return a, nil
}

// Dropped ends the logs of activities whose records were cancelled before they began, with a
// line that says why.
func (q *Queue) Dropped(cancelled []platform.Activity, why string) {
	for _, a := range cancelled {
		if w, err := q.journal.Log(a.ID); err == nil {
			_, _ = fmt.Fprintln(w, why) // the record says it too
			_ = w.Close()
		}
		if err := q.journal.Seal(a.ID); err != nil {
			q.log.Error("could not seal the log of an activity", "activity", a.ID, "error", err)
		}
	}
}

// Cancel stops an activity that can still be cancelled: for a deployment, one that does not
// hold requests yet. For a later one it returns CodeConflict.
func (q *Queue) Cancel(ctx context.Context, id string, by platform.Actor) (platform.Activity, error) {
	a, ok, err := q.records.CancelPending(ctx, id, "cancelled by "+by.Name)
	if err != nil {
		return platform.Activity{}, err
	}
	if ok {
		q.Dropped([]platform.Activity{a}, "Cancelled by "+by.Name+" before it began.")
		return a, nil
	}
	if a, err = q.records.Activity(ctx, id); err != nil {
		return platform.Activity{}, err
	}
	if a.State.Final() {
		return a, platform.Errorf(platform.CodeConflict, "activity %s cannot be cancelled in its current state: it is already %s", id, a.State)
	}
	q.mu.Lock()
	cancel := q.running[id]
	q.mu.Unlock()
	if cancel == nil {
		return a, platform.Errorf(platform.CodeConflict, "activity %s cannot be cancelled in its current state: it has begun what cannot be stopped half way", id).
			WithHint("wait for it to end; `sluice activity:log %s` shows what it does", id)
	}
	cancel(fmt.Errorf("%w by %s", errCancelled, by.Name))
	return a, nil
}
