package deploy_test

import (
	"bytes"
	"runtime"
	"slices"
	"strings"
	"testing"

	"sluice/internal/deploy"
	"sluice/internal/plan"
	"sluice/internal/platform"
)

// TestCrashAtEveryStep ends the control plane right after each step was recorded, starts
// another one over the same state and looks at what visitors meet, what is left over and
// what the activity says.
func TestCrashAtEveryStep(t *testing.T) {
	for _, row := range plan.Table() {
		step := row.Name
		t.Run(string(step), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.push(shop())
			w.crash(step, shop("pub/index.php", "<?php // 2"))
			w.engine = w.engine.Reopen()
			w.crons.release = "" // it lived in the process

			if err := w.service(nil).Recover(t.Context()); err != nil {
				t.Fatalf("recover: %v", err)
			}
			want := afterCrash(row.Reach)
			if got := w.gate.State(); got != want.state {
				t.Errorf("visitors meet %q, want %q", got, want.state)
			}
			a := w.last()
			if !a.State.Final() || a.Result != want.result {
				t.Errorf("activity is %s with result %q, want %q", a.State, a.Result, want.result)
			}
			if log := w.log(a); !strings.Contains(log, want.log) {
				t.Errorf("the log does not say %q:\n%s", want.log, log)
			}
			if a.Result == platform.ResultFailure && (a.Reason == "" || a.Hint == "") {
				t.Errorf("reason %q, hint %q: both should be there", a.Reason, a.Hint)
			}
			w.wantNothingLeft()
			if want.state != "closed" && w.crons.running() != w.env().Release {
				t.Errorf("crons of %q run, want %s", w.crons.running(), w.env().Release)
			}
			w.wantRepairedBy(shop("pub/index.php", "<?php // 3"))
		})
	}
}

type aftermath struct {
	state  string
	result platform.ActivityResult
	log    string
}

func afterCrash(reach platform.Reach) aftermath {
	switch reach {
	case platform.Served:
		return aftermath{"open r1", platform.ResultFailure, "the site was not touched"}
	case platform.Held:
		return aftermath{"open r1", platform.ResultFailure, "no data was touched and the old release was put back"}
	case platform.Touched:
		return aftermath{"closed", platform.ResultFailure, "the site stays in maintenance"}
	default:
		return aftermath{"open r2", platform.ResultSuccess, "completing the deployment"}
	}
}

// crash pushes through a control plane that ends at a step, as by SIGKILL: the goroutine
// that works on the activity goes no further.
func (w *world) crash(at platform.Step, files map[string]string) {
	w.t.Helper()
	w.crashIn(at, func(s *deploy.Service) error {
		return w.receive(s, files, map[string]string{"deploy.wait": "false"}, &bytes.Buffer{})
	})
}

// crashIn lets a control plane end at a step of the activity that begin queues.
func (w *world) crashIn(at platform.Step, begin func(*deploy.Service) error) {
	w.t.Helper()
	crashed := false
	s := w.service(func(step platform.Step) {
		if step == at && !crashed {
			crashed = true
			runtime.Goexit()
		}
	})
	w.run(s, func() {
		if err := begin(s); err != nil {
			w.t.Fatal(err)
		}
		for w.last().Step != at {
			runtime.Gosched()
		}
	})
	if !crashed {
		w.t.Fatalf("step %s was never recorded", at)
	}
}

// TestCrashOfADeactivation: it can run twice, so the next start runs it again.
func TestCrashOfADeactivation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.push(shop())
	if _, err := w.store.SaveEnvironment(t.Context(), platform.Environment{Project: "shop", Name: "stage", MachineName: "stage", Status: platform.EnvironmentActive}); err != nil {
		t.Fatal(err)
	}
	w.crashIn(platform.StepTeardown, func(s *deploy.Service) error {
		_, err := s.Deactivate(t.Context(), "shop", "stage", platform.Actor{Name: "Jane"})
		return err
	})
	if err := w.service(nil).Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	env, err := w.store.Environment(t.Context(), "shop", "stage")
	if a := w.last(); err != nil || a.Result != platform.ResultSuccess || env.Status != platform.EnvironmentInactive {
		t.Errorf("activity %s %s, environment %s, %v", a.Result, a.Reason, env.Status, err)
	}
}

func TestRecoverQueuesPushesThatWereStoredOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.push(shop())
	missed := w.source.commit(shop("pub/index.php", "<?php // stored"))
	s := w.service(nil)
	by := platform.Actor{Name: "the system"}
	if err := s.EnqueueMissed(t.Context(), "shop", map[string]string{"main": missed}, by); err != nil {
		t.Fatal(err)
	}
	if err := s.EnqueueMissed(t.Context(), "shop", map[string]string{"main": missed}, by); err != nil {
		t.Fatal(err)
	}
	list, err := w.store.Activities(t.Context(), platform.ActivityFilter{Project: "shop", States: []platform.ActivityState{platform.ActivityPending}})
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 1 || list[0].Commit != missed {
		t.Errorf("pending activities: %v, want one for %s", list, missed)
	}
}

func TestSupersededPushSaysSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.service(nil) // no worker runs
	options := map[string]string{"deploy.wait": "false"}
	for _, page := range []string{"1", "2", "3"} {
		if err := w.receive(s, shop("pub/index.php", page), options, &bytes.Buffer{}); err != nil {
			t.Fatal(err)
		}
	}
	list, err := w.store.Activities(t.Context(), platform.ActivityFilter{Project: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	var states []platform.ActivityState
	for _, a := range list {
		states = append(states, a.State)
	}
	want := []platform.ActivityState{platform.ActivityPending, platform.ActivityCancelled, platform.ActivityCancelled}
	if !slices.Equal(states, want) {
		t.Errorf("states = %v, want %v", states, want)
	}
	if log := w.log(list[2]); !strings.Contains(log, "superseded by activity "+list[1].ID) {
		t.Errorf("the log of the first push says:\n%s", log)
	}
}

// TestCrashDuringAServiceUpgrade: the new version may have converted the data, so the old
// release must not be opened on it.
func TestCrashDuringAServiceUpgrade(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.push(shop(".magento/services.yaml", "mysql:\n    type: mysql:10.5\n    disk: 1024\n"))
	w.crash(platform.StepStart, shop())
	w.engine = w.engine.Reopen()
	if err := w.service(nil).Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := w.gate.State(); got != "closed" {
		t.Errorf("visitors meet %q", got)
	}
	if a := w.last(); !strings.Contains(a.Reason, "while a service was upgraded") {
		t.Errorf("reason: %s", a.Reason)
	}
	w.wantRepairedBy(shop("pub/index.php", "<?php // 3"))
}
