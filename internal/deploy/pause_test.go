package deploy_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"sluice/internal/build"
	"sluice/internal/deploy"
	"sluice/internal/engine/enginetest"
	"sluice/internal/platform"
)

func jane() platform.Actor { return platform.Actor{ID: "jane", Name: "Jane"} }

// stagePaused deploys main and stage and pauses stage.
func stagePaused(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.push(shop())
	if out, a := w.pushTo("stage", shop()); a.Result != platform.ResultSuccess {
		t.Fatalf("stage: %s\n%s", a.Reason, out)
	}
	w.queued(func(s *deploy.Service) (platform.Activity, error) {
		return s.Pause(t.Context(), "shop", "stage", jane())
	})
	w.wantPaused("stage")
	return w
}

// wantPaused checks that nothing of an environment runs, that visitors are told so, and that
// its data is there.
func (w *world) wantPaused(name string) {
	w.t.Helper()
	env := w.environment(name)
	if env.Status != platform.EnvironmentPaused || env.Release == "" {
		w.t.Errorf("%s is %s with release %q", name, env.Status, env.Release)
	}
	if got := w.gate.StateOf(env.ID()); got != "closed: This site is paused." {
		w.t.Errorf("visitors of %s meet %q", name, got)
	}
	status, err := w.engine.Observe(w.t.Context(), env.ID())
	if err != nil || len(status.Containers) > 0 {
		w.t.Errorf("containers of %s: %v, %v", name, status.Containers, err)
	}
	all, err := w.engine.Environments(w.t.Context())
	if err != nil || !strings.Contains(" "+join(all)+" ", " "+string(env.ID())+" ") {
		w.t.Errorf("data of %v is left, %v", all, err)
	}
}

func join(ids []platform.EnvironmentID) string {
	var out []string
	for _, id := range ids {
		out = append(out, string(id))
	}
	return strings.Join(out, " ")
}

func TestPauseAndResume(t *testing.T) {
	w := stagePaused(t)
	if got := w.gate.StateOf(w.env().ID()); got != "open r1" {
		t.Errorf("visitors of main meet %q", got)
	}
	s := w.service(nil)
	if _, err := s.Exec(t.Context(), deploy.Command{Project: "shop", Environment: "stage", Argv: []string{"ls"}}); platform.ErrorCode(err) != platform.CodeConflict ||
		!strings.Contains(platform.ErrorHint(err), "environment:resume") {
		t.Errorf("a command: %v", err)
	}
	builds := len(w.builder.Builds())
	out := w.queued(func(s *deploy.Service) (platform.Activity, error) {
		return s.Resume(t.Context(), "shop", "stage", jane())
	})
	env := w.environment("stage")
	if env.Status != platform.EnvironmentActive || w.gate.StateOf(env.ID()) != "open "+env.Release || len(w.builder.Builds()) != builds {
		t.Errorf("%s, visitors meet %q\n%s", env.Status, w.gate.StateOf(env.ID()), out)
	}
	if !strings.Contains(out, "Skipping the deploy hook of application mymagento: nothing changed since release r1") {
		t.Errorf("the hook ran:\n%s", out)
	}
}

// TestPausedEnvironmentsComeBack by whatever deploys them.
func TestPausedEnvironmentsComeBack(t *testing.T) {
	for name, deployAgain := range map[string]func(w *world){
		"push":     func(w *world) { w.pushTo("stage", shop("pub/index.php", "<?php // 2")) },
		"redeploy": func(w *world) { w.redeploy("stage", nil) },
	} {
		t.Run(name, func(t *testing.T) {
			w := stagePaused(t)
			deployAgain(w)
			if env := w.environment("stage"); env.Status != platform.EnvironmentActive || w.gate.StateOf(env.ID()) != "open r2" {
				t.Errorf("%s, visitors meet %q", env.Status, w.gate.StateOf(env.ID()))
			}
		})
	}
}

// TestAFailedResumeStaysPaused, whatever fails before data may have been written.
func TestAFailedResumeStaysPaused(t *testing.T) {
	broken := errors.New("broken")
	for name, arrange := range map[string]func(w *world){
		"build":   func(w *world) { w.builder.FailNext(&build.Failure{Step: "hook", ExitCode: 3}) },
		"prepare": func(w *world) { w.engine.Before("Prepare", enginetest.Fail(broken)) },
		"services": func(w *world) {
			w.engine.Before("Disk", enginetest.Fail(broken))
		},
		"start": func(w *world) { w.engine.Before("Start", enginetest.Fail(broken)) },
	} {
		t.Run(name, func(t *testing.T) {
			w := stagePaused(t)
			arrange(w)
			out, a := w.pushTo("stage", shop("pub/index.php", "<?php // 2"))
			if a.Result != platform.ResultFailure {
				t.Fatalf("it succeeded:\n%s", out)
			}
			w.engine = w.engine.Reopen()
			w.wantPaused("stage")
		})
	}
}

func TestWhatCannotBePaused(t *testing.T) {
	w := newWorld(t)
	w.push(shop())
	s := w.service(nil)
	_, err := s.Pause(t.Context(), "shop", "main", jane())
	if platform.ErrorCode(err) != platform.CodeForbidden {
		t.Errorf("production: %v", err)
	}
	for name, call := range map[string]func(context.Context, string, string, platform.Actor) (platform.Activity, error){"pause": s.Pause, "resume": s.Resume} {
		if _, err := call(t.Context(), "shop", "nothere", jane()); platform.ErrorCode(err) != platform.CodeNotFound {
			t.Errorf("%s of what does not exist: %v", name, err)
		}
	}
	if _, err := s.Resume(t.Context(), "shop", "main", jane()); platform.ErrorCode(err) != platform.CodeConflict {
		t.Errorf("resume of what runs: %v", err)
	}
}

// TestPauseIsRecovered: a crash leaves it to the next start, and a paused environment stays so.
func TestPauseIsRecovered(t *testing.T) {
	w := newWorld(t)
	w.push(shop())
	w.pushTo("stage", shop())
	w.crashIn(platform.StepRest, func(s *deploy.Service) error {
		_, err := s.Pause(t.Context(), "shop", "stage", jane())
		return err
	})
	for range 2 {
		w.engine = w.engine.Reopen()
		if err := w.service(nil).Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.wantPaused("stage")
	}
	if a := w.last(); a.Result != platform.ResultSuccess {
		t.Errorf("%s: %s", a.Result, a.Reason)
	}
}

func TestDelete(t *testing.T) {
	w := newWorld(t)
	w.push(shop())
	w.pushTo("stage", shop())
	w.pushTo("x", shop())
	w.repositories.branches = map[string]string{"stage": w.environment("stage").HeadCommit}
	if _, err := w.service(nil).ChangeEnvironment(t.Context(), "shop", "x", platform.EnvironmentChange{Parent: new("stage")}); err != nil {
		t.Fatal(err)
	}
	s := w.service(nil)
	if _, err := s.Delete(t.Context(), "shop", "main", true, jane()); platform.ErrorCode(err) != platform.CodeForbidden {
		t.Errorf("production: %v", err)
	}
	if _, err := s.Delete(t.Context(), "shop", "stage", false, jane()); platform.ErrorCode(err) != platform.CodeConflict {
		t.Errorf("what is active: %v", err)
	}
	id := w.environment("stage").ID()
	log := w.queued(func(s *deploy.Service) (platform.Activity, error) {
		return s.Delete(t.Context(), "shop", "stage", true, jane())
	})
	w.wantDeleted("stage", id, log)
	if got := w.environment("x").Parent; got != "main" {
		t.Errorf("x is below %q now", got)
	}
}

func (w *world) wantDeleted(name string, id platform.EnvironmentID, log string) {
	w.t.Helper()
	if _, err := w.store.Environment(w.t.Context(), "shop", name); platform.ErrorCode(err) != platform.CodeNotFound {
		w.t.Errorf("the record: %v\n%s", err, log)
	}
	all, err := w.engine.Environments(w.t.Context())
	if err != nil || strings.Contains(join(all), string(id)) || w.gate.StateOf(id) != "" || w.repositories.branches[name] != "" {
		w.t.Errorf("left: %v, %v, %q, branch %q", all, err, w.gate.StateOf(id), w.repositories.branches[name])
	}
}

// TestDeleteKeepsWhatWasPushedSince: the branch is not where the environment has it.
func TestDeleteKeepsWhatWasPushedSince(t *testing.T) {
	w := newWorld(t)
	w.push(shop())
	w.pushTo("stage", shop())
	w.repositories.branches = map[string]string{"stage": "another"}
	log := w.queued(func(s *deploy.Service) (platform.Activity, error) {
		return s.Delete(t.Context(), "shop", "stage", true, jane())
	})
	if a := w.last(); a.Result != platform.ResultFailure || w.environment("stage").Status != platform.EnvironmentInactive || a.Hint == "" {
		t.Errorf("%s %q %q\n%s", a.Result, a.Reason, a.Hint, log)
	}
}

func TestDeleteIsRecovered(t *testing.T) {
	for _, step := range []platform.Step{platform.StepTeardown, platform.StepDeleteBranch} {
		t.Run(string(step), func(t *testing.T) {
			w := newWorld(t)
			w.push(shop())
			w.pushTo("stage", shop())
			id := w.environment("stage").ID()
			w.crashIn(step, func(s *deploy.Service) error {
				_, err := s.Delete(t.Context(), "shop", "stage", true, jane())
				return err
			})
			if err := w.service(nil).Recover(t.Context()); err != nil {
				t.Fatal(err)
			}
			w.wantDeleted("stage", id, w.log(w.last()))
			if a := w.last(); a.Result != platform.ResultSuccess {
				t.Errorf("%s: %s", a.Result, a.Reason)
			}
		})
	}
}
