package deploy_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"

	"sluice/internal/contract"
	"sluice/internal/deploy"
	"sluice/internal/engine"
	"sluice/internal/engine/enginetest"
	"sluice/internal/manifest"
	"sluice/internal/plan"
	"sluice/internal/platform"
	"sluice/internal/rehearsal"
	"sluice/internal/topology"
)

const checked = `
rehearse:
    pages: [/checkout]
    checks:
        smoke: bin/smoke
        orders: bin/orders
`

// isCopy reports whether an environment is that of a rehearsal.
func isCopy(env platform.EnvironmentID) bool {
	return strings.HasPrefix(string(env), "shop-rehearsal-")
}

func (w *world) beginRehearsal(s *deploy.Service, req platform.RehearseRequest) (platform.Activity, error) {
	return s.Rehearse(w.t.Context(), "shop", req, jane())
}

// rehearse rehearses the head of an environment to its end.
func (w *world) rehearse(req platform.RehearseRequest) (log string, a platform.Activity, r rehearsal.Report) {
	w.t.Helper()
	log = w.queued(func(s *deploy.Service) (platform.Activity, error) { return w.beginRehearsal(s, req) })
	a = w.last()
	return log, a, w.reportOf(a)
}

// reportOf returns the zero report for a rehearsal that has none.
func (w *world) reportOf(a platform.Activity) (r rehearsal.Report) {
	w.t.Helper()
	record, err := w.store.Rehearsal(w.t.Context(), a.ID)
	if err != nil && platform.ErrorCode(err) != platform.CodeNotFound {
		w.t.Fatal(err)
	}
	if record.Subnet != "" {
		w.t.Errorf("rehearsal %s still has the network %s", a.ID, record.Subnet)
	}
	if len(record.Report) > 0 {
		if err := json.Unmarshal(record.Report, &r); err != nil {
			w.t.Fatal(err)
		}
	}
	return r
}

// wantProductionAlone checks that nothing of a rehearsal is left, and that production is as it was.
func (w *world) wantProductionAlone() {
	w.t.Helper()
	main := w.env()
	if exist, err := w.engine.Environments(w.t.Context()); err != nil || !slices.Equal(exist, []platform.EnvironmentID{main.ID()}) {
		w.t.Errorf("the engine has %v, %v", exist, err)
	}
	w.gate.mu.Lock()
	for env, state := range w.gate.states {
		if env != main.ID() && state != "" {
			w.t.Errorf("the router has %s: %s", env, state)
		}
	}
	w.gate.mu.Unlock()
	if got := w.gate.StateOf(main.ID()); got != "open r1" {
		w.t.Errorf("visitors meet %q", got)
	}
	if got := w.dataOf("main"); got != "production" {
		w.t.Errorf("production's data is %q", got)
	}
	if got := w.crons.running(); got != "r1" {
		w.t.Errorf("crons of %q run", got)
	}
	if main.Release != "r1" || main.Status != platform.EnvironmentActive {
		w.t.Errorf("production is %+v", main)
	}
	w.wantNothingLeft()
	w.wantNoSnapshots()
}

// simulate makes the containers of rehearsals answer: with what each release shows.
func (w *world) simulate(fail ...string) {
	schemas := 0
	w.engine.OnExec(func(_ context.Context, req engine.ExecRequest) (int, error) {
		if !isCopy(req.Environment) {
			return 0, nil
		}
		command := strings.Join(req.Command, " ")
		say := func(text string) { _, _ = io.WriteString(req.Stdout, text) }
		switch {
		case req.Container == "mysql" && req.Stdin != nil:
			sql, err := io.ReadAll(req.Stdin)
			if err != nil || !bytes.Contains(sql, []byte("information_schema.statistics")) {
				return 0, err
			}
			say("column\tmain.orders\tid\tint(11)\tNO\t\nindex\tmain.orders\tPRIMARY\t0\tid\n")
			if schemas++; schemas > 1 {
				say("column\tmain.orders\tnote\tvarchar(99)\tYES\tNULL\n")
			}
		case strings.Contains(command, "config:digest"):
			say("app/etc/env.php\tcache/prefix\t" + req.Release + "\napp/etc/env.php\tcrypt/key\tsame\n")
		case strings.Contains(command, "wc -c"):
			say(map[string]string{"r1": "10\t/app/var/log/system.log\n", "r2": "90\t/app/var/log/system.log\n77\t/app/var/report/1\n"}[req.Release])
		case strings.Contains(command, "tail -c") && strings.Contains(command, "system.log +11"), strings.Contains(command, "tail -c") && strings.HasSuffix(command, "system.log 11"):
			say("[2026-12-01] main.ERROR: one\n[2026-12-02] main.ERROR: one\n")
		case strings.Contains(command, "tail -c"):
			say("the report")
		}
		for _, what := range fail {
			if strings.Contains(command, what) {
				if req.Stdout != nil {
					say("it said why\n")
				}
				return 3, nil
			}
		}
		return 0, nil
	})
}

func TestRehearsal(t *testing.T) {
	t.Parallel()
	w := filled(t, shop(".sluice.yaml", checked))
	w.simulate("bin/smoke")
	var isolated []bool
	w.engine.Before("Prepare", func(_ context.Context, c enginetest.Call) error {
		isolated = append(isolated, isCopy(c.Environment))
		return nil
	})
	w.warmer.respond = func(url string) platform.PageVisit {
		if !strings.HasPrefix(url, "http://rehearsal-") || !strings.Contains(url, ".rehearsal.internal:8080/") {
			t.Errorf("visits %s", url)
		}
		v := platform.PageVisit{Status: 200, Bytes: 100}
		if strings.HasSuffix(url, "/checkout") && w.gate.StateOf(w.copyOf(w.last())) == "open r2" {
			v = platform.PageVisit{Status: 500, Bytes: 7}
		}
		return v
	}
	before, _, err := w.store.ProjectLoad(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	w.pushNew(shop(".sluice.yaml", checked, "pub/index.php", "<?php // 2"))
	out, a, r := w.rehearse(platform.RehearseRequest{From: "new", Pages: []string{"/about"}})
	if a.Result != platform.ResultFailure || a.Environment != "main" || len(a.Also) != 0 || a.Release != "" {
		t.Fatalf("%+v\n%s", a, out)
	}
	w.wantProductionAlone()
	if after, _, err := w.store.ProjectLoad(t.Context(), "shop"); err != nil || after != before+1 { // the branch new
		t.Errorf("the project has %d environments, before %d, %v", after, before, err)
	}
	if r.Passed || r.From != "new" || r.Environment != "main" || r.Base.Release != "r1" || r.PersonalData != "sanitized" || !r.Hold.Held || r.Hold.Limit != 300 {
		t.Errorf("%+v", r)
	}
	want := []string{
		"the check smoke failed with exit status 3", "the page /checkout responds with status 500, before with status 200",
		"mymagento: var/report has a new error, once: the report",
	}
	if !slices.Equal(r.Problems, want) {
		t.Errorf("problems %q", r.Problems)
	}
	got, err := json.Marshal(map[string]any{"schema": r.Schema, "config": r.Config, "logs": r.Logs})
	const found = `{"config":[{"app":"mymagento","file":"app/etc/env.php","key":"cache/prefix","change":"changed"}],` +
		`"logs":[{"log":"mymagento: var/log/system.log","text":"[2026-12-01] main.ERROR: one","count":2,"severe":false},` +
		`{"log":"mymagento: var/report","text":"the report","count":1,"severe":true}],` +
		`"schema":[{"name":"mysql/main.orders","change":"changed","details":["column note added: varchar(99)"]}]}`
	if err != nil || string(got) != found {
		t.Errorf("found\n%s\nwant\n%s", got, found)
	}
	if len(r.Pages) != 3 || len(r.Checks) != 2 || r.Checks[0].Output != "it said why" || len(r.Notes) != 0 {
		t.Errorf("pages %v, checks %+v, notes %q", r.Pages, r.Checks, r.Notes)
	}
	var steps []string
	for _, s := range r.Steps {
		steps = append(steps, s.Name)
	}
	if len(steps) != len(plan.Table()) || steps[0] != "build" || steps[len(steps)-1] != "background" {
		t.Errorf("steps %q", steps)
	}
	for _, line := range []string{"Recreating release r1 of main on the copy", "Rehearsal of " + a.Commit[:10] + " (new) on the data of main: failed, 3 problems", "main was not touched"} {
		if !strings.Contains(out, line) {
			t.Errorf("the log does not say %q:\n%s", line, out)
		}
	}
}

// copyOf returns the environment of a rehearsal.
func (w *world) copyOf(a platform.Activity) platform.EnvironmentID {
	return platform.EnvironmentID("shop-rehearsal-" + a.ID)
}

// pushNew pushes files to the branch new, whose environment stays inactive.
func (w *world) pushNew(files map[string]string) {
	w.t.Helper()
	if err := w.receiveOn(w.service(nil), "new", files, map[string]string{"deploy.wait": "false"}, io.Discard); err != nil {
		w.t.Fatal(err)
	}
}

// TestRehearsalIsShutIn: no way out, nobody's host, nobody who may see it, no cron.
func TestRehearsalIsShutIn(t *testing.T) {
	t.Parallel()
	w := filled(t, shop())
	var env platform.EnvironmentID
	var sanitized bool
	w.engine.OnExec(func(_ context.Context, req engine.ExecRequest) (int, error) {
		if isCopy(req.Environment) {
			env = req.Environment
			sanitized = sanitized || strings.Contains(strings.Join(req.Command, " "), contract.SanitizeCommand)
			if strings.Contains(strings.Join(req.Command, " "), topology.DeployHook) && !w.engine.Isolated(env) {
				t.Error("the copy has a way out")
			}
			if got := w.crons.running(); got != "r1" {
				t.Errorf("crons of %q run", got)
			}
		}
		return 0, nil
	})
	_, a, r := w.rehearse(platform.RehearseRequest{From: "main"})
	if a.Result != platform.ResultSuccess || !r.Passed || !sanitized || env != w.copyOf(a) {
		t.Fatalf("%s %s, %+v, sanitized %t", a.Result, a.Reason, r, sanitized)
	}
	access := w.gate.settings[env].Access
	if !access.Restricts() || len(access.Users) != 0 {
		t.Errorf("access %+v", access)
	}
	for _, rule := range access.Addresses {
		if rule.Permission != platform.Allow || rule.Address != "127.0.0.0/8" && rule.Address != "::1" && !strings.HasPrefix(rule.Address, "10.213.") {
			t.Errorf("rule %+v", rule)
		}
	}
	w.wantProductionAlone()
}

func TestRehearsalKeepsPersonalDataOnDemand(t *testing.T) {
	t.Parallel()
	w := filled(t, shop())
	var commands []string
	w.engine.OnExec(func(_ context.Context, req engine.ExecRequest) (int, error) {
		if c := strings.Join(req.Command, " "); isCopy(req.Environment) && strings.Contains(c, contract.SanitizeCommand) {
			commands = append(commands, c)
		}
		return 0, nil
	})
	_, a, r := w.rehearse(platform.RehearseRequest{From: "main", KeepPersonalData: true})
	if a.Result != platform.ResultSuccess || r.PersonalData != "kept" || len(commands) != 1 || !strings.Contains(commands[0], contract.SanitizeConfigCommand) {
		t.Errorf("%s %s, %+v, ran %q", a.Result, a.Reason, r, commands)
	}
}

// TestRehearsalOfWhatFails says what visitors of production would have met.
func TestRehearsalOfWhatFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		breaks  func(w *world)
		met     string
		problem string
	}{
		"build": {func(w *world) { w.builder.FailNext(errors.New("no composer")) }, "the old release throughout", "no composer"},
		"start": {func(w *world) {
			w.engine.Before("Start", func(_ context.Context, c enginetest.Call) error {
				if isCopy(c.Environment) && c.Release == "r2" {
					return errors.New("no socket")
				}
				return nil
			})
		}, "a wait, and then the old release again", "no socket"},
		"deploy hook":      {func(w *world) { w.failSecond(topology.DeployHook + " ") }, "the maintenance page, until a deployment succeeds", "the deploy hook of 'mymagento' failed"},
		"post-deploy hook": {func(w *world) { w.failSecond(topology.PostDeployHook) }, "the new release: what failed comes after the switch", "the post_deploy hook of 'mymagento' failed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := filled(t, shop())
			w.pushNew(shop("pub/index.php", "<?php // 2"))
			c.breaks(w)
			out, a, r := w.rehearse(platform.RehearseRequest{From: "new"})
			if a.Result != platform.ResultFailure || a.Hint == "" || !strings.Contains(a.Reason, c.problem) {
				t.Errorf("%s, reason %q, hint %q", a.Result, a.Reason, a.Hint)
			}
			if !strings.HasPrefix(r.Met, c.met) || !strings.Contains(r.Failure, c.problem) {
				t.Errorf("met %q, failure %q\n%s", r.Met, r.Failure, out)
			}
			w.wantProductionAlone()
		})
	}
}

// failSecond makes a hook of rehearsals fail when it runs for the second time.
func (w *world) failSecond(script string) {
	ran := 0
	w.engine.OnExec(func(_ context.Context, req engine.ExecRequest) (int, error) {
		if isCopy(req.Environment) && strings.Contains(strings.Join(req.Command, " "), script) {
			if ran++; ran == 2 {
				return 1, nil
			}
		}
		return 0, nil
	})
}

// TestRehearsalOfABrokenBase fails without a report: there is nothing to compare with.
func TestRehearsalOfABrokenBase(t *testing.T) {
	t.Parallel()
	w := filled(t, shop())
	w.snapshots.Fail = failing("Plant", errors.New("no room"))
	_, a, r := w.rehearse(platform.RehearseRequest{From: "main"})
	if a.Result != platform.ResultFailure || r.Activity != "" || !strings.Contains(a.Reason, "what main serves could not be started on a copy of its data") || !strings.Contains(a.Reason, "no room") {
		t.Errorf("%s, reason %q, report %+v", a.Result, a.Reason, r)
	}
	w.snapshots.Fail = nil
	w.wantProductionAlone()
}

func TestRehearsalThatCannotBe(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.service(nil)
	if err := w.receive(s, shop(), map[string]string{"sluice.rehearse": "true"}, io.Discard); platform.ErrorCode(err) != platform.CodeNotFound && platform.ErrorCode(err) != platform.CodeConflict {
		t.Errorf("the first push, rehearsed: %v", err)
	}
	w = filled(t, shop())
	s = w.service(nil)
	for name, c := range map[string]struct {
		req  platform.RehearseRequest
		code platform.Code
	}{
		"unknown":        {platform.RehearseRequest{From: "nowhere"}, platform.CodeNotFound},
		"page":           {platform.RehearseRequest{From: "main", Pages: []string{"/a\nb"}}, platform.CodeInvalid},
		"too many pages": {platform.RehearseRequest{From: "main", Pages: slices.Repeat([]string{"/"}, 101)}, platform.CodeInvalid},
	} {
		if _, err := w.beginRehearsal(s, c.req); platform.ErrorCode(err) != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := w.receive(s, shop(), map[string]string{"sluice.rehearse": "perhaps"}, io.Discard); platform.ErrorCode(err) != platform.CodeInvalid {
		t.Errorf("a wrong value: %v", err)
	}
	if _, err := w.store.SaveEnvironment(t.Context(), func() platform.Environment { e := w.env(); e.Status = platform.EnvironmentDirty; return e }()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.beginRehearsal(s, platform.RehearseRequest{From: "main"}); platform.ErrorCode(err) != platform.CodeConflict {
		t.Errorf("a dirty production: %v", err)
	}
}

// TestPushAfterARehearsal is deployed if that passed, with the slug that it built.
func TestPushAfterARehearsal(t *testing.T) {
	t.Parallel()
	for _, passes := range []bool{true, false} {
		w := filled(t, shop(".sluice.yaml", checked))
		if passes {
			w.simulate()
			w.engine.OnExec(nil)
		} else {
			w.simulate("bin/orders")
		}
		builds := len(w.builder.Builds())
		var out bytes.Buffer
		s := w.service(nil)
		w.run(s, func() {
			if err := w.receive(s, shop(".sluice.yaml", checked, "pub/index.php", "<?php // 2"), map[string]string{"sluice.rehearse": "true"}, &out); err != nil {
				t.Fatal(err)
			}
		})
		push := w.last()
		if push.Type != platform.ActivityPush || len(w.builder.Builds()) != builds+1 {
			t.Errorf("passes %t: the last activity is a %s, %d builds", passes, push.Type, len(w.builder.Builds())-builds)
		}
		if passes && (push.Result != platform.ResultSuccess || w.env().Release != "r2") {
			t.Errorf("%s %s\n%s", push.Result, push.Reason, out.String())
		}
		if !passes {
			if push.Result != platform.ResultFailure || !strings.Contains(push.Reason, "did not pass, so nothing was deployed") {
				t.Errorf("%s %s\n%s", push.Result, push.Reason, out.String())
			}
			w.wantProductionAlone()
		}
	}
}

// TestRehearsalLetsProductionGoOn: deployments of production do not wait for it once its data was
// copied.
func TestRehearsalLetsProductionGoOn(t *testing.T) {
	t.Parallel()
	w := filled(t, shop())
	w.queue.Workers, w.queue.PerProject = 2, 2
	w.pushNew(shop("pub/index.php", "<?php // 2"))
	reached, deployed := make(chan struct{}), make(chan struct{})
	s := w.service(func(step platform.Step) {
		if step == platform.StepRecreate {
			close(reached)
			<-deployed
		}
	})
	w.run(s, func() {
		a, err := w.beginRehearsal(s, platform.RehearseRequest{From: "new"})
		if err != nil {
			t.Fatal(err)
		}
		<-reached
		var out bytes.Buffer
		if err := w.receive(s, shop("pub/index.php", "<?php // 3"), nil, &out); err != nil {
			t.Fatal(err)
		}
		if got := w.env().Release; got != "r2" {
			t.Errorf("production serves %s\n%s", got, out.String())
		}
		close(deployed)
		w.log(a)
		if r := w.reportOf(a); !r.Passed || r.Base.Release != "r1" {
			t.Errorf("%+v", r)
		}
	})
}

// TestCrashOfARehearsalAtEveryStep: nothing of it is left, production is as it was, and the
// activity says what happened.
func TestCrashOfARehearsalAtEveryStep(t *testing.T) {
	steps := []platform.Step{platform.StepCopy, platform.StepRecreate, platform.StepExamine, platform.StepDiscard}
	for _, row := range plan.Table() {
		steps = append(steps, row.Name)
	}
	for _, step := range steps {
		t.Run(string(step), func(t *testing.T) {
			t.Parallel()
			w := filled(t, shop())
			w.pushNew(shop("pub/index.php", "<?php // 2"))
			w.crashIn(step, func(s *deploy.Service) error {
				_, err := w.beginRehearsal(s, platform.RehearseRequest{From: "new"})
				return err
			})
			w.engine = w.engine.Reopen()
			w.crons.release = "" // it lived in the process
			if err := w.service(nil).Recover(t.Context()); err != nil {
				t.Fatalf("recover: %v", err)
			}
			a := w.last()
			r := w.reportOf(a)
			w.wantProductionAlone()
			switch {
			case !a.State.Final():
				t.Errorf("the activity is %s", a.State)
			case step == platform.StepDiscard: // the report was complete
				if a.Result != platform.ResultSuccess || !r.Passed {
					t.Errorf("%s %s, report %+v", a.Result, a.Reason, r)
				}
			case a.Result != platform.ResultFailure || a.Hint == "" || !strings.Contains(a.Reason, "the copy was removed") || r.Activity != "":
				t.Errorf("%s, reason %q, hint %q, report %+v", a.Result, a.Reason, a.Hint, r)
			}
			w.wantRepairedBy(shop("pub/index.php", "<?php // 3"))
		})
	}
}

// TestCancelledRehearsal can be cancelled at any step: it holds nobody's requests.
func TestCancelledRehearsal(t *testing.T) {
	t.Parallel()
	for _, step := range []platform.Step{platform.StepCopy, platform.StepHold, platform.StepDeployHook, platform.StepExamine} {
		w := filled(t, shop())
		w.pushNew(shop("pub/index.php", "<?php // 2"))
		var s *deploy.Service
		s = w.service(func(at platform.Step) {
			if at == step {
				if _, err := s.Cancel(t.Context(), w.last().ID, jane()); err != nil {
					t.Errorf("cancel in %s: %v", step, err)
				}
			}
		})
		w.run(s, func() {
			a, err := w.beginRehearsal(s, platform.RehearseRequest{From: "new"})
			if err != nil {
				t.Fatal(err)
			}
			w.log(a)
		})
		for !w.last().State.Final() {
			runtime.Gosched()
		}
		if a := w.last(); a.State != platform.ActivityCancelled {
			t.Errorf("cancelled in %s: %s %s %s", step, a.State, a.Result, a.Reason)
		}
		w.wantProductionAlone()
	}
}

// TestDiscardThatFailed is done by the next start.
func TestDiscardThatFailed(t *testing.T) {
	t.Parallel()
	w := filled(t, shop())
	w.engine.Before("Destroy", func(_ context.Context, c enginetest.Call) error {
		if isCopy(c.Environment) && c.Data {
			return errors.New("device busy")
		}
		return nil
	})
	w.queued(func(s *deploy.Service) (platform.Activity, error) {
		return w.beginRehearsal(s, platform.RehearseRequest{From: "main"})
	})
	if a := w.last(); a.Result != platform.ResultFailure || !strings.Contains(a.Reason, "device busy") {
		t.Errorf("%s %s", a.Result, a.Reason)
	}
	w.engine = w.engine.Reopen()
	if err := w.service(nil).Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.wantProductionAlone()
}

func TestPlanQuotesTheRehearsal(t *testing.T) {
	t.Parallel()
	w := filled(t, shop())
	files := shop("pub/index.php", "<?php // 2")
	w.pushNew(files)
	_, a, _ := w.rehearse(platform.RehearseRequest{From: "new"})
	record, err := w.store.Rehearsal(t.Context(), a.ID)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := w.source.Tree(t.Context(), "shop", a.Commit, nil)
	if err != nil {
		t.Fatal(err)
	}
	config := map[string][]byte{} // as the client reads them
	manifest.Parse(tree, manifest.Options{OnRead: func(name string, content []byte) { config[name] = content }})
	source, err := tree.Digest("", topology.ConfigFiles())
	if err != nil {
		t.Fatal(err)
	}
	sources := map[string]string{"mymagento": source}
	for _, c := range []struct {
		env     string
		sources map[string]string
		quoted  bool
	}{{"main", sources, true}, {"new", sources, false}, {"main", map[string]string{"mymagento": "other"}, false}} {
		p, err := w.service(nil).Plan(t.Context(), deploy.PlanRequest{Project: "shop", Environment: c.env, Files: config, Sources: c.sources})
		if err != nil {
			t.Fatal(err)
		}
		if quoted := p.Rehearsal != nil && p.Rehearsal.Activity == a.ID && p.Rehearsal.Passed; quoted != c.quoted {
			t.Errorf("plan for %s: quotes %+v; the record's tree is %s, the plan's %s", c.env, p.Rehearsal, record.Tree, plan.TreeDigest(config, c.sources))
		}
	}
}
