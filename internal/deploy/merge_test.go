package deploy_test

import (
	"strings"
	"testing"

	"sluice/internal/deploy"
	"sluice/internal/plan"
	"sluice/internal/platform"
)

// twoBranches is a world with data in main and stage, in which stage has a commit that main
// lacks, and main one that stage lacks if both is set.
func twoBranches(t *testing.T, both bool) *world {
	t.Helper()
	w := filled(t, shop())
	w.pushTo("stage", shop("pub/child.php", "<?php // child"))
	w.snapshots.Write(w.environment("stage").ID(), dataPart, dataFile, "its own")
	w.repositories.ahead = map[string]int{w.environment("stage").HeadCommit: 1}
	if both {
		w.push(shop("pub/parent.php", "<?php // parent"))
		w.repositories.ahead[w.env().HeadCommit] = 1
	}
	w.repositories.branches = map[string]string{"main": w.env().HeadCommit, "stage": w.environment("stage").HeadCommit}
	return w
}

func (w *world) beginMerge(s *deploy.Service) (platform.Activity, error) {
	return s.Merge(w.t.Context(), "shop", "stage", jane())
}

func (w *world) synchronize(req platform.SyncRequest) (string, platform.Activity) {
	w.t.Helper()
	log := w.queued(func(s *deploy.Service) (platform.Activity, error) {
		return s.Synchronize(w.t.Context(), "shop", "stage", req, jane())
	})
	return log, w.last()
}

// has reports whether the commit of an environment has a file.
func (w *world) has(name, file string) bool {
	w.t.Helper()
	_, ok := w.source.commits[w.environment(name).HeadCommit][file]
	return ok
}

func TestMerge(t *testing.T) {
	w := twoBranches(t, true)
	child := w.environment("stage")
	out := w.queued(w.beginMerge)
	a, env := w.last(), w.env()
	if a.Result != platform.ResultSuccess || a.Environment != "main" || strings.Join(a.Also, " ") != "stage" {
		t.Fatalf("%s of %s, locks %v: %s\n%s", a.Result, a.Environment, a.Also, a.Reason, out)
	}
	if !w.has("main", "pub/child.php") || !w.has("main", "pub/parent.php") || a.Commit != env.HeadCommit || env.Release != a.Release {
		t.Errorf("main is at %s and serves %s; the activity deployed %s as %s", env.HeadCommit, env.Release, a.Commit, a.Release)
	}
	if got := w.repositories.branches["main"]; got != env.HeadCommit || w.repositories.branches["stage"] != child.HeadCommit {
		t.Errorf("the branches are %v", w.repositories.branches)
	}
	if w.dataOf("main") != "production" || w.dataOf("stage") != "its own" {
		t.Errorf("data of main %q, of stage %q", w.dataOf("main"), w.dataOf("stage"))
	}
	if !strings.Contains(out, "Merging stage into main") {
		t.Errorf("log:\n%s", out)
	}
}

// TestMergeOfWhatWasBuilt: a branch of the same type has the slug already.
func TestMergeOfWhatWasBuilt(t *testing.T) {
	w := filled(t, shop())
	w.pushTo("stage", shop())
	w.pushTo("x", shop("pub/child.php", "<?php // child"))
	if _, err := w.service(nil).ChangeEnvironment(t.Context(), "shop", "x", platform.EnvironmentChange{Parent: new("stage")}); err != nil {
		t.Fatal(err)
	}
	w.repositories.ahead = map[string]int{w.environment("x").HeadCommit: 1}
	builds := len(w.builder.Builds())
	out := w.queued(func(s *deploy.Service) (platform.Activity, error) { return s.Merge(t.Context(), "shop", "x", jane()) })
	if a := w.last(); a.Result != platform.ResultSuccess || len(w.builder.Builds()) != builds || !w.has("stage", "pub/child.php") {
		t.Errorf("%s %s, %d builds\n%s", a.Result, a.Reason, len(w.builder.Builds())-builds, out)
	}
}

func TestMergeWithAConflict(t *testing.T) {
	w := twoBranches(t, true)
	w.push(shop("pub/child.php", "<?php // another"))
	w.repositories.ahead[w.env().HeadCommit] = 1
	before, child, release := w.env().HeadCommit, w.environment("stage").HeadCommit, w.env().Release
	w.repositories.branches["main"] = before
	out := w.queued(w.beginMerge)
	if a := w.last(); a.Result != platform.ResultFailure || !strings.Contains(a.Reason, "both sides changed pub/child.php; no branch was changed") || a.Hint == "" {
		t.Errorf("%s %q %q", a.Result, a.Reason, a.Hint)
	}
	if !strings.Contains(out, "CONFLICT: pub/child.php") || !strings.Contains(out, "E: Merge failed") {
		t.Errorf("log:\n%s", out)
	}
	env := w.env()
	if env.HeadCommit != before || w.repositories.branches["main"] != before || w.repositories.branches["stage"] != child || w.gate.StateOf(env.ID()) != "open "+release {
		t.Errorf("main is at %s, branches %v, visitors meet %q", env.HeadCommit, w.repositories.branches, w.gate.StateOf(env.ID()))
	}
}

// TestMergeOfWhatCannotBeDeployed: the branch is not moved to configuration with errors.
func TestMergeOfWhatCannotBeDeployed(t *testing.T) {
	w := twoBranches(t, false)
	w.source.commits[w.environment("stage").HeadCommit][".magento.app.yaml"].Data = []byte("name: mymagento\ntype: php:8.2\nweeb: {}\n")
	before := w.env().HeadCommit
	out := w.queued(w.beginMerge)
	if a := w.last(); a.Result != platform.ResultFailure || w.env().HeadCommit != before || w.repositories.branches["main"] != before {
		t.Errorf("%s, main at %s\n%s", a.Result, w.env().HeadCommit, out)
	}
}

func TestMergeIntoWhatMovedMeanwhile(t *testing.T) {
	w := twoBranches(t, true)
	w.repositories.branches["main"] = "pushed just now"
	w.queued(w.beginMerge)
	if a := w.last(); a.Result != platform.ResultFailure || w.repositories.branches["main"] != "pushed just now" || !strings.Contains(a.Reason, "changed meanwhile") {
		t.Errorf("%s %s, branches %v", a.Result, a.Reason, w.repositories.branches)
	}
}

func TestWhatCannotBeCombined(t *testing.T) {
	w := twoBranches(t, false)
	s := w.service(nil)
	sync := func(name string, req platform.SyncRequest) error {
		_, err := s.Synchronize(t.Context(), "shop", name, req, jane())
		return err
	}
	merge := func(name string) error {
		_, err := s.Merge(t.Context(), "shop", name, jane())
		return err
	}
	want := func(what string, err error, code platform.Code, says string) {
		t.Helper()
		if platform.ErrorCode(err) != code || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", what, err)
		}
	}
	want("merge without a parent", merge("main"), platform.CodeConflict, "has no parent")
	want("merge of what is not there", merge("nothere"), platform.CodeNotFound, "")
	want("sync without a parent", sync("main", platform.SyncRequest{Data: true}), platform.CodeConflict, "has no parent")
	want("sync of nothing", sync("stage", platform.SyncRequest{}), platform.CodeInvalid, "neither code nor data")
	want("sync of code that is there", sync("stage", platform.SyncRequest{Code: true}), platform.CodeConflict, "there is nothing to synchronize")
	w.repositories.ahead = nil
	want("merge of nothing", merge("stage"), platform.CodeConflict, "there is nothing to merge")
	other := shop(".magento/services.yaml", "mysql:\n    type: mysql:10.11\n    disk: 1024\ncache:\n    type: redis:7.0\n")
	w.pushTo("stage", other)
	want("sync between different services", sync("stage", platform.SyncRequest{Data: true}), platform.CodeConflict, "main and stage have different services: 'cache' is in stage, and not in main")
	if _, err := s.ChangeEnvironment(t.Context(), "shop", "stage", platform.EnvironmentChange{Parent: new("")}); err != nil {
		t.Fatal(err)
	}
	want("merge after the parent was cleared", merge("stage"), platform.CodeConflict, "has no parent")
}

func TestSynchronizeData(t *testing.T) {
	w := twoBranches(t, false)
	head := w.environment("stage").HeadCommit
	out, a := w.synchronize(platform.SyncRequest{Data: true})
	env := w.environment("stage")
	if a.Result != platform.ResultSuccess || w.dataOf("stage") != "production" || env.HeadCommit != head || w.gate.StateOf(env.ID()) != "open r2" {
		t.Errorf("%s %s, data %q, at %s, visitors meet %q\n%s", a.Result, a.Reason, w.dataOf("stage"), env.HeadCommit, w.gate.StateOf(env.ID()), out)
	}
	if strings.Join(a.Also, " ") != "main" || w.dataOf("main") != "production" {
		t.Errorf("locks %v, data of main %q", a.Also, w.dataOf("main"))
	}
	w.wantNoSnapshots()
}

func TestSynchronizeCode(t *testing.T) {
	for _, rebase := range []bool{false, true} {
		w := twoBranches(t, true)
		out, a := w.synchronize(platform.SyncRequest{Code: true, Rebase: rebase})
		if a.Result != platform.ResultSuccess || !w.has("stage", "pub/parent.php") || !w.has("stage", "pub/child.php") || w.dataOf("stage") != "its own" {
			t.Errorf("%s %s\n%s", a.Result, a.Reason, out)
		}
		if (a.Parameters[platform.ParameterRebase] == "true") != rebase || w.repositories.branches["stage"] != w.environment("stage").HeadCommit {
			t.Errorf("parameters %v, branches %v", a.Parameters, w.repositories.branches)
		}
	}
}

func TestSynchronizeCodeAndData(t *testing.T) {
	w := twoBranches(t, true)
	out, a := w.synchronize(platform.SyncRequest{Code: true, Data: true})
	if a.Result != platform.ResultSuccess || !w.has("stage", "pub/parent.php") || w.dataOf("stage") != "production" {
		t.Errorf("%s %s, data %q\n%s", a.Result, a.Reason, w.dataOf("stage"), out)
	}
}

// TestAFailedSynchronizationKeepsTheData, and opens the old release on it.
func TestAFailedSynchronizationKeepsTheData(t *testing.T) {
	w := twoBranches(t, false)
	w.failHook("/etc/sluice/hooks/deploy", 7)
	out, a := w.synchronize(platform.SyncRequest{Data: true})
	env := w.environment("stage")
	if a.Result != platform.ResultFailure || w.dataOf("stage") != "its own" || w.gate.StateOf(env.ID()) != "open r1" || env.Status != platform.EnvironmentActive {
		t.Errorf("%s, data %q, visitors meet %q, %s\n%s", a.Result, w.dataOf("stage"), w.gate.StateOf(env.ID()), env.Status, out)
	}
	w.wantNoSnapshots()
}

// TestCrashOfASynchronizationAtEveryStep: either nothing of it happened, or all of it.
func TestCrashOfASynchronizationAtEveryStep(t *testing.T) {
	steps := []plan.Row{{Name: platform.StepMerge, Reach: platform.Served}}
	for _, row := range append(steps, plan.DataTable()...) {
		t.Run(string(row.Name), func(t *testing.T) {
			w := twoBranches(t, true)
			w.crashIn(row.Name, func(s *deploy.Service) error {
				_, err := s.Synchronize(t.Context(), "shop", "stage", platform.SyncRequest{Code: true, Data: true}, jane())
				return err
			})
			w.engine = w.engine.Reopen()
			if err := w.service(nil).Recover(t.Context()); err != nil {
				t.Fatal(err)
			}
			data, state, result := "its own", "open r1", platform.ResultFailure
			if row.Reach == platform.Live {
				data, state, result = "production", "open r2", platform.ResultSuccess
			}
			a, env := w.last(), w.environment("stage")
			if got := w.gate.StateOf(env.ID()); got != state || w.dataOf("stage") != data || a.Result != result || w.dataOf("main") != "production" {
				t.Errorf("%s %s, visitors meet %q, data %q", a.Result, a.Reason, got, w.dataOf("stage"))
			}
			w.wantNoSnapshots()
			out, next := w.pushTo("stage", shop("pub/child.php", "<?php // next"))
			if next.Result != platform.ResultSuccess {
				t.Errorf("the next push: %s\n%s", next.Reason, out)
			}
		})
	}
}

// TestCrashOfAMergeAtEveryStep: the branch may have been moved; visitors meet what the records
// say, and the next deployment puts it right.
func TestCrashOfAMergeAtEveryStep(t *testing.T) {
	steps := []plan.Row{{Name: platform.StepMerge, Reach: platform.Served}}
	for _, row := range append(steps, plan.Table()...) {
		t.Run(string(row.Name), func(t *testing.T) {
			w := twoBranches(t, true)
			before := w.env().Release
			w.crashIn(row.Name, func(s *deploy.Service) error {
				_, err := w.beginMerge(s)
				return err
			})
			w.engine = w.engine.Reopen()
			if err := w.service(nil).Recover(t.Context()); err != nil {
				t.Fatal(err)
			}
			state := "open " + before
			switch row.Reach {
			case platform.Touched:
				state = "closed: This site is closed for maintenance."
			case platform.Live:
				state = "open r3"
			case platform.Served, platform.Held:
			}
			if got := w.gate.StateOf(w.env().ID()); got != state {
				t.Errorf("visitors meet %q, want %q: %s", got, state, w.last().Reason)
			}
			if log := w.redeploy("main", nil); w.last().Result != platform.ResultSuccess {
				t.Errorf("the next deployment:\n%s", log)
			}
		})
	}
}

// TestOperationsOnTheSameEnvironmentsTakeTurns: each locks what it touches, in whatever order
// they come, and none waits for ever.
func TestOperationsOnTheSameEnvironmentsTakeTurns(t *testing.T) {
	w := twoBranches(t, true)
	w.queue.Workers = 4
	s := w.service(nil)
	var queued []platform.Activity
	w.run(s, func() {
		for range 3 {
			for _, begin := range []func() (platform.Activity, error){
				func() (platform.Activity, error) {
					return s.Synchronize(t.Context(), "shop", "stage", platform.SyncRequest{Data: true}, jane())
				},
				func() (platform.Activity, error) { return s.Merge(t.Context(), "shop", "stage", jane()) },
				func() (platform.Activity, error) { return s.Redeploy(t.Context(), "shop", "main", jane(), nil) },
			} {
				a, err := begin()
				if err != nil {
					t.Fatal(err)
				}
				queued = append(queued, a)
			}
		}
		for _, a := range queued {
			w.log(a)
		}
	})
	for _, a := range queued {
		if a, err := w.store.Activity(t.Context(), a.ID); err != nil || a.Result != platform.ResultSuccess {
			t.Errorf("%s: %s %s, %v", a.Type, a.Result, a.Reason, err)
		}
	}
}
