package scenario

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
)

// Runner runs scenarios.
type Runner struct {
	Kit      *kit.Kit
	Registry *Registry
	Files    Files
	Program  string // the path of this program, for PHP classes that are given native steps
}

// Run loads, merges, resolves and runs scenario files. A failed step runs the actions of
// onFail and is the error; nothing is rolled back. A mistake in the files runs nothing.
func (r *Runner) Run(ctx context.Context, paths ...string) error {
	log := r.Kit.Log
	log.Info("Starting scenario(s): " + strings.Join(paths, ", ") + r.packages())
	plan, err := r.plan(ctx, paths)
	if err != nil {
		log.Fault(&fault.Fault{Code: fault.CodeOf(err), Message: "Unhandled error: " + err.Error()})
		return &UnhandledError{err}
	}
	defer r.Kit.Progress.Step("") // the last one has ended: what follows is the platform's time
	for _, step := range plan.Steps {
		if err := r.step(ctx, step); err != nil {
			return r.fail(ctx, plan, step.Name, err)
		}
	}
	log.Info("Scenario(s) finished")
	return nil
}

// UnhandledError is that the scenario itself is wrong; no step was run.
type UnhandledError struct{ Err error }

// Error returns the message of the cause.
func (e *UnhandledError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *UnhandledError) Unwrap() error { return e.Err }

func (r *Runner) plan(ctx context.Context, paths []string) (*Plan, error) {
	def, err := r.Files.Load(paths)
	if err != nil {
		return nil, err
	}
	for _, w := range def.Warnings {
		r.Kit.Log.Warning(w)
	}
	return Resolve(ctx, def, r.Registry, r.Kit, r.Program)
}

func (r *Runner) step(ctx context.Context, step Planned[kit.Step]) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	r.Kit.Log.Debug("Running step: " + step.Name)
	r.Kit.Progress.Step(step.Name)
	if err := step.Do.Run(ctx); err != nil {
		return err
	}
	r.Kit.Log.Debugf("Step %q finished", step.Name)
	return nil
}

// fail runs the on-fail actions, also when the run was cancelled, and then logs the error
// of the step.
func (r *Runner) fail(ctx context.Context, plan *Plan, name string, stepErr error) error {
	ctx = context.WithoutCancel(ctx)
	for _, action := range plan.Actions {
		r.Kit.Log.Debug("Running on fail action: " + action.Name)
		if err := action.Do.RunOnFail(ctx); err != nil {
			r.Kit.Log.Fault(&fault.Fault{Code: fault.CodeOf(err), Step: action.Name, Err: err})
			break
		}
		r.Kit.Log.Debugf("On fail action %q finished", action.Name)
	}
	f := &fault.Fault{Code: fault.CodeOf(stepErr), Message: stepErr.Error(), Step: name, Err: stepErr}
	if cause, ok := errors.AsType[*fault.Fault](stepErr); ok {
		f.Suggestion = cause.Suggestion
	}
	if entry, ok := fault.Lookup(f.Code); ok && f.Suggestion == "" {
		f.Suggestion = entry.Suggestion
	}
	r.Kit.Log.Fault(f)
	return f
}

// packages returns the versions of the packages that matter, in parentheses.
func (r *Runner) packages() string {
	lock, err := r.Kit.Tree.Lock()
	if err != nil {
		return ""
	}
	var versions []string
	for _, name := range []string{"magento/ece-tools", "magento/magento2-base"} {
		if p, ok := lock.Find(name); ok {
			versions = append(versions, fmt.Sprintf("%s version: %s", name, p.Version))
		}
	}
	if len(versions) == 0 {
		return ""
	}
	return " (" + strings.Join(versions, ", ") + ")"
}
