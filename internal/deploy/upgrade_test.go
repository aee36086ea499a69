package deploy_test

import (
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/internal/access"
	"sluice/internal/account"
	"sluice/internal/deploy"
	"sluice/internal/platform"
	"sluice/internal/store"
)

// earlier is a world whose database was written by an earlier version, see
// testdata/upgrade/README.md. The engine runs what that version had left.
func earlier(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"seal.key", "sluice.db"} {
		unpack(t, filepath.Join("testdata", "upgrade", name+".gz"), filepath.Join(dir, name))
	}
	sealer, err := store.LoadSealer(filepath.Join(dir, "seal.key"))
	if err != nil {
		t.Fatal(err)
	}
	if w.store, err = store.Open(t.Context(), filepath.Join(dir, "sluice.db"), sealer); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.store.Close() })
	for _, page := range []string{"", "<?php // 2", "", "", "", "<?php // 3", "<?php // 4", "<?php // 5"} {
		files := shop()
		if page != "" {
			files = shop("pub/index.php", page)
		}
		w.source.commit(files) // as the fixture's maker did
	}
	for env, releases := range map[string][]string{"main": {"r2", "r3"}, "stage": {"r1", "r2"}, "qa": {"r1"}} {
		for _, id := range releases {
			r, err := w.store.Release(t.Context(), "shop", env, id)
			if err != nil {
				t.Fatal(err)
			}
			spec, err := deploy.SpecOf(r)
			if err != nil {
				t.Fatal(err)
			}
			if err := w.engine.Prepare(t.Context(), spec, io.Discard); err != nil {
				t.Fatal(err)
			}
		}
	}
	return w
}

func unpack(t *testing.T, from, to string) {
	t.Helper()
	f, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// A database of the version before activities had kinds is read, with activities that its
// crash left: main in "switch", stage in "start"; qa had failed after it touched data.
func TestDatabaseOfAnEarlierVersion(t *testing.T) {
	w := earlier(t)
	s := w.service(nil)
	if err := s.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.wantReadActivities()
	w.wantReadEnvironments()
	w.wantDeployable()
}

func (w *world) wantReadActivities() {
	t := w.t
	t.Helper()
	list, err := w.store.Activities(t.Context(), platform.ActivityFilter{Project: "shop"})
	if err != nil || len(list) != 7 {
		t.Fatalf("%d activities, %v", len(list), err)
	}
	for _, a := range list {
		if a.State != platform.ActivityComplete || a.Completion != 100 || a.Cancellable || a.Phase == platform.PhaseWait {
			t.Errorf("activity of %s: %s at %d %% in phase %s", a.Environment, a.State, a.Completion, a.Phase)
		}
		for _, timing := range a.Timings {
			if timing.Phase == "" || timing.Step == platform.StepBuild && timing.Phase != platform.PhaseBuild {
				t.Errorf("timing %+v", timing)
			}
		}
	}
}

func (w *world) wantReadEnvironments() {
	t := w.t
	t.Helper()
	for name, want := range map[string]struct {
		release string
		status  platform.EnvironmentStatus
	}{
		"main": {"r3", platform.EnvironmentActive}, "stage": {"r1", platform.EnvironmentActive},
		"qa": {"r1", platform.EnvironmentDirty}, "feature/x": {"", platform.EnvironmentInactive},
	} {
		env, err := w.store.Environment(t.Context(), "shop", name)
		if err != nil || env.Release != want.release || env.Status != want.status {
			t.Errorf("%s serves %q and is %s, %v; want %+v", name, env.Release, env.Status, err, want)
		}
	}
	main := w.env()
	if main.Settings.HoldWait != 2*time.Minute || !main.Settings.HTTPAccess.Restricts() || len(main.MachineName) != len("main-1234567") {
		t.Errorf("main: %+v", main)
	}
	vars, err := w.store.Variables(t.Context(), "shop", "main")
	if err != nil || len(vars) != 1 || vars[0].Value != "blue" {
		t.Errorf("variables %v, %v", vars, err)
	}
	by, err := account.New(account.Dependencies{Records: w.store}).Authenticate(t.Context(), "sluice_fixture")
	if err != nil || !by.Allows(access.InstallationManage, "", "") {
		t.Errorf("the token gives %+v, %v", by, err)
	}
}

// wantDeployable checks that what the earlier version stored is what this one compares with,
// and rolls back to.
func (w *world) wantDeployable() {
	t := w.t
	t.Helper()
	out, a := w.push(shop("pub/index.php", "<?php // 6"))
	if a.Result != platform.ResultSuccess || !strings.Contains(out, "Rebuilding because of: source tree\n") {
		t.Errorf("the next push: %s %s\n%s", a.Result, a.Reason, out)
	}
	out, a = w.rollback(codeOnly("r2"))
	if a.Result != platform.ResultSuccess || w.env().Release != a.Release || a.Commit != "0000000000000000000000000000000000000002" {
		t.Errorf("rollback: %+v\n%s", a, out)
	}
	w.engine = w.engine.Reopen()
	status, err := w.engine.Observe(t.Context(), w.env().ID())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range status.Containers {
		if !slices.Contains([]string{"", a.Release}, c.Release) {
			t.Errorf("a container of %s is left", c.Release)
		}
	}
}
