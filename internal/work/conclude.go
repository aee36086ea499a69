package work

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"time"

	"sluice/internal/platform"
)

// conclude writes the end of the log and the final record.
func (q *Queue) conclude(ctx context.Context, job *Job, err error) {
	ctx = context.WithoutCancel(ctx)
	a, log := job.Activity, job.Log
	step := a.Step
	a.CompletedAt = time.Now().UTC()
	a.UpdatedAt = a.CompletedAt
	a.State, a.Result, a.Cancellable = platform.ActivityComplete, platform.ResultSuccess, false
	switch {
	case errors.Is(err, errCancelled):
		a.State, a.Result, a.Reason = platform.ActivityCancelled, "", err.Error()
		log.Blank()
		log.Line(0, "Cancelled: %v. The site was not touched.", err)
	case err != nil:
		a.Result, a.Reason, a.Hint = platform.ResultFailure, job.mask.Mask(err.Error()), hintOf(err)
		writeFailure(log, cmp.Or(job.kind.Phrase, "Activity failed"), err, a.Hint)
	default:
		a.Step = platform.StepFinished
	}
	a.Completion = 100
	writeSummary(log, a)
	if saveErr := q.records.SaveActivity(ctx, a); saveErr != nil {
		q.log.ErrorContext(ctx, "could not save a finished activity", "activity", a.ID, "error", saveErr)
	}
	if sealErr := q.journal.Seal(a.ID); sealErr != nil {
		q.log.ErrorContext(ctx, "could not seal the log of an activity", "activity", a.ID, "error", sealErr)
	}
	q.log.InfoContext(ctx, "activity finished", "activity", a.ID, "type", string(a.Type),
		"environment", a.Environment, "result", string(a.Result), "step", string(step), "reason", a.Reason)
}

func hintOf(err error) string {
	if f, ok := errors.AsType[*Failure](err); ok && f.Hint != "" {
		return f.Hint
	}
	return platform.ErrorHint(err)
}

func writeFailure(log *Logbook, phrase string, err error, hint string) {
	log.Blank()
	shown := false
	if f, ok := errors.AsType[*Failure](err); ok {
		phrase, shown = f.Phrase, f.Shown
	}
	lines := strings.Split(err.Error(), "\n")
	log.Line(0, "E: %s: %s", phrase, lines[0])
	for _, line := range lines[1:] {
		if shown && strings.HasPrefix(line, quoteMark) {
			continue
		}
		log.Line(0, "   %s", line)
	}
	if hint != "" {
		log.Line(0, "   Next: %s", hint)
	}
}

// writeSummary reports what the activity cost visitors and time, and ends with the line that
// programs read.
func writeSummary(log *Logbook, a platform.Activity) {
	log.Blank()
	if h := a.Hold; !h.StartedAt.IsZero() && !h.ReleasedAt.IsZero() {
		log.Line(1, "Requests were held for %.3f s: %d waited and were served, the longest %.3f s; %d got the maintenance page, "+
			"%d were refused, %d clients disconnected, %d requests were aborted, %d long-lived connections were closed, %d were served from the cache",
			h.Duration().Seconds(), h.Held, h.LongestWait.Seconds(), h.TimedOut, h.Refused, h.Left, h.Cut, h.LongLived, h.Cached)
		if h.FirstAnswer > 0 {
			log.Line(1, "The first of those that waited was answered in full %.3f s after the hold began; the slowest took %.3f s with its wait",
				h.FirstAnswer.Seconds(), h.SlowestAnswer.Seconds())
		}
	}
	for _, phase := range []platform.Phase{platform.PhaseBuild, platform.PhaseDeploy, platform.PhasePostDeploy} {
		if d := phaseTime(a, phase); d > 0 {
			log.Line(1, "%-11s %s", phase, Took(d))
		}
	}
	log.Line(0, "activity %s result=%s phase=%s", a.ID, cmp.Or(string(a.Result), string(a.State)), a.Phase)
}

func phaseTime(a platform.Activity, phase platform.Phase) time.Duration {
	var sum time.Duration
	for _, t := range a.Timings {
		if t.Phase == phase {
			sum += t.Duration
		}
	}
	return sum
}
