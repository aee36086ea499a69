package deploy_test

import (
	"bytes"
	"runtime"
	"slices"
	"strings"
	"testing"

	"sluice/internal/platform"
)

// TestCrashAtEveryStep ends the control plane right after each step was recorded, starts
// another one over the same state and looks at what visitors meet, what is left over and
// what the activity says.
func TestCrashAtEveryStep(t *testing.T) {
	steps := platform.Steps()
	for _, step := range steps[1 : len(steps)-1] {
		t.Run(string(step), func(t *testing.T) {
			w := newWorld(t)
			w.push(shop())
			w.crash(step, shop("pub/index.php", "<?php // 2"))
			w.engine = w.engine.Reopen()
			w.crons.release = "" // it lived in the process

			if err := w.service(nil).Recover(t.Context()); err != nil {
				t.Fatalf("recover: %v", err)
			}
			want := afterCrash(step)
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
			w.wantMendedBy(shop("pub/index.php", "<?php // 3"))
		})
	}
}

type aftermath struct {
	state  string
	result platform.ActivityResult
	log    string
}

func afterCrash(step platform.Step) aftermath {
	switch {
	case step.Before(platform.StepHold):
		return aftermath{"open r1", platform.ResultFailure, "the site was not touched"}
	case step.Before(platform.StepDeployHook):
		return aftermath{"open r1", platform.ResultFailure, "no data was touched and the old release was put back"}
	case step == platform.StepDeployHook:
		return aftermath{"closed", platform.ResultFailure, "the site stays in maintenance"}
	default:
		return aftermath{"open r2", platform.ResultSuccess, "completing the deployment"}
	}
}

// crash pushes through a control plane that ends at a step, as by SIGKILL: the goroutine
// that works on the activity goes no further.
func (w *world) crash(at platform.Step, files map[string]string) {
	w.t.Helper()
	crashed := false
	s := w.service(func(step platform.Step) {
		if step == at && !crashed {
			crashed = true
			runtime.Goexit()
		}
	})
	w.run(s, func() {
		options := map[string]string{"deploy.wait": "false"}
		if err := w.receive(s, files, options, &bytes.Buffer{}); err != nil {
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

func TestRecoverQueuesPushesThatWereStoredOnly(t *testing.T) {
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
	w := newWorld(t)
	s := w.service(nil) // nobody works
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
	w.wantMendedBy(shop("pub/index.php", "<?php // 3"))
}
