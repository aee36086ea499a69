package deploy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"sluice/internal/platform"
)

// Run claims and runs activities until ctx ends. It then lets activities that hold
// requests finish, stops the others, and returns when all have ended. Call Recover first.
func (s *Service) Run(ctx context.Context) error {
	var workers errgroup.Group
	for range s.opts.Workers {
		workers.Go(func() error {
			s.work(ctx)
			return nil
		})
	}
	return workers.Wait()
}

// work claims one activity after the other. Each claim passes the wake token on, so one
// enqueue wakes as many workers as there is work.
func (s *Service) work(ctx context.Context) {
	for {
		if ctx.Err() != nil {
			return
		}
		a, ok, err := s.Store.Claim(ctx)
		if err != nil {
			s.Log.ErrorContext(ctx, "claim an activity", "error", err)
		}
		if ok {
			s.poke()
			s.execute(ctx, a)
			s.poke()
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		case <-time.After(idlePoll):
		}
	}
}

// idlePoll bounds how long a lost wake-up can delay an activity.
const idlePoll = 5 * time.Second

func (s *Service) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// enqueue stores an activity and tells everyone about it and about those it supersedes.
func (s *Service) enqueue(ctx context.Context, a platform.Activity) (platform.Activity, error) {
	a.ID = platform.NewID()
	a.State = platform.ActivityPending
	a.Step = platform.StepQueued
	a.CreatedAt = time.Now().UTC()
	a.UpdatedAt = a.CreatedAt
	superseded, err := s.Store.Enqueue(ctx, a)
	if err != nil {
		return platform.Activity{}, fmt.Errorf("enqueue: %w", err)
	}
	for _, old := range superseded {
		s.closeLog(old, "This push was superseded by activity "+a.ID+" before it began.")
		s.Journal.Notify(old)
	}
	s.Journal.Notify(a)
	s.poke()
	return a, nil
}

func (s *Service) closeLog(a platform.Activity, line string) {
	if w, err := s.Journal.Log(a.ID); err == nil {
		_, _ = fmt.Fprintln(w, line) // the record says it too
		_ = w.Close()
	}
	if err := s.Journal.Seal(a.ID); err != nil {
		s.Log.Error("seal a log", "activity", a.ID, "error", err)
	}
}

// errCancelled is the cause of a context that an operator ended.
var errCancelled = errors.New("cancelled")

// Cancel stops an activity that has not begun to hold requests. A later one cannot be
// cancelled: CodeConflict.
func (s *Service) Cancel(ctx context.Context, id string, by platform.Actor) (platform.Activity, error) {
	a, ok, err := s.Store.CancelPending(ctx, id, "cancelled by "+by.Name)
	if err != nil {
		return platform.Activity{}, err
	}
	if ok {
		s.closeLog(a, "Cancelled by "+by.Name+" before it began.")
		s.Journal.Notify(a)
		return a, nil
	}
	if a, err = s.Store.Activity(ctx, id); err != nil {
		return platform.Activity{}, err
	}
	if a.State.Final() {
		return a, platform.Errorf(platform.CodeConflict, "activity %s is already %s", id, a.State)
	}
	s.mu.Lock()
	cancel := s.running[id]
	s.mu.Unlock()
	if cancel == nil {
		return a, platform.Errorf(platform.CodeConflict, "activity %s cannot be cancelled in its current state: its deployment has begun", id).
			WithHint("wait for it to end; `sluice activity:log %s` shows what it does", id)
	}
	cancel(fmt.Errorf("%w by %s", errCancelled, by.Name))
	return a, nil
}

// cancellable returns a context that Cancel can end until forbid is called.
func (s *Service) cancellable(ctx context.Context, id string) (job context.Context, forbid func()) {
	job, cancel := context.WithCancelCause(ctx)
	s.mu.Lock()
	s.running[id] = cancel
	s.mu.Unlock()
	return job, func() {
		s.mu.Lock()
		delete(s.running, id)
		s.mu.Unlock()
	}
}
