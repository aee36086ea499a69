package deploy_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"sluice/internal/contract"
	"sluice/internal/engine"
	"sluice/internal/platform"
	"sluice/internal/topology"
)

const toolkitHook = "ece-tools run scenario/deploy.xml"

// toolkit plays ece-tools in the deploy hook: it says what it is about to write, waits for
// the hold where it was asked to, and ends with a status. The order of what happens goes to
// the router's events.
func (w *world) toolkit(touches string, code int) {
	held := make(chan struct{})
	w.engine.OnExec(func(ctx context.Context, req engine.ExecRequest) (int, error) {
		if slices.ContainsFunc(req.Command, func(arg string) bool { return strings.Contains(arg, ">"+contract.HoldFile) }) {
			close(held)
			return 0, nil
		}
		if !slices.Contains(req.Command, topology.DeployHook) {
			return 0, nil
		}
		w.gate.happened("hook begins")
		_, _ = fmt.Fprintf(req.Stdout, "::sluice::hello ece-tools 1\nchecking\n")
		if touches != "" {
			_, _ = fmt.Fprintf(req.Stdout, "::sluice::touch %s\n", touches)
			if req.Env[contract.HoldVariable] == contract.HoldFile {
				select {
				case <-held:
				case <-ctx.Done():
					return -1, context.Cause(ctx)
				}
			}
			w.gate.happened("hook writes")
		}
		return code, nil
	})
}

func TestHooksThatTellAreBegunBeforeTheHold(t *testing.T) {
	for _, tt := range []struct {
		name    string
		touches string
		code    int
		events  []string
		result  platform.ActivityResult
		state   string
		log     string
	}{
		{"nothing to write", "", 0, []string{"publish r1", "hook begins", "hold", "publish r2"}, platform.ResultSuccess, "open r2", "requests are served until it writes to data"},
		{"something to write", "the database", 0, []string{"publish r1", "hook begins", "hold", "commit", "hook writes", "publish r2"}, platform.ResultSuccess, "open r2", "Holding requests"},
		{"fails while it checks", "", 3, []string{"publish r1", "hook begins"}, platform.ResultFailure, "open r1", "the deploy hook of 'mymagento' failed with status code 3"},
		{"fails after it wrote", "the database", 3, []string{"publish r1", "hook begins", "hold", "commit", "hook writes", "close"}, platform.ResultFailure, "closed", "the site stays in maintenance"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.push(shop(".magento.app.yaml", app(toolkitHook)))
			w.toolkit(tt.touches, tt.code)
			out, a := w.push(shop(".magento.app.yaml", app(toolkitHook), "pub/index.php", "<?php // 2"))
			if !slices.Equal(w.gate.events, tt.events) {
				t.Errorf("what happened: %v\nwant           %v", w.gate.events, tt.events)
			}
			if a.Result != tt.result || w.gate.State() != tt.state {
				t.Errorf("result %q, visitors meet %q; want %q, %q", a.Result, w.gate.State(), tt.result, tt.state)
			}
			if !strings.Contains(out, tt.log) {
				t.Errorf("the log lacks %q:\n%s", tt.log, out)
			}
			if got := len(a.Commands); got == 0 || a.Commands[len(a.Commands)-1].Type == "" {
				t.Errorf("the hook is not among the commands: %+v", a.Commands)
			}
			w.wantNothingLeft()
		})
	}
}

// TestWhatReplacesAServiceIsHeldFirst: a service that is replaced must not go away under a
// hook that works.
func TestWhatReplacesAServiceIsHeldFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.push(shop(".magento.app.yaml", app(toolkitHook), ".magento/services.yaml", "mysql:\n    type: mysql:10.5\n    disk: 1024\n"))
	w.toolkit("", 0)
	w.push(shop(".magento.app.yaml", app(toolkitHook)))
	if want := []string{"publish r1", "hold", "commit", "hook begins", "publish r2"}; !slices.Equal(w.gate.events, want) {
		t.Errorf("what happened: %v, want %v", w.gate.events, want)
	}
}

// TestCrashWhileAHookWaits: a hook that was begun before the hold has written to nothing
// until the step of the deploy hook.
func TestCrashWhileAHookWaits(t *testing.T) {
	for _, step := range []platform.Step{platform.StepHold, platform.StepQuiesce, platform.StepStart} {
		t.Run(string(step), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.push(shop(".magento.app.yaml", app(toolkitHook)))
			w.toolkit("the database", 0)
			w.crash(step, shop(".magento.app.yaml", app(toolkitHook), "pub/index.php", "<?php // 2"))
			w.engine = w.engine.Reopen()
			if err := w.service(nil).Recover(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := w.gate.State(); got != "open r1" {
				t.Errorf("visitors meet %q", got)
			}
			if slices.Contains(w.gate.events, "hook writes") {
				t.Error("the hook wrote although requests were not held")
			}
			w.wantNothingLeft()
		})
	}
}

// A router that cannot be made to keep the site closed must not find changed data at the
// hold's deadline: the hook does not write then.
func TestNothingIsWrittenWithoutACommittedHold(t *testing.T) {
	for name, hook := range map[string]string{"a hook that waits": toolkitHook, "any other hook": "php bin/shop deploy"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.push(shop(".magento.app.yaml", app(hook)))
			w.toolkit("the database", 0)
			w.gate.fail["commit"] = errors.New("broken")
			out, a := w.push(shop(".magento.app.yaml", app(hook), "pub/index.php", "<?php // 2"))
			if slices.Contains(w.gate.events, "hook writes") {
				t.Errorf("the hook wrote: %v", w.gate.events)
			}
			if a.Result != platform.ResultFailure || w.gate.State() != "open r1" || !strings.Contains(out, "commit the hold: broken") {
				t.Errorf("result %q, visitors meet %q:\n%s", a.Result, w.gate.State(), out)
			}
			w.engine.OnExec(nil)
			w.wantNothingLeft()
			w.wantRepairedBy(shop("pub/index.php", "<?php // 3"))
		})
	}
}
