package deploy

import (
	"context"
	"errors"
	"strings"
	"time"

	"sluice/internal/platform"
)

// conclude writes the end of the log and the final record.
func (s *Service) conclude(ctx context.Context, a platform.Activity, log *logbook, err error) {
	ctx = context.WithoutCancel(ctx)
	failedAt := a.Step
	a.CompletedAt = time.Now().UTC()
	a.UpdatedAt = a.CompletedAt
	a.State = platform.ActivityComplete
	a.Result = platform.ResultSuccess
	switch {
	case errors.Is(err, errCancelled):
		a.State, a.Result, a.Reason = platform.ActivityCancelled, "", err.Error()
		log.Blank()
		log.Line(0, "Cancelled: %v. The site was not touched.", err)
	case err != nil:
		a.Result, a.Reason, a.Hint = platform.ResultFailure, err.Error(), hintOf(err)
		writeFailure(log, err, a.Hint)
	}
	if a.Result == platform.ResultSuccess {
		a.Step = platform.StepFinished
	}
	writeSummary(log, a, failedAt)
	if saveErr := s.Store.SaveActivity(ctx, a); saveErr != nil {
		s.Log.ErrorContext(ctx, "save a finished activity", "activity", a.ID, "error", saveErr)
	}
	if sealErr := s.Journal.Seal(a.ID); sealErr != nil {
		s.Log.ErrorContext(ctx, "seal a log", "activity", a.ID, "error", sealErr)
	}
	s.Journal.Notify(a)
	s.Log.InfoContext(ctx, "activity finished", "activity", a.ID, "type", string(a.Type),
		"environment", a.Environment, "result", string(a.Result), "step", string(failedAt), "error", err)
}

func hintOf(err error) string {
	if f, ok := errors.AsType[*failure](err); ok && f.Hint != "" {
		return f.Hint
	}
	return platform.ErrorHint(err)
}

func writeFailure(log *logbook, err error, hint string) {
	log.Blank()
	phrase, shown := phraseDeploy, false
	if f, ok := errors.AsType[*failure](err); ok {
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

// writeSummary tells what the deployment cost, and ends with the line that programs read
// (spec: platform 8.5).
func writeSummary(log *logbook, a platform.Activity, at platform.Step) {
	log.Blank()
	if !a.Hold.StartedAt.IsZero() && !a.Hold.ReleasedAt.IsZero() {
		log.Line(1, "Requests were held for %.3f s: %d waited, the longest %.3f s; %d timed out, %d refused, %d left, %d cut, %d long-lived connections cut, %d answered from the cache",
			a.Hold.Duration().Seconds(), a.Hold.Held, a.Hold.LongestWait.Seconds(),
			a.Hold.TimedOut, a.Hold.Refused, a.Hold.Left, a.Hold.Cut, a.Hold.LongLived, a.Hold.Cached)
	}
	for _, phase := range []platform.Phase{platform.PhaseBuild, platform.PhaseDeploy, platform.PhasePostDeploy} {
		if d := phaseTime(a, phase); d > 0 {
			log.Line(1, "%-11s %s", phase, took(d))
		}
	}
	result := string(a.Result)
	if result == "" {
		result = string(a.State)
	}
	log.Line(0, "activity %s result=%s phase=%s", a.ID, result, at.Phase())
}

func phaseTime(a platform.Activity, phase platform.Phase) time.Duration {
	var sum time.Duration
	for _, t := range a.Timings {
		if t.Step.Phase() == phase {
			sum += t.Duration
		}
	}
	return sum
}
