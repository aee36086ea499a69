package enginetest

import (
	"github.com/google/go-cmp/cmp"

	"sluice/internal/engine"
)

func testStart(e *env) {
	warm, cold := e.spec("r1"), e.spec("r2")
	cold.Apps[0].Warm = false
	for _, spec := range []engine.Spec{warm, cold} {
		e.prepare(spec)
		first := e.start(spec)
		if len(first) != 1 || first[0].App != "shop" {
			e.Fatalf("got endpoints %+v, want one of shop", first)
		}
		if got := e.Get(first[0].Address, "/"); got != 200 {
			e.Errorf("%s answers %d at %s, want 200", spec.Release, got, first[0].Address)
		}
		if diff := cmp.Diff(first, e.start(spec)); diff != "" {
			e.Errorf("a second Start of %s returned others (-first +second):\n%s", spec.Release, diff)
		}
	}
}

func testFailingWeb(e *env) {
	spec := e.spec("r1")
	spec.Apps[0].Warm = false
	spec.Apps[0].Command = e.Tools.Crash("no such module", 9)
	e.prepare(spec)
	_, err := e.Engine.Start(e.context(), spec, &e.log)
	e.wantFailure(err, "shop", "no such module")
}

func testPostStart(e *env) {
	spec := e.spec("r1")
	spec.Apps[0].PostStart = e.Tools.Line(e.Tools.Write("/mnt/media/begun", "begun"))
	e.prepare(spec)
	if _, code := e.run("r1", "shop", e.Tools.Read("/mnt/media/begun")); code == 0 {
		e.Error("Prepare ran post_start")
	}
	e.start(spec)
	if got := e.must("r1", "shop", e.Tools.Read("/mnt/media/begun")); got != "begun" {
		e.Errorf("post_start wrote %q", got)
	}
	spec = e.spec("r2")
	spec.Apps[0].PostStart = e.Tools.Line(e.Tools.Print("out of luck", "", 3))
	e.prepare(spec)
	_, err := e.Engine.Start(e.context(), spec, &e.log)
	e.wantFailure(err, "shop", "out of luck")
}

func testChangedService(e *env) {
	e.live(e.spec("r1"))
	e.must("", "store", e.Tools.Write("/mnt/data/row", "kept"))
	next := e.spec("r2")
	next.Services[0].Generation = "g2"
	next.Services[0].Env["COLOR"] = "red"
	e.prepare(next)
	if got := e.must("", "store", e.Tools.Env("COLOR")); got != "blue" {
		e.Errorf("after Prepare the service has COLOR=%s, want blue still", got)
	}
	e.start(next)
	if got := e.must("", "store", e.Tools.Env("COLOR")); got != "red" {
		e.Errorf("after Start the service has COLOR=%s, want red", got)
	}
	if got := e.must("", "store", e.Tools.Read("/mnt/data/row")); got != "kept" {
		e.Errorf("the service's data is %q, want it kept", got)
	}
}

func testRemovedService(e *env) {
	first := e.spec("r1")
	e.live(first)
	e.must("", "store", e.Tools.Write("/mnt/data/row", "kept"))
	without := e.spec("r2")
	without.Services = nil
	e.prepare(without)
	if !e.observe()["/store"].Running {
		e.Error("Prepare stopped a service that the running release uses")
	}
	e.start(without)
	if got := e.observe()["/store"]; got.Running {
		e.Errorf("got %+v, want the service stopped", got)
	}
	e.prepare(first)
	if got := e.must("", "store", e.Tools.Read("/mnt/data/row")); got != "kept" {
		e.Errorf("the service's data is %q, want it kept", got)
	}
}

func testWorkers(e *env) {
	first, second := e.spec("r1"), e.spec("r2")
	e.live(first)
	e.live(second)
	for range 2 {
		if err := e.Engine.StartBackground(e.context(), second, &e.log); err != nil {
			e.Fatalf("StartBackground: %v", err)
		}
		e.wantWorkers(true)
		for range 2 {
			if err := e.Engine.Quiesce(e.context(), e.id, &e.log); err != nil {
				e.Fatalf("Quiesce: %v", err)
			}
			e.wantWorkers(false)
		}
		if got := e.observe(); !got["r1/shop"].Running || !got["/store"].Running {
			e.Errorf("Quiesce stopped more than workers: %+v", got)
		}
		if err := e.Engine.StartBackground(e.context(), first, &e.log); err != nil {
			e.Fatalf("StartBackground: %v", err)
		}
	}
}

// wantWorkers asserts that the workers of r1 and r2 run or do not.
func (e *env) wantWorkers(running bool) {
	e.Helper()
	got := e.observe()
	for _, name := range []string{"r1/shop--queue", "r2/shop--queue"} {
		if got[name].Kind != engine.KindWorker || got[name].Running != running {
			e.Errorf("got worker %+v, want running: %t", got[name], running)
		}
	}
}

func testStubbornWorker(e *env) {
	spec := e.spec("r1")
	spec.Workers[0].Command = e.Tools.Stubborn("stubborn-mark")
	e.live(spec)
	if err := e.Engine.Quiesce(e.context(), e.id, &e.log); err != nil {
		e.Fatalf("Quiesce: %v", err)
	}
	if got := e.observe()["r1/shop--queue"]; got.Running {
		e.Errorf("got worker %+v, want it killed", got)
	}
}
