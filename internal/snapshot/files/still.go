package files

import (
	"context"
	"errors"
	"io"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"sluice/internal/platform"
	"sluice/internal/snapshot"
)

const (
	thawTries = 5
	thawPause = 200 * time.Millisecond
)

var (
	errStill  = errors.New("the containers would have stood still for too long")
	errThawed = errors.New("the containers went on before the snapshot was complete")
)

// still runs work while an environment's containers stand still and its requests wait, and
// returns how long they stood. They go on whatever work does: at its end, and by the
// engine's own watch after the limit. What work did after that does not count.
func (s *Store) still(ctx context.Context, req snapshot.Request, log io.Writer, work func(context.Context) error) (time.Duration, error) {
	env := req.Environment
	if s.Router != nil && !req.Held {
		activity := "snapshot of " + string(env)
		if err := s.Router.HoldBriefly(ctx, env, activity, s.Limit+time.Second); err != nil {
			// Requests wait at the frozen containers then.
			s.Log.WarnContext(ctx, "requests do not wait at the router during a snapshot", "environment", env, "error", err)
		}
		defer s.proceed(context.WithoutCancel(ctx), env, activity, log)
	}
	defer urgent()()
	began := time.Now()
	if err := s.Freezer.Freeze(ctx, env, s.Limit); err != nil {
		return time.Since(began), tooLong(err)
	}
	working, cancel := context.WithTimeoutCause(ctx, s.Limit-time.Since(began), errStill)
	defer cancel()
	err := work(working)
	worked := time.Since(began)
	err = errors.Join(err, s.thaw(ctx, env))
	stood := time.Since(began)
	if err == nil && worked >= s.Limit {
		err = errThawed
	}
	if errors.Is(err, errStill) || errors.Is(err, errThawed) {
		return stood, tooLong(err)
	}
	return stood, err
}

// urgent gives what the calling goroutine does precedence over everything else on the
// machine: while a shop stands still nothing is more urgent.
func urgent() (done func()) {
	runtime.LockOSThread()
	thread := unix.Gettid()
	before, err := unix.Getpriority(unix.PRIO_PROCESS, thread)
	if err == nil {
		err = unix.Setpriority(unix.PRIO_PROCESS, thread, -20)
	}
	return func() {
		if err == nil && unix.Setpriority(unix.PRIO_PROCESS, thread, 20-before) != nil {
			return // the thread ends with the goroutine
		}
		runtime.UnlockOSThread()
	}
}

func tooLong(err error) error {
	return &platform.Error{
		Code: platform.CodeUnavailable, Message: "no snapshot was taken, and nothing was changed", Err: err,
		Hint: "a pool shares blocks and needs no copying: sluiced pool:create; or pause the environment first: sluice environment:pause",
	}
}

// thaw lets containers go on. The engine also tries by itself until it has.
func (s *Store) thaw(ctx context.Context, env platform.EnvironmentID) (err error) {
	for range thawTries {
		if err = s.Freezer.Thaw(env); err == nil {
			return nil
		}
		s.Log.ErrorContext(ctx, "could not thaw containers", "environment", env, "error", err)
		time.Sleep(thawPause)
	}
	return err
}

// proceed lets requests through again.
func (s *Store) proceed(ctx context.Context, env platform.EnvironmentID, activity string, log io.Writer) {
	report, err := s.Router.EndBriefHold(ctx, env, activity)
	if err != nil {
		s.Log.ErrorContext(ctx, "could not end the brief hold at the router; it ends by itself", "environment", env, "error", err)
		return
	}
	if report.Held > 0 {
		say(log, "%d requests waited at the router, the longest for %s", report.Held, report.LongestWait.Round(time.Millisecond))
	}
}
