package deploy_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"sluice/internal/contract"
	"sluice/internal/deploy"
	"sluice/internal/engine"
	"sluice/internal/plan"
	"sluice/internal/platform"
	"sluice/internal/topology"
)

// dataOf is what an environment's database holds.
func (w *world) dataOf(name string) string {
	w.t.Helper()
	got, _ := w.snapshots.Read(w.environment(name).ID(), dataPart, dataFile)
	return got
}

// filled is a world whose production has data.
func filled(t *testing.T, files map[string]string) *world {
	t.Helper()
	w := newWorld(t)
	if out, a := w.push(files); a.Result != platform.ResultSuccess {
		t.Fatalf("push: %s", out)
	}
	w.snapshots.Write(w.env().ID(), dataPart, dataFile, "production")
	return w
}

func branchOf(parent, name string) platform.BranchRequest {
	return platform.BranchRequest{Name: name, Parent: parent}
}

func (w *world) beginBranch(s *deploy.Service, req platform.BranchRequest) (platform.Activity, error) {
	return s.Branch(w.t.Context(), "shop", req, jane())
}

// ran lists what was executed in containers of an environment, in order.
func (w *world) ran(name string) *[]string {
	var list []string
	w.engine.OnExec(func(_ context.Context, req engine.ExecRequest) (int, error) {
		command := strings.Join(req.Command, " ")
		if strings.Contains(string(req.Environment), "-"+name+"-") && !strings.Contains(command, "/proc/") {
			for _, what := range []string{contract.SanitizeConfigCommand, contract.SanitizeCommand, topology.CloneHook, topology.DeployHook} {
				if strings.Contains(command, what) {
					list = append(list, what+" "+req.Env[contract.CloneVariable]+" "+req.Env[contract.PersonalDataVariable])
					if seeded := req.Env[contract.SanitizeSeedVariable] != ""; seeded != strings.HasPrefix(what, contract.SanitizeCommand) {
						w.t.Errorf("%s has the seed: %t", what, seeded)
					}
					break
				}
			}
		}
		return 0, nil
	})
	return &list
}

// wantNoSnapshots checks that no copy is left over.
func (w *world) wantNoSnapshots() {
	w.t.Helper()
	if left, err := w.snapshots.List(w.t.Context(), ""); err != nil || len(left) > 0 {
		w.t.Errorf("snapshots are left: %+v, %v", left, err)
	}
}

func TestBranch(t *testing.T) {
	files := shop(".sluice.yaml", "clone:\n  hook: |\n    echo cloned\n")
	w := filled(t, files)
	builds, ran := len(w.builder.Builds()), w.ran("try")
	out := w.queued(func(s *deploy.Service) (platform.Activity, error) {
		req := branchOf("main", "try/it")
		req.Title, req.Type = "Try it", platform.Staging
		return w.beginBranch(s, req)
	})
	env := w.environment("try/it")
	if a := w.last(); a.Result != platform.ResultSuccess || a.Type != platform.ActivityBranch || !slices.Equal(a.Also, []string{"main"}) {
		t.Fatalf("%s, locks %v: %s\n%s", a.Result, a.Also, a.Reason, out)
	}
	if env.Parent != "main" || env.Title != "Try it" || env.Type != platform.Staging || env.HeadCommit != w.env().HeadCommit || env.Status != platform.EnvironmentActive {
		t.Errorf("%+v", env)
	}
	if got := w.dataOf("try/it"); got != "production" || w.gate.StateOf(env.ID()) != "open r1" {
		t.Errorf("data %q, visitors meet %q", got, w.gate.StateOf(env.ID()))
	}
	if len(w.builder.Builds()) != builds || w.repositories.branches["try/it"] != env.HeadCommit {
		t.Errorf("%d builds, branch at %q", len(w.builder.Builds())-builds, w.repositories.branches["try/it"])
	}
	want := []string{
		contract.SanitizeCommand + " main sanitized", topology.CloneHook + " main sanitized", topology.DeployHook + "  ",
	}
	if !slices.Equal(*ran, want) {
		t.Errorf("ran %q, want %q", *ran, want)
	}
	w.wantNoSnapshots()
	if got := w.gate.StateOf(w.env().ID()); got != "open r1" {
		t.Errorf("visitors of main meet %q", got)
	}
}

func TestBranchWithoutData(t *testing.T) {
	w := filled(t, shop())
	ran := w.ran("try")
	w.queued(func(s *deploy.Service) (platform.Activity, error) {
		req := branchOf("main", "try")
		req.NoCloneParent = true
		return w.beginBranch(s, req)
	})
	if got := w.dataOf("try"); got != "" || len(*ran) != 1 {
		t.Errorf("data %q, ran %q", got, *ran)
	}
}

func TestPersonalDataIsKeptOnRequest(t *testing.T) {
	w := filled(t, shop(".sluice.yaml", "clone:\n  hook: |\n    echo cloned\n"))
	ran := w.ran("try")
	out := w.queued(func(s *deploy.Service) (platform.Activity, error) {
		req := branchOf("main", "try")
		req.KeepPersonalData = true
		return w.beginBranch(s, req)
	})
	want := []string{contract.SanitizeConfigCommand + " main kept", topology.CloneHook + " main kept", topology.DeployHook + "  "}
	if !slices.Equal(*ran, want) || !strings.Contains(out, "personal data of main is kept, as Jane asked for") {
		t.Errorf("ran %q\n%s", *ran, out)
	}
	if a := w.last(); a.Parameters[platform.ParameterKeepPersonal] != "true" {
		t.Errorf("it is not recorded: %v", a.Parameters)
	}
}

// TestSessionsStayInProduction has a service with visitors' sessions beside the database.
func TestSessionsStayInProduction(t *testing.T) {
	for _, tt := range []struct {
		name string
		keep bool
		want string
	}{{"sanitised", false, ""}, {"kept on request", true, "sessions"}} {
		t.Run(tt.name, func(t *testing.T) {
			w := filled(t, shop(".magento/services.yaml", "mysql:\n    type: mysql:10.11\n    disk: 1024\nsessions:\n    type: redis-persistent:7.0\n    disk: 256\n"))
			const part = "service:sessions"
			w.snapshots.Write(w.env().ID(), part, "appendonly.aof", "sessions")
			w.ran("try")
			out := w.queued(func(s *deploy.Service) (platform.Activity, error) {
				req := branchOf("main", "try")
				req.KeepPersonalData = tt.keep
				return w.beginBranch(s, req)
			})
			if a := w.last(); a.Result != platform.ResultSuccess || w.dataOf("try") != "production" {
				t.Fatalf("%s: %s, database %q\n%s", a.Result, a.Reason, w.dataOf("try"), out)
			}
			if got, _ := w.snapshots.Read(w.environment("try").ID(), part, "appendonly.aof"); got != tt.want {
				t.Errorf("the copy has %q, want %q\n%s", got, tt.want, out)
			}
		})
	}
}

func TestWhatCannotBeBranched(t *testing.T) {
	w := filled(t, shop())
	w.pushTo("stage", shop())
	for name, tt := range map[string]struct {
		req  platform.BranchRequest
		code platform.Code
	}{
		"unknown parent": {branchOf("nothere", "x"), platform.CodeNotFound},
		"same":           {branchOf("main", "main"), platform.CodeConflict},
		"existing":       {branchOf("main", "stage"), platform.CodeConflict},
		"no name":        {branchOf("main", ""), platform.CodeInvalid},
		"production":     {platform.BranchRequest{Name: "x", Parent: "main", Type: platform.Production}, platform.CodeInvalid},
		"title":          {platform.BranchRequest{Name: "x", Parent: "main", Title: "a\nb"}, platform.CodeInvalid},
	} {
		if _, err := w.beginBranch(w.service(nil), tt.req); platform.ErrorCode(err) != tt.code {
			t.Errorf("%s: %v, want %s", name, err, tt.code)
		}
	}
	if all, err := w.store.Environments(t.Context(), "shop"); err != nil || len(all) != 2 {
		t.Errorf("%d environments, %v", len(all), err)
	}
}

// wantNothingOf checks that a branch is all that is left of an environment, and that it can be
// activated.
func (w *world) wantNothingOf(name string) {
	w.t.Helper()
	env := w.environment(name)
	all, err := w.engine.Environments(w.t.Context())
	if err != nil || env.Status != platform.EnvironmentInactive || strings.Contains(join(all), string(env.ID())) || w.gate.StateOf(env.ID()) != "" {
		w.t.Errorf("%s is %s; the engine has %v, visitors meet %q, %v", name, env.Status, all, w.gate.StateOf(env.ID()), err)
	}
	w.wantNoSnapshots()
	if got := w.gate.StateOf(w.env().ID()); got != "open r1" {
		w.t.Errorf("visitors of main meet %q", got)
	}
	log := w.queued(func(s *deploy.Service) (platform.Activity, error) {
		return s.Activate(w.t.Context(), "shop", name, platform.CloneRequest{}, jane())
	})
	if a := w.last(); a.Result != platform.ResultSuccess || w.dataOf(name) != "production" {
		w.t.Errorf("the next try: %s, data %q\n%s", a.Result, w.dataOf(name), log)
	}
}

func TestABranchThatFailsLeavesNothing(t *testing.T) {
	broken := errors.New("broken")
	status := func(what string, code int) func(w *world) {
		return func(w *world) {
			w.engine.OnExec(func(_ context.Context, req engine.ExecRequest) (int, error) {
				if strings.Contains(strings.Join(req.Command, " "), what) {
					return code, nil
				}
				return 0, nil
			})
		}
	}
	for name, arrange := range map[string]func(w *world){
		"snapshot": func(w *world) {
			w.snapshots.Fail = failing("Take", platform.Errorf(platform.CodeUnavailable, "too little room"))
		},
		"plant":       func(w *world) { w.snapshots.Fail = failing("Plant", broken) },
		"prepare":     func(w *world) { w.engine.Before("Prepare", failOnce(broken)) },
		"start":       func(w *world) { w.engine.Before("Start", failOnce(broken)) },
		"sanitize":    status(contract.SanitizeCommand, contract.SanitizeRefused),
		"deploy hook": status(topology.DeployHook, 1),
		"routes":      func(w *world) { w.gate.fail["publish"] = broken },
	} {
		t.Run(name, func(t *testing.T) {
			w := filled(t, shop())
			arrange(w)
			log := w.queued(func(s *deploy.Service) (platform.Activity, error) { return w.beginBranch(s, branchOf("main", "try")) })
			if a := w.last(); a.Result != platform.ResultFailure || a.Reason == "" {
				t.Fatalf("%s\n%s", a.Result, log)
			}
			w.snapshots.Fail, w.gate.fail, w.engine = nil, map[string]error{}, w.engine.Reopen()
			w.wantNothingOf("try")
		})
	}
}

func TestABranchOfHalfChangedDataIsRefused(t *testing.T) {
	w := filled(t, shop())
	w.failHook(topology.DeployHook, 7)
	w.push(shop("pub/index.php", "<?php // 2"))
	w.engine.OnExec(nil)
	log := w.queued(func(s *deploy.Service) (platform.Activity, error) { return w.beginBranch(s, branchOf("main", "try")) })
	if a := w.last(); a.Result != platform.ResultFailure || !strings.Contains(a.Reason, "its data may be half changed") {
		t.Errorf("%s: %s\n%s", a.Result, a.Reason, log)
	}
	if got := w.environment("try").Status; got != platform.EnvironmentInactive {
		t.Errorf("try is %s", got)
	}
}

// TestCrashOfABranchAtEveryStep: until it serves, nothing of it is left.
func TestCrashOfABranchAtEveryStep(t *testing.T) {
	for _, row := range plan.DataTable() {
		t.Run(string(row.Name), func(t *testing.T) {
			w := filled(t, shop())
			w.crashIn(row.Name, func(s *deploy.Service) error {
				_, err := w.beginBranch(s, branchOf("main", "try"))
				return err
			})
			w.engine = w.engine.Reopen()
			if err := w.service(nil).Recover(t.Context()); err != nil {
				t.Fatal(err)
			}
			if row.Reach < platform.Live {
				w.wantNothingOf("try")
				return
			}
			env := w.environment("try")
			if a := w.last(); a.Result != platform.ResultSuccess || w.gate.StateOf(env.ID()) != "open r1" || w.dataOf("try") != "production" {
				t.Errorf("%s %s, visitors meet %q, data %q", a.Result, a.Reason, w.gate.StateOf(env.ID()), w.dataOf("try"))
			}
			w.wantNoSnapshots()
		})
	}
}

// TestAnActivatedPushBringsData: also when it is superseded before it began.
func TestAnActivatedPushBringsData(t *testing.T) {
	w := filled(t, shop())
	s := w.service(nil)
	for _, page := range []string{"1", "2"} {
		options := map[string]string{"environment.status": "active", "deploy.wait": "false"}
		if err := w.receiveOn(s, "stage", shop("pub/index.php", page), options, io.Discard); err != nil {
			t.Fatal(err)
		}
	}
	w.run(s, func() { w.log(w.last()) })
	if a := w.last(); a.Result != platform.ResultSuccess || w.dataOf("stage") != "production" {
		t.Errorf("%s %s, data %q", a.Result, a.Reason, w.dataOf("stage"))
	}
	w.snapshots.Write(w.environment("stage").ID(), dataPart, dataFile, "its own")
	w.pushTo("stage", shop("pub/index.php", "3"))
	if got := w.dataOf("stage"); got != "its own" {
		t.Errorf("a later push made the data %q", got)
	}
}

func TestAPushWithoutTheParentsData(t *testing.T) {
	w := filled(t, shop())
	s := w.service(nil)
	w.run(s, func() {
		options := map[string]string{"environment.status": "active", "environment.clone_parent_on_create": "False"}
		if err := w.receiveOn(s, "stage", shop(), options, &bytes.Buffer{}); err != nil {
			t.Fatal(err)
		}
	})
	if got := w.dataOf("stage"); got != "" {
		t.Errorf("data %q", got)
	}
}
