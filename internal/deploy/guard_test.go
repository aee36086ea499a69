package deploy_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/build"
	"sluice/internal/contract"
	"sluice/internal/deploy"
	"sluice/internal/engine"
	"sluice/internal/engine/enginetest"
	"sluice/internal/platform"
	"sluice/internal/work"
)

// branch pushes one branch and returns what became of it; the deployment, if there is one,
// has ended then.
func (w *world) branch(name string, options map[string]string, files map[string]string) error {
	w.t.Helper()
	s := w.service(nil)
	push := platform.Push{
		Project: "shop", Actor: platform.Actor{ID: "jane", Name: "Jane"}, Options: options,
		Updates: []platform.RefUpdate{{Ref: "refs/heads/" + name, Old: platform.ZeroCommit, New: w.source.commit(files)}},
	}
	var err error
	w.run(s, func() {
		if err = s.PreReceive(w.t.Context(), push, io.Discard); err == nil {
			err = s.PostReceive(w.t.Context(), push, io.Discard)
		}
	})
	return err
}

// The engine runs post_start, once for each start of a container; the pipeline does not.
func TestPostStartRunsOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	files := shop()
	files[".magento.app.yaml"] = strings.Replace(files[".magento.app.yaml"], "web:\n", "web:\n    commands:\n        post_start: echo begun\n", 1)
	w.push(files)
	if env := w.env(); env.Release != "r1" {
		t.Fatal(env)
	}
	starts := 0
	for _, c := range w.engine.Calls() {
		if c.Method == "Start" && c.Release == "r1" {
			starts++
		}
		if c.Method == "Exec" && strings.Contains(strings.Join(c.Command, " "), "echo begun") {
			t.Errorf("the pipeline ran it: %s", c)
		}
	}
	if starts != 1 {
		t.Errorf("started %d times", starts)
	}
}

// What cannot be compared with what runs now is not taken for a new branch.
func TestDataLossIsNotGuessed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.push(shop())
	renamed := shop(".magento/services.yaml", "db:\n    type: mysql:10.11\n    disk: 1024\n")
	renamed[".magento.app.yaml"] = strings.Replace(renamed[".magento.app.yaml"], "mysql:mysql", "db:mysql", 1)
	commit := w.environment("main").HeadCommit
	tree := w.source.commits[commit]
	delete(w.source.commits, commit) // as after a forced push and a clean-up
	w.source.commits["renamed"] = nil
	id := w.source.commit(renamed)
	push := platform.Push{Project: "shop", Updates: []platform.RefUpdate{{Ref: "refs/heads/main", Old: commit, New: id}}}
	err := w.service(nil).PreReceive(t.Context(), push, io.Discard)
	if platform.ErrorCode(err) != platform.CodeConflict || !strings.Contains(platform.ErrorHint(err), "sluice.accept=data-loss") {
		t.Errorf("without the old commit: %v (%s)", err, platform.ErrorHint(err))
	}
	push.Options = map[string]string{"sluice.accept": "data-loss"}
	if err := w.service(nil).PreReceive(t.Context(), push, io.Discard); err != nil {
		t.Errorf("with a word for it: %v", err)
	}
	w.source.commits[commit] = tree
	push.Options = nil
	broken := brokenRecords{Records: w.store, err: errors.New("disk error")}
	if err := w.serviceOver(broken).PreReceive(t.Context(), push, io.Discard); !errors.Is(err, broken.err) {
		t.Errorf("with a store that fails: %v", err)
	}
}

// brokenRecords cannot read releases.
type brokenRecords struct {
	deploy.Records
	err error
}

func (r brokenRecords) Release(context.Context, string, string, string) (platform.Release, error) {
	return platform.Release{}, r.err
}

func TestFailedReleasesPushNoGoodOnesOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	push := func(page string) {
		w.push(shop("pub/index.php", page))
	}
	for i := range 6 {
		push(fmt.Sprint("good ", i))
	}
	for i := range 6 {
		w.engine.Before("Disk", enginetest.Fail(errors.New("broken")))
		push(fmt.Sprint("bad ", i))
		w.engine.Before("Disk", nil)
		push(fmt.Sprint("good ", 5)) // which cleans up
	}
	kept := map[string]bool{}
	for _, slug := range w.builder.Slugs() {
		kept[slug.Ref] = true
	}
	releases, err := w.store.Releases(t.Context(), "shop", "main")
	if err != nil {
		t.Fatal(err)
	}
	wereLive := 0
	for _, r := range releases {
		if r.LiveAt.IsZero() {
			continue
		}
		if wereLive++; wereLive <= 5 && !kept[r.Slugs["mymagento"].Ref] {
			t.Errorf("the slug of %s, live and %d releases ago, is gone", r.ID, wereLive-1)
		}
	}
}

// A branch that reuses the slug of another one's old release keeps it, although no record
// says so until the branch's release is saved.
func TestASlugThatWasFoundIsNotDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.queue.Workers = 2
	w.push(shop())
	for name, options := range map[string]map[string]string{"other": {"environment.status": "active"}, "stage": nil} {
		if err := w.branch(name, options, shop("pub/index.php", "shared")); err != nil {
			t.Fatal(err)
		}
	}
	arrived, goOn := make(chan struct{}), make(chan struct{})
	first := true
	s := w.service(func(step platform.Step) {
		if step == platform.StepPrepare && first {
			first = false
			close(arrived)
			<-goOn
		}
	})
	w.run(s, func() {
		stage, err := s.Activate(t.Context(), "shop", "stage", platform.CloneRequest{}, platform.Actor{Name: "Jane"})
		if err != nil {
			t.Fatal(err)
		}
		<-arrived // the slug was found and the release is not recorded
		for i := range 6 {
			push := platform.Push{Project: "shop", Updates: []platform.RefUpdate{{
				Ref: "refs/heads/other", Old: platform.ZeroCommit, New: w.source.commit(shop("pub/index.php", fmt.Sprint("next ", i))),
			}}}
			if err := s.PostReceive(t.Context(), push, io.Discard); err != nil {
				t.Fatal(err)
			}
		}
		close(goOn)
		w.log(stage)
	})
	r, err := w.store.Release(t.Context(), "shop", "stage", "r1")
	if err != nil || w.environment("stage").Release != "r1" {
		t.Fatalf("stage serves %q, %v", w.environment("stage").Release, err)
	}
	for _, slug := range w.builder.Slugs() {
		if slug.Ref == r.Slugs["mymagento"].Ref {
			return
		}
	}
	t.Errorf("slug %s was deleted under the deployment that uses it", r.Slugs["mymagento"].Ref)
}

type oneProject struct{ deploy.Records }

func (oneProject) Environments(context.Context, string) ([]platform.Environment, error) {
	return []platform.Environment{{Project: "bakery"}, {Project: "shop"}, {Project: "shop", Name: "stage"}}, nil
}

// Releases of stage, with the data from before them: two days old, and ten.
func (oneProject) Releases(_ context.Context, _, env string) ([]platform.Release, error) {
	if env != "stage" {
		return nil, nil
	}
	slugs := map[string]platform.Slug{"app": {}}
	return []platform.Release{
		{ID: "r2", Before: "new", Slugs: slugs, CreatedAt: time.Now().Add(-2 * 24 * time.Hour)},
		{ID: "r1", Before: "old", Slugs: slugs, CreatedAt: time.Now().Add(-10 * 24 * time.Hour)},
	}, nil
}

// removed notes which snapshots are removed.
type removed struct {
	deploy.Snapshots
	ids []string
}

func (r *removed) Remove(_ context.Context, id string) error {
	r.ids = append(r.ids, id)
	return nil
}

func TestRepositoriesAreTidiedDaily(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		repos, snapshots := &fakeRepositories{}, &removed{}
		log := slog.New(slog.DiscardHandler)
		s := deploy.New(deploy.Dependencies{
			Records: oneProject{}, Queue: work.New(nil, nil, log, work.Options{}), Repositories: repos, Snapshots: snapshots, Log: log,
		}, deploy.Options{})
		ctx, stop := context.WithCancelCause(t.Context())
		go func() { _ = s.Housekeep(ctx) }()
		time.Sleep(time.Hour + 48*time.Hour)
		synctest.Wait()
		if want := []string{"bakery", "shop", "bakery", "shop", "bakery", "shop"}; !slices.Equal(repos.tidied, want) {
			t.Errorf("tidied %v, want %v", repos.tidied, want)
		}
		if want := []string{"old", "old", "old"}; !slices.Equal(snapshots.ids, want) {
			t.Errorf("removed the data %v, want %v", snapshots.ids, want)
		}
		stop(io.EOF)
		synctest.Wait()
	})
}

func TestAParentThatIsNotThereOpensNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.push(shop())
	restrict := func(name, address string) {
		t.Helper()
		_, err := w.service(nil).ChangeEnvironment(t.Context(), "shop", name, platform.EnvironmentChange{HTTPAccess: &platform.HTTPAccessChange{
			Enabled: new(true), Addresses: &[]platform.AddressRule{{Permission: platform.Allow, Address: address}, {Permission: platform.Deny, Address: "any"}},
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
	restrict("main", "192.0.2.1")
	active := func(parent string) map[string]string {
		return map[string]string{"environment.status": "active", "environment.parent": parent}
	}
	for _, parent := range []string{"nowhere", "self"} {
		if err := w.branch("self", active(parent), shop()); platform.ErrorCode(err) != platform.CodeInvalid {
			t.Errorf("a branch below %s: %v", parent, err)
		}
	}
	if err := w.branch("stage", active("main"), shop()); err != nil {
		t.Fatal(err)
	}
	restrict("stage", "192.0.2.2")
	if err := w.branch("feature", active("stage"), shop()); err != nil {
		t.Fatal(err)
	}
	stage := w.environment("stage")
	stage.Status = platform.EnvironmentInactive
	if _, err := w.store.SaveEnvironment(t.Context(), stage); err != nil {
		t.Fatal(err)
	}
	gone := platform.Push{Project: "shop", Updates: []platform.RefUpdate{{Ref: "refs/heads/stage", Old: "1", New: platform.ZeroCommit}}}
	if err := w.service(nil).PostReceive(t.Context(), gone, io.Discard); err != nil {
		t.Fatal(err)
	}
	w.wantAccess("feature", "192.0.2.2") // as it was inherited
	feature := w.environment("feature")
	feature.Parent, feature.Settings.HTTPAccess = "nowhere", nil // as an earlier version let happen
	if _, err := w.store.SaveEnvironment(t.Context(), feature); err != nil {
		t.Fatal(err)
	}
	w.wantAccess("feature", "192.0.2.1")
}

// wantAccess deploys an environment again and looks at whom the router lets in.
func (w *world) wantAccess(name, address string) {
	w.t.Helper()
	w.redeploy(name, nil)
	env := w.environment(name)
	if got := w.gate.settings[env.ID()].Access; len(got.Addresses) == 0 || got.Addresses[0].Address != address {
		w.t.Errorf("%s, below %q, lets in %+v, want %s", name, env.Parent, got, address)
	}
}

func TestLimitsOfAProject(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.options.Environments, w.options.Pending = 2, 2
	w.push(shop())
	if err := w.branch("two", nil, shop()); err != nil {
		t.Fatal(err)
	}
	if err := w.branch("three", nil, shop()); platform.ErrorCode(err) != platform.CodeConflict || platform.ErrorHint(err) == "" {
		t.Errorf("a third environment: %v", err)
	}
	if err := w.branch("two", nil, shop("pub/index.php", "2")); err != nil {
		t.Errorf("a push to one that exists: %v", err)
	}
	s := w.service(nil) // no worker
	by := platform.Actor{Name: "Jane"}
	for i := range 3 {
		_, err := s.Redeploy(t.Context(), "shop", "main", by, nil)
		if refused := platform.ErrorCode(err) == platform.CodeUnavailable; refused != (i == 2) {
			t.Errorf("redeploy %d: %v", i, err)
		}
	}
	env := w.environment("two")
	env.Status = platform.EnvironmentInactive
	if _, err := w.store.SaveEnvironment(t.Context(), env); err != nil {
		t.Fatal(err)
	}
	_, err := s.Activate(t.Context(), "shop", "two", platform.CloneRequest{}, by)
	if platform.ErrorCode(err) != platform.CodeUnavailable || w.environment("two").Status != platform.EnvironmentInactive {
		t.Errorf("activate: %v, and the environment is %s", err, w.environment("two").Status)
	}
}

func TestPushOptionsAreKnownShortAndPrintable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, title := range []string{"\x1b]0;x\x07", strings.Repeat("x", 1025), "a\nb", "\xff", strings.Repeat("x", 201)} {
		if err := w.branch("main", map[string]string{"environment.title": title}, shop()); platform.ErrorCode(err) != platform.CodeInvalid {
			t.Errorf("title %.20q: %v", title, err)
		}
	}
	if err := w.branch("main", map[string]string{"environment.title": "Jo's Straße", "ci.skip": strings.Repeat("x", 1<<16)}, shop()); err != nil {
		t.Fatal(err)
	}
	if a := w.last(); len(a.Parameters) != 1 || w.environment("main").Title != "Jo's Straße" {
		t.Errorf("%d parameters were kept, title %q", len(a.Parameters), w.environment("main").Title)
	}
}

// hookThatRan plays the deploy hook that a crash of the control plane left: at is what is
// found of it first, and end what became of it once ended is closed.
func (w *world) hookThatRan(at, end string, ended <-chan struct{}) {
	w.engine.OnExec(func(_ context.Context, req engine.ExecRequest) (int, error) {
		if !slices.Contains(req.Command, "find-hook") {
			return 0, nil
		}
		found := at
		if slices.Contains(req.Command, "wait") {
			<-ended
			found = end
		}
		if !strings.Contains(strings.Join(req.Command, " "), contract.HoldFile) {
			w.t.Error("a hook that waits for the hold would wait for ever")
		}
		_, err := fmt.Fprintln(req.Stdout, found)
		return 0, err
	})
}

// A deploy hook goes on by itself when the control plane crashes.
func TestAHookThatOutlivesACrash(t *testing.T) {
	for _, tt := range []struct {
		name, at, end string
		state, log    string
		result        platform.ActivityResult
	}{
		{"it has ended", "0", "", "open r2", "The deploy hook has succeeded", platform.ResultSuccess},
		{"it still runs", "running", "0", "open r2", "waiting for it", platform.ResultSuccess},
		{"it fails", "running", "7", "closed", "the deploy hook of 'mymagento' failed with status code 7", platform.ResultFailure},
		{"it was ended", "gone", "", "closed", "is not known", platform.ResultFailure},
		{"its container was restarted", "none", "", "closed", "is not known", platform.ResultFailure},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.push(shop())
			w.crash(platform.StepDeployHook, shop("pub/index.php", "<?php // 2"))
			w.engine = w.engine.Reopen()
			ended := make(chan struct{})
			w.hookThatRan(tt.at, tt.end, ended)
			s := w.service(nil)
			if err := s.Recover(t.Context()); err != nil {
				t.Fatal(err)
			}
			w.run(s, func() {
				if tt.at == "running" && (w.last().State != platform.ActivityInProgress || !slices.Contains(w.releases(), "r2")) {
					t.Errorf("while the hook runs the activity is %s, and there are containers of %v", w.last().State, w.releases())
				}
				close(ended)
				if out := w.log(w.last()); !strings.Contains(out, tt.log) {
					t.Errorf("the log lacks %q:\n%s", tt.log, out)
				}
			})
			if a := w.last(); a.Result != tt.result || w.gate.State() != tt.state {
				t.Errorf("result %s (%s), visitors meet %q; want %s, %q", a.Result, a.Reason, w.gate.State(), tt.result, tt.state)
			}
			w.wantNothingLeft()
		})
	}
}

// A branch cannot decide what production runs, by the slug that it built or by the cache.
func TestProductionBuildsForItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.push(shop())
	active := map[string]string{"environment.status": "active"}
	branch := shop("pub/index.php", "<?php // from a branch")
	for _, name := range []string{"feature", "other"} {
		if err := w.branch(name, active, branch); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(w.builder.Builds()); n != 2 {
		t.Errorf("two branches with one tree made %d builds", n-1)
	}
	if out, _ := w.push(branch); strings.Contains(out, "Reusing existing build") {
		t.Errorf("production runs what a branch built:\n%s", out)
	}
	builds := w.builder.Builds()
	if len(builds) != 3 || builds[0].Scope != build.ScopeProtected || builds[1].Scope == build.ScopeProtected || builds[2].Scope != build.ScopeProtected {
		t.Errorf("%d builds", len(builds))
	}
}

// What a hook prints of a sensitive variable is in no log and no record.
func TestSecretsStayOutOfTheRecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	err := w.store.SaveVariable(t.Context(), "shop", platform.Variable{Name: "env:TOKEN", Value: "hunter2hunter2", Sensitive: true, VisibleRuntime: true, Enabled: true})
	if err != nil {
		t.Fatal(err)
	}
	w.builder.FailNext(&build.Failure{Step: "hook", ExitCode: 1, Tail: []string{"TOKEN=hunter2hunter2"}})
	out, a := w.push(shop())
	if strings.Contains(out+a.Reason, "hunter2") || !strings.Contains(a.Reason, "TOKEN=***") {
		t.Errorf("reason %q, log:\n%s", a.Reason, out)
	}
}

// While a project is deleted, nothing of it is deployed into what is being removed.
func TestNothingIsDeployedIntoADeletedProject(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.push(shop())
	s := w.service(nil) // no worker
	by := platform.Actor{Name: "Jane"}
	waits, err := s.Redeploy(t.Context(), "shop", "main", by, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.engine.Before("Destroy", func(ctx context.Context, _ enginetest.Call) error {
		if _, err := s.Redeploy(ctx, "shop", "main", by, nil); platform.ErrorCode(err) != platform.CodeConflict {
			t.Errorf("queued during the deletion: %v", err)
		}
		push := platform.Push{Project: "shop", Updates: []platform.RefUpdate{{Ref: "refs/heads/main", New: w.source.commit(shop())}}}
		if err := s.PreReceive(ctx, push, io.Discard); platform.ErrorCode(err) != platform.CodeConflict {
			t.Errorf("pushed during the deletion: %v", err)
		}
		if a, ok, err := w.store.Claim(ctx, 0); ok || err != nil {
			t.Errorf("claimed during the deletion: %s, %v", a.ID, err)
		}
		return errors.New("broken")
	})
	if err := s.DemolishProject(t.Context(), "shop"); err == nil {
		t.Fatal("no error")
	}
	if log := w.log(waits); !strings.Contains(log, "The project is being deleted.") { // and has ended
		t.Errorf("log of what waited:\n%s", log)
	}
	w.engine.Before("Destroy", nil)
	if err := s.DemolishProject(t.Context(), "shop"); err != nil {
		t.Errorf("again: %v", err)
	}
}
