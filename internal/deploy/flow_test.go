package deploy_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/internal/build"
	"sluice/internal/engine"
	"sluice/internal/engine/enginetest"
	"sluice/internal/plan"
	"sluice/internal/platform"
	"sluice/internal/topology"
)

func TestFirstPushOpensTheSite(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	out, a := w.push(shop())
	if a.Result != platform.ResultSuccess {
		t.Fatalf("result %q: %s\n%s", a.Result, a.Reason, out)
	}
	if got := w.gate.State(); got != "open r1" {
		t.Errorf("visitors meet %q", got)
	}
	if slices.Contains(w.gate.events, "hold") {
		t.Error("requests were held although nothing had been served before")
	}
	if got := w.crons.running(); got != "r1" {
		t.Errorf("crons of %q run", got)
	}
	for _, want := range []string{
		"Validating configuration files\n",
		"Processing activity: **Jane** pushed to **Main**\n",
		"    Building application 'mymagento' (runtime type: php:8.2, tree: ",
		"    Creating environment main\n",
		"      Executing deploy hook for application mymagento (first deployment)\n",
		"      Opening environment\n",
		"        http://main-shop.localhost:8080/ is served by application `mymagento`\n\n", // what follows is not a route
		"  Executing post deploy hook for service `mymagento`\n",
		"  Starting 1 worker and 1 cron\n",
		"activity " + a.ID + " result=success phase=post-deploy\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the pusher did not see %q in:\n%s", want, out)
		}
	}
}

func TestStepsHappenInOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.push(shop())
	var steps []platform.Step
	s := w.service(func(x platform.Step) {
		if len(steps) == 0 || steps[len(steps)-1] != x {
			steps = append(steps, x)
		}
	})
	w.run(s, func() { _ = w.receive(s, shop("pub/index.php", "<?php // 2"), nil, &bytes.Buffer{}) })
	var want []platform.Step
	for _, row := range plan.Table() {
		want = append(want, row.Name)
	}
	if !slices.Equal(steps, want) {
		t.Errorf("steps = %v\nwant    %v", steps, want)
	}
	if want := []string{"publish r1", "hold", "commit", "publish r2"}; !slices.Equal(w.gate.events, want) {
		t.Errorf("the router got %v, want %v", w.gate.events, want)
	}
	if got := w.releases(); !slices.Equal(got, []string{"r2"}) {
		t.Errorf("containers of %v exist, want only r2", got)
	}
}

func TestSameTreeReusesTheSlug(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.push(shop())
	out, _ := w.push(shop())
	if !strings.Contains(out, "Reusing existing build for this tree ID") || len(w.builder.Builds()) != 1 {
		t.Errorf("%d builds:\n%s", len(w.builder.Builds()), out)
	}
	crons := strings.ReplaceAll(app("php bin/shop deploy"), "*/5", "*/7")
	if out, _ := w.push(shop(".magento.app.yaml", crons)); len(w.builder.Builds()) != 1 {
		t.Errorf("a changed cron caused a build:\n%s", out)
	}
	out, _ = w.push(shop("pub/index.php", "<?php // changed"))
	if !strings.Contains(out, "Rebuilding because of: source tree") {
		t.Errorf("the reason of the rebuild is missing:\n%s", out)
	}
}

func TestForcedBuild(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.push(shop())
	s := w.service(nil)
	w.run(s, func() {
		if err := w.receive(s, shop(), map[string]string{"build.force": "true"}, &bytes.Buffer{}); err != nil {
			t.Fatal(err)
		}
	})
	if n := len(w.builder.Builds()); n != 2 {
		t.Errorf("%d builds, want 2", n)
	}
}

func TestInvalidConfigurationIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var out bytes.Buffer
	err := w.receive(w.service(nil), shop(".magento.app.yaml", "name: mymagento\ntype: php:8.2\nweeb: {}\n"), nil, &out)
	if platform.ErrorCode(err) != platform.CodeInvalid {
		t.Fatalf("err = %v, want an invalid configuration", err)
	}
	if !strings.Contains(out.String(), "E: .magento.app.yaml:3:1: error:") {
		t.Errorf("the place is missing:\n%s", out.String())
	}
	if list, _ := w.store.Activities(t.Context(), platform.ActivityFilter{Project: "shop"}); len(list) != 0 {
		t.Errorf("%d activities were queued", len(list))
	}
}

// A first deployment that fails says what is true of it: there is no old release to serve,
// and no page that says "maintenance".
func TestFailureOfTheFirstDeployment(t *testing.T) {
	t.Run("build", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.builder.FailNext(&build.Failure{Step: "hook", ExitCode: 3, Tail: []string{"no such file"}})
		out, a := w.push(shop())
		if strings.Contains(out, "old release") || !strings.Contains(out, "the environment serves nothing yet and nothing else was done") {
			t.Errorf("the log does not say what visitors see:\n%s", out)
		}
		if strings.Contains(out, "| no such file") {
			t.Errorf("output that stands above is quoted again:\n%s", out)
		}
		if !strings.Contains(a.Reason, "\n| no such file") {
			t.Errorf("the activity's reason lacks the output: %q", a.Reason)
		}
	})
	t.Run("deploy hook", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.engine.Before("Exec", enginetest.Fail(errors.New("broken")))
		out, _ := w.push(shop())
		if strings.Contains(out, "maintenance") || !strings.Contains(out, "its addresses return 404 until a deployment succeeds") {
			t.Errorf("the log does not say what visitors see:\n%s", out)
		}
		if len(w.gate.events) != 0 {
			t.Errorf("the router got %v", w.gate.events)
		}
	})
}

// A branch that was pushed and not activated has no routes: lists over all environments go on.
func TestDeploymentOfWhatServesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.service(nil)
	w.run(s, func() {
		if err := w.receive(s, shop(), nil, &bytes.Buffer{}); err != nil {
			t.Fatal(err)
		}
	})
	if _, err := w.store.SaveEnvironment(t.Context(), platform.Environment{Project: "shop", Name: "feature", Status: platform.EnvironmentInactive}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"main": true, "feature": false} {
		d, err := s.Deployment(t.Context(), "shop", name)
		if err != nil || len(d.Routes) > 0 != want || len(d.Apps) > 0 != want || d.Release != "" != want {
			t.Errorf("%s serves %+v, %v", name, d, err)
		}
		for _, app := range d.Apps {
			var config struct{ Name, Type string }
			if err := json.Unmarshal(app.Config, &config); err != nil || config.Name != app.Name || config.Type == "" {
				t.Errorf("the configuration of %s is %s, %v", app.Name, app.Config, err)
			}
		}
	}
	if _, _, err := s.Bypass(t.Context(), "shop", "feature", time.Minute); err == nil || platform.ErrorHint(err) == "" {
		t.Errorf("a bypass of nothing: %v, want an error with a hint", err)
	}
}

// A flavor that fails is not a fault of .magento.app.yaml.
func TestFailureOfTheFlavorLeadsToComposer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.builder.FailNext(&build.Failure{Step: "flavor", ExitCode: 100, Tail: []string{"Could not authenticate against repo.magento.com"}})
	_, a := w.push(shop())
	if !strings.Contains(a.Hint, "composer.lock of mymagento") || !strings.Contains(a.Hint, "env:COMPOSER_AUTH") {
		t.Errorf("hint is %q", a.Hint)
	}
}

// A hook that only runs the toolkit is not what has to be fixed, and a commit that fails can
// be reverted.
func TestHintsNameTheCodeAndTheWayBack(t *testing.T) {
	files := shop()
	files[".magento.app.yaml"] = strings.Replace(app("php bin/shop deploy"), "echo built", "ece-tools run scenario/build/generate.xml", 1)
	w := newWorld(t)
	w.builder.FailNext(&build.Failure{Step: "hook", ExitCode: 1, Tail: []string{"Class Foo does not exist"}})
	if _, a := w.push(files); !strings.HasPrefix(a.Hint, "the hook itself only runs ece-tools") || !strings.Contains(a.Hint, "git revert 0000000000") {
		t.Errorf("toolkit in the build: %s", a.Hint)
	}
	w.builder.FailNext(&build.Failure{Step: "hook", ExitCode: 1})
	if _, a := w.push(shop()); !strings.Contains(a.Hint, "or the hook of mymagento in .magento.app.yaml") {
		t.Errorf("another build hook: %s", a.Hint)
	}
	w.push(shop())
	w.failHook(topology.DeployHook, 1)
	if _, a := w.push(shop("pub/index.php", "2")); !strings.Contains(a.Hint, "git revert 0000000000") || !strings.Contains(a.Hint, "environment:redeploy") {
		t.Errorf("deploy hook: %s", a.Hint)
	}
}

// TestFailures takes every step's failure and says what visitors meet after it.
func TestFailures(t *testing.T) {
	broken := errors.New("broken")
	for _, tt := range []struct {
		name    string
		arrange func(w *world)
		state   string // of the router
		status  platform.EnvironmentStatus
		log     string
	}{
		{
			"build hook",
			func(w *world) {
				w.builder.FailNext(&build.Failure{Step: "hook", ExitCode: 3, Tail: []string{"no such file"}})
			},
			"open r1", platform.EnvironmentActive, "E: Error building project: The build hook failed with status code 3. Aborted build.",
		},
		{
			"service does not start",
			func(w *world) {
				w.engine.Before("Prepare", enginetest.Fail(&engine.Failure{Container: "mysql", Message: "not healthy after 90 s"}))
			},
			"open r1", platform.EnvironmentActive, "E: Environment redeployment failed: 'mysql' did not become ready",
		},
		{
			"disk cannot be measured",
			func(w *world) { w.engine.Before("Disk", enginetest.Fail(broken)) },
			"open r1", platform.EnvironmentActive, "pre-flight: measure the disk",
		},
		{
			"full disk",
			func(w *world) { w.options.MinFreeBytes = 1 << 62 },
			"open r1", platform.EnvironmentActive, "pre-flight: only ",
		},
		{
			"router does not answer",
			func(w *world) { w.gate.fail["hold"] = broken },
			"open r1", platform.EnvironmentActive, "hold requests: broken; the old release keeps serving",
		},
		{
			"workers do not stop",
			func(w *world) { w.engine.Before("Quiesce", enginetest.Fail(broken)) },
			"open r1", platform.EnvironmentActive, "Putting release r1 back",
		},
		{
			"web container does not start",
			func(w *world) {
				w.engine.Before("Start", func(_ context.Context, c enginetest.Call) error {
					if c.Release == "r2" {
						return &engine.Failure{Container: "mymagento", Message: "exited with status 1"}
					}
					return nil
				})
			},
			"open r1", platform.EnvironmentActive, "'mymagento' did not start: exited with status 1",
		},
		{
			"deploy hook",
			func(w *world) { w.failHook(topology.DeployHook, 7) },
			"closed", platform.EnvironmentDirty, "the deploy hook of 'mymagento' failed with status code 7",
		},
		{
			"routes cannot be published",
			func(w *world) { w.gate.fail["publish"] = broken },
			"closed", platform.EnvironmentDirty, "publish the routes: broken",
		},
		{
			"post_deploy hook",
			func(w *world) { w.failHook(topology.PostDeployHook, 1) },
			"open r2", platform.EnvironmentActive, "the post_deploy hook of 'mymagento' failed with status code 1",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.push(shop())
			tt.arrange(w)
			out, a := w.push(shop("pub/index.php", "<?php // 2"))
			if a.Result != platform.ResultFailure {
				t.Errorf("result = %q, want a failure", a.Result)
			}
			if got := w.gate.State(); got != tt.state {
				t.Errorf("visitors meet %q, want %q", got, tt.state)
			}
			if got := w.env().Status; got != tt.status {
				t.Errorf("status = %q, want %q", got, tt.status)
			}
			if !strings.Contains(out, tt.log) {
				t.Errorf("the pusher did not see %q:\n%s", tt.log, out)
			}
			if !strings.Contains(out, "result=failure") {
				t.Errorf("the result line is missing:\n%s", out)
			}
			w.wantNothingLeft()
			w.wantRepairedBy(shop("pub/index.php", "<?php // 3"))
		})
	}
}

// failHook makes one hook fail.
func (w *world) failHook(path string, status int) {
	w.engine.OnExec(func(_ context.Context, req engine.ExecRequest) (int, error) {
		if slices.Contains(req.Command, path) {
			return status, nil
		}
		return 0, nil
	})
}

// wantNothingLeft checks that only containers of the live release exist.
func (w *world) wantNothingLeft() {
	w.t.Helper()
	want := []string{w.env().Release}
	if got := w.releases(); !slices.Equal(got, want) {
		w.t.Errorf("containers of %v exist, want %v", got, want)
	}
	if w.gate.offered != "" {
		w.t.Errorf("operators are still sent to release %s", w.gate.offered)
	}
}

// wantRepairedBy removes all faults and checks that a new push puts things right.
func (w *world) wantRepairedBy(files map[string]string) {
	w.t.Helper()
	w.engine = w.engine.Reopen()
	w.gate.fail = map[string]error{}
	w.options.MinFreeBytes = 0
	out, a := w.push(files)
	if a.Result != platform.ResultSuccess {
		w.t.Fatalf("the next push failed: %s\n%s", a.Reason, out)
	}
	if got := w.gate.State(); got != "open "+a.Release {
		w.t.Errorf("after the next push visitors meet %q, want release %s", got, a.Release)
	}
	if got := w.crons.running(); got != a.Release {
		w.t.Errorf("after the next push crons of %q run, want %s", got, a.Release)
	}
	if got := w.env().Status; got != platform.EnvironmentActive {
		w.t.Errorf("after the next push the status is %q", got)
	}
	w.wantNothingLeft()
}

func TestToolkitHookFailsBeforeItTouchesData(t *testing.T) {
	for _, tt := range []struct{ name, output, state string }{
		{"before", "::sluice::hello ece-tools 1\nchecking\n", "open r1"},
		{"after", "::sluice::hello ece-tools 1\n::sluice::touch setup:upgrade\n", "closed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.push(shop(".magento.app.yaml", app("ece-tools run scenario/deploy.xml")))
			w.engine.OnExec(func(_ context.Context, req engine.ExecRequest) (int, error) {
				if slices.Contains(req.Command, topology.DeployHook) {
					_, err := req.Stdout.Write([]byte(tt.output))
					return 1, err
				}
				return 0, nil
			})
			out, _ := w.push(shop(".magento.app.yaml", app("ece-tools run scenario/deploy.xml"), "pub/index.php", "<?php // 2"))
			if got := w.gate.State(); got != tt.state {
				t.Errorf("visitors meet %q, want %q:\n%s", got, tt.state, out)
			}
			if strings.Contains(out, "::sluice::") {
				t.Errorf("progress lines reached the log:\n%s", out)
			}
		})
	}
}

func TestCancelDuringTheBuild(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.push(shop())
	release := w.builder.Hold()
	defer release()
	s := w.service(nil)
	w.run(s, func() {
		options := map[string]string{"deploy.wait": "false"}
		if err := w.receive(s, shop("pub/index.php", "<?php // 2"), options, &bytes.Buffer{}); err != nil {
			t.Fatal(err)
		}
		a := w.last()
		for w.last().Step != platform.StepBuild { // the build waits until it is cancelled
			continue
		}
		if _, err := s.Cancel(t.Context(), a.ID, platform.Actor{Name: "Joe"}); err != nil {
			t.Fatal(err)
		}
		w.log(a)
	})
	a := w.last()
	if a.State != platform.ActivityCancelled || a.Reason != "cancelled by Joe" {
		t.Errorf("state %q, reason %q", a.State, a.Reason)
	}
	if got := w.gate.State(); got != "open r1" {
		t.Errorf("visitors meet %q", got)
	}
}

func TestBranchesStartInactive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.service(nil)
	push := platform.Push{
		Project: "shop", Actor: platform.Actor{Name: "Jane"},
		Updates: []platform.RefUpdate{{Ref: "refs/heads/feature/x", Old: platform.ZeroCommit, New: w.source.commit(shop())}},
	}
	var out bytes.Buffer
	if err := s.PostReceive(t.Context(), push, &out); err != nil {
		t.Fatal(err)
	}
	env, err := w.store.Environment(t.Context(), "shop", "feature/x")
	if err != nil || env.Status != platform.EnvironmentInactive {
		t.Errorf("status %q, %v", env.Status, err)
	}
	if !strings.Contains(out.String(), "sluice environment:activate -p shop -e feature/x") {
		t.Errorf("the next step is missing:\n%s", out.String())
	}
}

func TestOldSlugsAreDropped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, page := range []string{"1", "2", "3", "4", "5", "6", "7"} {
		if out, a := w.push(shop("pub/index.php", page)); a.Result != platform.ResultSuccess {
			t.Fatal(out)
		}
	}
	if got := len(w.builder.Slugs()); got != 5 {
		t.Errorf("%d slugs are kept, want those of the last 5 releases", got)
	}
	if err := w.service(nil).DemolishProject(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	if got := len(w.builder.Slugs()); got != 0 {
		t.Errorf("%d slugs are left of a deleted project", got)
	}
}

func TestRemovedServiceNeedsAWord(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.push(shop())
	renamed := shop(
		".magento/services.yaml", "database:\n    type: mysql:10.11\n    disk: 1024\n",
		".magento.app.yaml", strings.ReplaceAll(app("php bin/shop deploy"), "mysql:mysql", "database:mysql"),
	)
	var out bytes.Buffer
	s := w.service(nil)
	if err := w.receive(s, renamed, nil, &out); platform.ErrorCode(err) != platform.CodeInvalid {
		t.Fatalf("err = %v, want a refusal:\n%s", err, out.String())
	}
	if !strings.Contains(out.String(), "sluice.accept=data-loss") {
		t.Errorf("the way to say so is missing:\n%s", out.String())
	}
	w.run(s, func() {
		if err := w.receive(s, renamed, map[string]string{"sluice.accept": "data-loss"}, &out); err != nil {
			t.Fatalf("%v\n%s", err, out.String())
		}
	})
	if a := w.last(); a.Result != platform.ResultSuccess {
		t.Errorf("result %q: %s", a.Result, a.Reason)
	}
}

// TestPushDuringADeployment: what the running deployment records must not undo what the
// push records.
func TestPushDuringADeployment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.push(shop())
	release := w.builder.Hold()
	s := w.service(nil)
	w.run(s, func() {
		options := map[string]string{"deploy.wait": "false"}
		for _, page := range []string{"first", "second"} {
			if err := w.receive(s, shop("pub/index.php", page), options, &bytes.Buffer{}); err != nil {
				t.Fatal(err)
			}
			for page == "first" && w.last().Step != platform.StepBuild {
				continue // until it is under way
			}
		}
		release()
		w.log(w.last())
	})
	if a, env := w.last(), w.env(); env.HeadCommit != a.Commit || env.Release != a.Release || a.Result != platform.ResultSuccess {
		t.Errorf("head %s, release %s; the last activity deployed %s as %s with result %q", env.HeadCommit, env.Release, a.Commit, a.Release, a.Result)
	}
}
