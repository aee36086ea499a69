package enginetest

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/engine"
)

func testStart(t *testing.T, e *env) {
	warm, cold := e.spec("r1"), e.spec("r2")
	cold.Apps[0].Warm = false
	for _, spec := range []engine.Spec{warm, cold} {
		e.prepare(t, spec)
		first := e.start(t, spec)
		if len(first) != 1 || first[0].App != "shop" {
			t.Fatalf("got endpoints %+v, want one of shop", first)
		}
		if got := e.Get(first[0].Address, "/"); got != 200 {
			t.Errorf("%s answers %d at %s, want 200", spec.Release, got, first[0].Address)
		}
		if diff := cmp.Diff(first, e.start(t, spec)); diff != "" {
			t.Errorf("a second Start of %s returned others (-first +second):\n%s", spec.Release, diff)
		}
	}
}

func testFailingWeb(t *testing.T, e *env) {
	spec := e.spec("r1")
	spec.Apps[0].Warm = false
	spec.Apps[0].Command = e.Tools.Crash("no such module", 9)
	e.prepare(t, spec)
	_, err := e.Engine.Start(e.context(t), spec, &e.log)
	failure(t, err, "shop", "no such module")
}

func testPostStart(t *testing.T, e *env) {
	spec := e.spec("r1")
	spec.Apps[0].PostStart = e.Tools.Line(e.Tools.Write("/mnt/media/begun", "begun"))
	e.prepare(t, spec)
	if _, code := e.run(t, "r1", "shop", e.Tools.Read("/mnt/media/begun")); code == 0 {
		t.Error("Prepare ran post_start")
	}
	e.start(t, spec)
	if got := e.must(t, "r1", "shop", e.Tools.Read("/mnt/media/begun")); got != "begun" {
		t.Errorf("post_start wrote %q", got)
	}
	spec = e.spec("r2")
	spec.Apps[0].PostStart = e.Tools.Line(e.Tools.Print("out of luck", "", 3))
	e.prepare(t, spec)
	_, err := e.Engine.Start(e.context(t), spec, &e.log)
	failure(t, err, "shop", "out of luck")
}

func testChangedService(t *testing.T, e *env) {
	e.live(t, e.spec("r1"))
	e.must(t, "", "store", e.Tools.Write("/mnt/data/row", "kept"))
	next := e.spec("r2")
	next.Services[0].Generation = "g2"
	next.Services[0].Env["COLOR"] = "red"
	e.prepare(t, next)
	if got := e.must(t, "", "store", e.Tools.Env("COLOR")); got != "blue" {
		t.Errorf("after Prepare the service has COLOR=%s, want blue still", got)
	}
	e.start(t, next)
	if got := e.must(t, "", "store", e.Tools.Env("COLOR")); got != "red" {
		t.Errorf("after Start the service has COLOR=%s, want red", got)
	}
	if got := e.must(t, "", "store", e.Tools.Read("/mnt/data/row")); got != "kept" {
		t.Errorf("the service's data is %q, want it kept", got)
	}
}

func testRemovedService(t *testing.T, e *env) {
	first := e.spec("r1")
	e.live(t, first)
	e.must(t, "", "store", e.Tools.Write("/mnt/data/row", "kept"))
	without := e.spec("r2")
	without.Services = nil
	e.prepare(t, without)
	if !e.observe(t)["/store"].Running {
		t.Error("Prepare stopped a service that the running release uses")
	}
	e.start(t, without)
	if got := e.observe(t)["/store"]; got.Running {
		t.Errorf("got %+v, want the service stopped", got)
	}
	e.prepare(t, first)
	if got := e.must(t, "", "store", e.Tools.Read("/mnt/data/row")); got != "kept" {
		t.Errorf("the service's data is %q, want it kept", got)
	}
}

func testWorkers(t *testing.T, e *env) {
	first, second := e.spec("r1"), e.spec("r2")
	e.live(t, first)
	e.live(t, second)
	for range 2 {
		if err := e.Engine.StartBackground(e.context(t), second, &e.log); err != nil {
			t.Fatalf("StartBackground: %v", err)
		}
		e.wantWorkers(t, true)
		for range 2 {
			if err := e.Engine.Quiesce(e.context(t), e.id, &e.log); err != nil {
				t.Fatalf("Quiesce: %v", err)
			}
			e.wantWorkers(t, false)
		}
		if got := e.observe(t); !got["r1/shop"].Running || !got["/store"].Running {
			t.Errorf("Quiesce stopped more than workers: %+v", got)
		}
		if err := e.Engine.StartBackground(e.context(t), first, &e.log); err != nil {
			t.Fatalf("StartBackground: %v", err)
		}
	}
}

// wantWorkers asserts that the workers of r1 and r2 run or do not.
func (e *env) wantWorkers(t *testing.T, running bool) {
	t.Helper()
	got := e.observe(t)
	for _, name := range []string{"r1/shop--queue", "r2/shop--queue"} {
		if got[name].Kind != engine.KindWorker || got[name].Running != running {
			t.Errorf("got worker %+v, want running: %t", got[name], running)
		}
	}
}

func testStubbornWorker(t *testing.T, e *env) {
	spec := e.spec("r1")
	spec.Workers[0].Command = e.Tools.Stubborn("stubborn-mark")
	e.live(t, spec)
	if err := e.Engine.Quiesce(e.context(t), e.id, &e.log); err != nil {
		t.Fatalf("Quiesce: %v", err)
	}
	if got := e.observe(t)["r1/shop--queue"]; got.Running {
		t.Errorf("got worker %+v, want it killed", got)
	}
}
