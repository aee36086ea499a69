package deploy_test

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"

	"sluice/internal/build"
	"sluice/internal/deploy"
	"sluice/internal/engine"
	"sluice/internal/platform"
	"sluice/internal/topology"
)

// rollback deploys a stored release through a healthy control plane.
func (w *world) rollback(req platform.RollbackRequest) (string, platform.Activity) {
	w.t.Helper()
	log := w.queued(func(s *deploy.Service) (platform.Activity, error) {
		return s.Rollback(w.t.Context(), "shop", "main", req, platform.Actor{Name: "Jane"})
	})
	return log, w.last()
}

// codeOnly is a rollback by someone who knows that the code fits the data.
func codeOnly(release string) platform.RollbackRequest {
	return platform.RollbackRequest{Release: release, CodeOnly: true}
}

// toolkitSays makes deploy hooks print what the toolkit would.
func (w *world) toolkitSays(lines string) {
	w.engine.OnExec(func(_ context.Context, req engine.ExecRequest) (int, error) {
		if !slices.Contains(req.Command, topology.DeployHook) {
			return 0, nil
		}
		_, err := req.Stdout.Write([]byte("::sluice::hello ece-tools 1\n" + lines))
		return 0, err
	})
}

// TestRollbackIsHonestAboutData deploys two releases and goes back to the first, by what their
// deploy hooks do.
func TestRollbackIsHonestAboutData(t *testing.T) {
	toolkit := app("ece-tools run scenario/deploy.xml")
	for _, tt := range []struct {
		name, file    string
		first, second string // what the hook prints
		now           string // what the refusal says of the data; empty when it is not refused
	}{
		{"no hook", strings.Replace(app("none"), "    deploy: |\n        none\n", "", 1), "", "", ""},
		{"any hook", app("php bin/shop deploy"), "", "", "mymagento: last written by the deployment of release r2"},
		{"same schema", toolkit, "::sluice::touch x\n::sluice::data d1\n", "::sluice::touch x\n::sluice::data d1\n", ""},
		{"other schema", toolkit, "::sluice::touch x\n::sluice::data d1\n", "::sluice::touch x\n::sluice::data d2\n", "mymagento: schema and patches d2"},
		{"nothing touched", toolkit, "::sluice::touch x\n::sluice::data d1\n", "", ""},
		{"touched without a word", toolkit, "::sluice::touch x\n::sluice::data d1\n", "::sluice::touch x\n", "mymagento: last written by the deployment of release r2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.toolkitSays(tt.first)
			w.push(shop(".magento.app.yaml", tt.file))
			w.toolkitSays(tt.second)
			w.push(shop(".magento.app.yaml", tt.file, "pub/index.php", "<?php // 2"))
			_, err := w.service(nil).Rollback(t.Context(), "shop", "main", platform.RollbackRequest{Release: "r1"}, platform.Actor{})
			if tt.now == "" {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			if platform.ErrorCode(err) != platform.CodeConflict || !strings.HasSuffix(err.Error(), "the data now: "+tt.now) {
				t.Errorf("got %v", err)
			}
			if hint := platform.ErrorHint(err); !strings.Contains(hint, "environment:rollback r1 --code-only") {
				t.Errorf("the hint is %q", hint)
			}
			if out, a := w.rollback(codeOnly("r1")); a.Result != platform.ResultSuccess {
				t.Errorf("code only: %s\n%s", a.Reason, out)
			}
		})
	}
}

// TestRollbackChoosesTheReleaseBefore: one that never served is not it.
func TestRollbackChoosesTheReleaseBefore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	toolkit := func(page string) map[string]string {
		return shop(".magento.app.yaml", app("ece-tools run scenario/deploy.xml"), "pub/index.php", page)
	}
	w.toolkitSays("::sluice::data d1\n")
	w.push(toolkit("1"))
	_, err := w.service(nil).Rollback(t.Context(), "shop", "main", platform.RollbackRequest{}, platform.Actor{})
	if platform.ErrorCode(err) != platform.CodeConflict || !strings.Contains(err.Error(), "no earlier release") {
		t.Errorf("the only release: %v", err)
	}
	w.builder.FailNext(&build.Failure{Step: "hook", ExitCode: 3})
	w.push(toolkit("2"))
	w.push(toolkit("3"))
	if out, a := w.rollback(platform.RollbackRequest{}); a.Result != platform.ResultSuccess || a.Parameters[platform.ParameterRelease] != "r1" {
		t.Errorf("to %v: %s\n%s", a.Parameters, a.Reason, out)
	}
	// A deployment that failed half way leaves data in an unknown state.
	w.engine.OnExec(func(_ context.Context, req engine.ExecRequest) (int, error) {
		if slices.Contains(req.Command, topology.DeployHook) {
			_, err := req.Stdout.Write([]byte("::sluice::hello x\n::sluice::touch setup:upgrade\n"))
			return 1, err
		}
		return 0, nil
	})
	_, failed := w.push(toolkit("4"))
	_, err = w.service(nil).Rollback(t.Context(), "shop", "main", platform.RollbackRequest{}, platform.Actor{})
	if platform.ErrorCode(err) != platform.CodeConflict || !strings.Contains(err.Error(), "last written by the deployment of release "+failed.Release) {
		t.Errorf("after a failure: %v", err)
	}
	w.toolkitSays("::sluice::data d1\n")
	if out, a := w.rollback(platform.RollbackRequest{CodeOnly: true}); a.Result != platform.ResultSuccess {
		t.Errorf("out of maintenance: %s\n%s", a.Reason, out)
	}
	if got := w.env().Status; got != platform.EnvironmentActive {
		t.Errorf("status %q", got)
	}
}

// TestPendingRollbackKeepsItsSlugs: other deployments retire releases while it waits.
func TestPendingRollbackKeepsItsSlugs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, page := range []string{"1", "2", "3", "4", "5"} {
		w.push(shop("pub/index.php", page))
	}
	release := w.builder.Hold()
	defer release()
	s := w.service(nil)
	w.run(s, func() {
		options := map[string]string{"deploy.wait": "false"}
		if err := w.receive(s, shop("pub/index.php", "6"), options, &bytes.Buffer{}); err != nil {
			t.Fatal(err)
		}
		a, err := s.Rollback(t.Context(), "shop", "main", codeOnly("r1"), platform.Actor{Name: "Jane"})
		if err != nil {
			t.Fatal(err)
		}
		release()
		w.log(a)
	})
	if a := w.last(); a.Result != platform.ResultSuccess || a.Type != platform.ActivityRollback {
		t.Errorf("%s %s: %s", a.Type, a.Result, a.Reason)
	}
}

func TestRollbackDeploysAStoredRelease(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.push(shop(".magento/maintenance.html", "one"))
	w.push(shop("pub/index.php", "<?php // 2"))
	builds := len(w.builder.Builds())
	w.gate.events = nil
	out, a := w.rollback(codeOnly("r1"))
	if a.Result != platform.ResultSuccess || a.Release != "r3" {
		t.Fatalf("%s as %s: %s\n%s", a.Result, a.Release, a.Reason, out)
	}
	if want := []string{"hold", "commit", "publish r3"}; !slices.Equal(w.gate.events, want) {
		t.Errorf("the router got %v, want %v", w.gate.events, want)
	}
	if len(w.builder.Builds()) != builds || w.gate.page != "one" {
		t.Errorf("%d builds, maintenance page %q", len(w.builder.Builds())-builds, w.gate.page)
	}
	old, err := w.store.Release(t.Context(), "shop", "main", "r1")
	if err != nil {
		t.Fatal(err)
	}
	now, err := w.store.Release(t.Context(), "shop", "main", "r3")
	if err != nil || now.Commit != old.Commit || now.Slugs["mymagento"].Ref != old.Slugs["mymagento"].Ref || len(now.Routes) != len(old.Routes) {
		t.Errorf("r3 is %+v, %v", now, err)
	}
	if got := w.crons.running(); got != "r3" {
		t.Errorf("crons of %q run", got)
	}
	for _, want := range []string{"rolled environment **Main** back to release r1", "(new commit)", "mymagento (type: php:8.2, disk: 1024)"} {
		if !strings.Contains(out, want) {
			t.Errorf("the log lacks %q:\n%s", want, out)
		}
	}
	w.wantNothingLeft()
}

func TestRollbackThatCannotBe(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.push(shop(".magento/services.yaml", "mysql:\n    type: mysql:10.5\n    disk: 1024\n"))
	w.push(shop())
	w.failHook("/etc/sluice/hooks/deploy", 7)
	w.push(shop("pub/index.php", "<?php // 3"))
	w.engine.OnExec(nil)
	for release, want := range map[string]string{
		"r1": "service 'mysql' runs mysql:10.11 now and its data cannot go back to mysql:10.5",
		"r3": "it was never live",
		"r9": "no release",
	} {
		_, err := w.service(nil).Rollback(t.Context(), "shop", "main", codeOnly(release), platform.Actor{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", release, err, want)
		}
	}
}

// A domain that the project lost must not come back with an old release.
func TestRollbackToALostDomain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.options.Domains = map[string][]string{"shop": {"www.shop.test"}}
	w.push(shop())
	w.options.Domains = nil
	w.push(shop("pub/index.php", "<?php // 2"))
	_, err := w.service(nil).Rollback(t.Context(), "shop", "main", codeOnly("r1"), platform.Actor{})
	if platform.ErrorCode(err) != platform.CodeConflict || !strings.Contains(err.Error(), "www.shop.test") {
		t.Errorf("got %v", err)
	}
}

func TestRollbackIsRecovered(t *testing.T) {
	for _, tt := range []struct {
		step  platform.Step
		state string
	}{{platform.StepPrepare, "open r2"}, {platform.StepQuiesce, "open r2"}, {platform.StepDeployHook, "closed"}, {platform.StepSwitch, "open r3"}} {
		t.Run(string(tt.step), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.push(shop())
			w.push(shop("pub/index.php", "<?php // 2"))
			w.crashIn(tt.step, func(s *deploy.Service) error {
				_, err := s.Rollback(t.Context(), "shop", "main", codeOnly("r1"), platform.Actor{Name: "Jane"})
				return err
			})
			w.engine = w.engine.Reopen()
			if err := w.service(nil).Recover(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := w.gate.State(); got != tt.state {
				t.Errorf("visitors meet %q, want %q", got, tt.state)
			}
			w.wantNothingLeft()
			w.wantRepairedBy(shop("pub/index.php", "<?php // 3"))
		})
	}
}
