// Package schedule runs the crons of environments in their web containers: one job at a
// time per application, missed runs merged and never replayed, nothing while a deployment
// suspends the environment.
//
// It decides when; the engine runs. It may import platform and engine, and neither
// net/http nor database/sql. It keeps no state over a restart: the pipeline resumes every
// live environment when it recovers.
package schedule

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"sluice/internal/contract"
	"sluice/internal/engine"
	"sluice/internal/platform"
)

// Runner is the part of an engine that the scheduler needs.
type Runner interface {
	Exec(ctx context.Context, req engine.ExecRequest) (exitCode int, err error)
}

// Scheduler runs plans. Its methods are safe for concurrent use.
type Scheduler struct {
	runner Runner
	log    *slog.Logger

	mu   sync.Mutex
	envs map[platform.EnvironmentID]*running
}

// New returns a scheduler without plans.
func New(runner Runner, log *slog.Logger) *Scheduler {
	return &Scheduler{runner: runner, log: log, envs: map[platform.EnvironmentID]*running{}}
}

// running is the plan of one environment at work.
type running struct {
	stop context.CancelCauseFunc
	done sync.WaitGroup
}

// errSuspended is the cause with which jobs end when a deployment begins.
var errSuspended = errors.New("a deployment begins")

// Resume replaces the environment's plan and starts scheduling it. Jobs of the plan
// before are stopped first, and Resume waits for them.
func (s *Scheduler) Resume(plan platform.CronPlan) {
	s.halt(plan.Environment)
	if len(plan.Jobs) == 0 {
		return
	}
	ctx, stop := context.WithCancelCause(context.Background())
	r := &running{stop: stop}
	for app, jobs := range byApp(plan.Jobs) {
		r.done.Go(func() { s.lane(ctx, plan, app, jobs) })
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.envs[plan.Environment] = r
}

// Suspend starts no further job of the environment, stops the running ones and returns
// when they are gone, or with the cause when ctx ends before.
func (s *Scheduler) Suspend(ctx context.Context, env platform.EnvironmentID) error {
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		s.halt(env)
	}()
	select {
	case <-gone:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for crons to stop: %w", context.Cause(ctx))
	}
}

// Forget removes the environment's plan.
func (s *Scheduler) Forget(ctx context.Context, env platform.EnvironmentID) error {
	return s.Suspend(ctx, env)
}

// Close stops every plan and waits for its jobs.
func (s *Scheduler) Close() {
	s.mu.Lock()
	all := make([]platform.EnvironmentID, 0, len(s.envs))
	for env := range s.envs {
		all = append(all, env)
	}
	s.mu.Unlock()
	for _, env := range all {
		s.halt(env)
	}
}

func (s *Scheduler) halt(env platform.EnvironmentID) {
	s.mu.Lock()
	r := s.envs[env]
	delete(s.envs, env)
	s.mu.Unlock()
	if r != nil {
		r.stop(errSuspended)
		r.done.Wait()
	}
}

func byApp(jobs []platform.CronJob) map[string][]platform.CronJob {
	out := map[string][]platform.CronJob{}
	for _, j := range jobs {
		out[j.App] = append(out[j.App], j)
	}
	return out
}

// lane runs the jobs of one application, one at a time. A job that became due while
// another ran starts after it, once.
func (s *Scheduler) lane(ctx context.Context, plan platform.CronPlan, app string, jobs []platform.CronJob) {
	timetable, problems := newTimetable(plan, jobs)
	for _, err := range problems {
		s.log.ErrorContext(ctx, "cron is not scheduled", "environment", string(plan.Environment), "app", app, "error", err)
	}
	for ctx.Err() == nil { // a job that is overdue must not win over the end
		job, at, ok := timetable.next(time.Now())
		if !ok {
			return
		}
		timer := time.NewTimer(time.Until(at))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		s.run(ctx, plan, job)
	}
}

// run executes one job; its end, however it comes, is logged and never stops the lane.
func (s *Scheduler) run(ctx context.Context, plan platform.CronPlan, job platform.CronJob) {
	ctx, cancel := context.WithTimeoutCause(ctx, timeoutOf(job), fmt.Errorf("it ran longer than its timeout of %s", timeoutOf(job)))
	defer cancel()
	start := time.Now()
	code, err := s.runner.Exec(ctx, engine.ExecRequest{
		Environment: plan.Environment, Release: plan.Release, Container: job.App,
		Command: append([]string{"/bin/sh", "-c", logged, job.Name}, job.Command...),
		Dir:     contract.AppDir, StopTimeout: shutdownOf(job), Stdout: io.Discard, Stderr: io.Discard,
	})
	s.log.InfoContext(ctx, "cron ended", "environment", string(plan.Environment), "app", job.App, "cron", job.Name,
		"exit_code", code, "duration_ms", time.Since(start).Milliseconds(), "error", err)
}

// logged runs its arguments with the output appended to the application's cron log.
const logged = `exec "$@" >>` + contract.LogDir + `/cron.log 2>&1`

// The limits of a job that says nothing.
const (
	defaultTimeout  = 24 * time.Hour
	defaultShutdown = 10 * time.Second
)

func timeoutOf(j platform.CronJob) time.Duration {
	if j.Timeout <= 0 || j.Timeout > defaultTimeout {
		return defaultTimeout
	}
	return j.Timeout
}

func shutdownOf(j platform.CronJob) time.Duration {
	if j.Shutdown <= 0 {
		return defaultShutdown
	}
	return j.Shutdown
}
