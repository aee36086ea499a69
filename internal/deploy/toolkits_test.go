package deploy_test

import (
	"io"
	"slices"
	"testing"

	"sluice/internal/platform"
	"sluice/internal/topology"
)

func TestToolkitsAreKeptAsLongAsAReleaseNamesThem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := func(version string) string { return "/data/toolkit/" + version + "/sluice-toolkit" }
	check := func(versions ...string) {
		t.Helper()
		want := make([]string, len(versions))
		for i, v := range versions {
			want[i] = path(v)
		}
		slices.Sort(want)
		if got := slices.Sorted(slices.Values(w.toolkits.installed)); !slices.Equal(got, want) {
			t.Errorf("left: %q, want %q", got, want)
		}
	}
	install := func(version string) {
		w.options.Toolkit = path(version)
		w.toolkits.installed = append(w.toolkits.installed, w.options.Toolkit)
	}
	start := func(version string) {
		t.Helper()
		install(version)
		if err := w.service(nil).Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	install("one")
	w.push(shop())
	check("one")
	start("two")
	check("one", "two") // what serves has the one that it was made with
	w.push(shop("pub/index.php", "<?php // 2"))
	check("two")
	start("three")
	w.failHook(topology.DeployHook, 7)
	w.push(shop("pub/index.php", "<?php // 3"))
	if w.env().Status != platform.EnvironmentDirty {
		t.Fatalf("the environment is %s", w.env().Status)
	}
	w.engine.OnExec(nil)
	by := platform.Actor{ID: "jane", Name: "Jane"}
	stage := platform.Push{Project: "shop", Actor: by, Updates: []platform.RefUpdate{
		{Ref: "refs/heads/stage", Old: platform.ZeroCommit, New: w.source.commit(shop())},
	}}
	install("four")
	s := w.service(nil)
	w.run(s, func() {
		if err := s.PostReceive(t.Context(), stage, io.Discard); err != nil {
			t.Fatal(err)
		}
		a, err := s.Activate(t.Context(), "shop", "stage", platform.CloneRequest{NoCloneParent: true}, by)
		if err != nil {
			t.Fatal(err)
		}
		w.log(a) // until it is sealed
	})
	check("two", "four") // what served before the failure may serve again
	start("five")
	check("two", "four", "five")
}
