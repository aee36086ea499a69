package deploy

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"sluice/internal/engine"
	"sluice/internal/manifest"
	"sluice/internal/platform"
)

// deployment is one activity on its way through the steps.
type deployment struct {
	*Service
	log      *logbook
	activity platform.Activity
	project  platform.Project
	env      platform.Environment
	vars     []platform.Variable
	manifest *manifest.Manifest
	page     string // the project's maintenance page; "" for none
	release  platform.Release
	plan     plan
	previous *live // what serves now; nil for the first deployment

	endpoints []engine.Endpoint // of the new web containers, from StepStart on

	hooked  map[string]bool // applications whose deploy hook was begun or skipped
	waiting *earlyHook      // begun before the hold, waits to write; nil when none does

	held    bool // requests wait at the router
	touched bool // data that outlives the release may have been written
	live    bool // visitors are with the new release
}

// live is the release that serves, with its plan.
type live struct {
	release platform.Release
	plan    plan
}

// plan is what Release.Spec holds: everything that is needed to run the release again
// without its source.
type plan struct {
	Spec       engine.Spec
	Crons      platform.CronPlan
	PostDeploy []string // applications with a post_deploy hook
	WarmUp     []string // absolute URLs that the platform warms

	MaintenancePage string // see platform.Publication
}

// step records a step before it begins, runs it and notes how long it took.
func (d *deployment) step(ctx context.Context, step platform.Step, run func(context.Context) error) error {
	if err := d.record(ctx, step); err != nil {
		return err
	}
	start := time.Now()
	err := run(ctx)
	d.activity.Timings = append(d.activity.Timings, platform.StepTiming{Step: step, Duration: time.Since(start)})
	return err
}

// record makes the step survive a crash; without that, it must not begin.
func (d *deployment) record(ctx context.Context, step platform.Step) error {
	d.activity.Step = step
	d.activity.UpdatedAt = time.Now().UTC()
	if err := d.Store.SaveActivity(context.WithoutCancel(ctx), d.activity); err != nil {
		return fmt.Errorf("record step %s: %w", step, err)
	}
	d.Journal.Notify(d.activity)
	if d.opts.OnStep != nil {
		d.opts.OnStep(step)
	}
	return nil
}

// execute runs a claimed activity to its end, whatever that is.
func (s *Service) execute(ctx context.Context, a platform.Activity) {
	w, err := s.Journal.Log(a.ID)
	if err != nil {
		s.Log.ErrorContext(ctx, "open the log of an activity", "activity", a.ID, "error", err)
		s.conclude(ctx, a, newLogbook(discard{}), fmt.Errorf("open the activity's log: %w", err))
		return
	}
	defer func() { _ = w.Close() }() // sealed by conclude
	d := &deployment{Service: s, log: newLogbook(w), activity: a}
	job, forbid := s.cancellable(ctx, a.ID)
	err = d.perform(job, forbid)
	forbid()
	s.conclude(ctx, d.activity, d.log, err)
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// perform does what the activity's type asks for.
func (d *deployment) perform(ctx context.Context, forbid func()) error {
	if err := d.load(ctx); err != nil {
		return err
	}
	d.log.Blank()
	d.log.Line(0, "Processing activity: %s", d.activity.Description)
	switch d.activity.Type {
	case platform.ActivityDeactivate, platform.ActivityDelete:
		forbid()
		return d.teardown(context.WithoutCancel(ctx))
	default:
		return d.deploy(ctx, forbid)
	}
}

// load reads what the activity works on.
func (d *deployment) load(ctx context.Context) (err error) {
	a := d.activity
	if d.project, err = d.Store.Project(ctx, a.Project); err != nil {
		return err
	}
	if d.env, err = d.Store.Environment(ctx, a.Project, a.Environment); err != nil {
		return err
	}
	if d.vars, err = d.Store.Variables(ctx, a.Project, a.Environment); err != nil {
		return err
	}
	d.previous, err = d.liveRelease(ctx, d.env)
	return err
}

// deploy takes the activity through all steps. A failure before the hold leaves the old
// release serving; later ones are handled by undo.
func (d *deployment) deploy(ctx context.Context, forbid func()) error {
	if err := d.readManifest(ctx); err != nil {
		return err
	}
	if err := d.step(ctx, platform.StepBuild, d.build); err != nil {
		return err
	}
	d.log.Blank()
	d.log.Line(2, "%s environment %s", d.verb(), d.env.Name)
	for _, s := range []struct {
		step platform.Step
		run  func(context.Context) error
	}{
		{platform.StepPrepare, d.prepare},
		{platform.StepPreflight, d.preflight},
		{platform.StepEarlyHook, d.early},
	} {
		if err := d.step(ctx, s.step, s.run); err != nil {
			d.undo(context.WithoutCancel(ctx))
			return err
		}
	}
	forbid()
	if err := stopped(ctx); err != nil {
		d.undo(context.WithoutCancel(ctx))
		return err
	}
	// From here on nothing but the steps' own limits ends the work: half a switch is worse
	// than a late shutdown.
	ctx = context.WithoutCancel(ctx)
	if err := d.apply(ctx); err != nil {
		d.undo(ctx)
		return err
	}
	return d.settle(ctx)
}

func (d *deployment) verb() string {
	if d.previous == nil {
		return "Creating"
	}
	return "Redeploying"
}

// unharmed says what visitors meet while nothing was switched.
func (d *deployment) unharmed() string {
	if d.previous == nil {
		return "the environment serves nothing yet"
	}
	return "the old release keeps serving"
}

// stopped returns why ctx ended, or nil.
func stopped(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// liveRelease loads what an environment serves; nil when it serves nothing.
func (s *Service) liveRelease(ctx context.Context, env platform.Environment) (*live, error) {
	if env.Release == "" {
		return nil, nil //nolint:nilnil // "nothing serves" is an answer, not an error
	}
	r, err := s.Store.Release(ctx, env.Project, env.Name, env.Release)
	if err != nil {
		return nil, fmt.Errorf("release %s: %w", env.Release, err)
	}
	p, err := decodePlan(r)
	if err != nil {
		return nil, err
	}
	return &live{release: r, plan: p}, nil
}

// failure is an error with the phrase that tools look for in the log (spec: platform 8.5)
// and what the user can do.
type failure struct {
	Phrase string
	Err    error
	Hint   string
	Shown  bool // what Err quotes stands in the log right above
}

func (f *failure) Error() string { return f.Err.Error() }
func (f *failure) Unwrap() error { return f.Err }

// quoteMark begins each line of a program's output within a message.
const quoteMark = "| "

// quoted adds the last lines of a program's output to a message.
func quoted(message string, tail []string) error {
	var b strings.Builder
	b.WriteString(message)
	for _, line := range tail {
		b.WriteString("\n" + quoteMark + line)
	}
	return errors.New(b.String())
}

// The phrases.
const (
	phraseBuild  = "Error building project"
	phraseDeploy = "Environment redeployment failed"
)

// failed wraps err; an error that already is a failure stays as it is.
func failed(phrase, hint string, err error) error {
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	if h := platform.ErrorHint(err); h != "" {
		hint = h
	}
	return &failure{Phrase: phrase, Err: err, Hint: hint}
}
