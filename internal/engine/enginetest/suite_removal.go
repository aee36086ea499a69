package enginetest

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"sluice/internal/engine"
	"sluice/internal/platform"
)

func testRetire(e *env) {
	e.live(e.spec("r1"))
	e.live(e.spec("r2"))
	for range 2 {
		if err := e.Engine.Retire(e.context(), e.id, "r1", &e.log); err != nil {
			e.Fatalf("Retire: %v", err)
		}
		got := e.observe()
		if len(got) != 3 || !got["/store"].Running || !got["r2/shop"].Running || !got["r2/shop--queue"].Running {
			e.Errorf("got %+v, want the service and all of r2", got)
		}
	}
	if err := e.Engine.Retire(e.context(), e.id, "r99", &e.log); err != nil {
		e.Errorf("Retire of a release that never was: %v", err)
	}
}

func testDestroyKeepsData(e *env) {
	spec := e.spec("r1")
	e.live(spec)
	e.must("", "store", e.Tools.Write("/mnt/data/row", "kept"))
	e.must("r1", "shop", e.Tools.Write("/mnt/media/upload", "kept"))
	if err := e.Engine.Destroy(e.context(), e.id, "shop", false, &e.log); err != nil {
		e.Fatalf("Destroy: %v", err)
	}
	e.wantNothing()
	e.prepare(spec)
	for container, path := range map[string]string{"store": "/mnt/data/row", "shop": "/mnt/media/upload"} {
		release := map[string]string{"shop": "r1"}[container]
		if got := e.must(release, container, e.Tools.Read(path)); got != "kept" {
			e.Errorf("%s holds %q, want it kept", path, got)
		}
	}
}

func testDestroy(e *env) {
	spec := e.spec("r1")
	e.live(spec)
	e.must("r1", "shop", e.Tools.Write("/mnt/media/upload", "gone"))
	for range 2 {
		if err := e.Engine.Destroy(e.context(), e.id, "shop", true, &e.log); err != nil {
			e.Fatalf("Destroy: %v", err)
		}
		e.wantNothing()
	}
	if e.listed(e.Engine) {
		e.Error("the environment is listed after Destroy with data")
	}
	e.prepare(spec)
	if _, code := e.run("r1", "shop", e.Tools.Read("/mnt/media/upload")); code == 0 {
		e.Error("data is left after Destroy with data")
	}
}

func testOtherProject(e *env) {
	spec := e.spec("r1")
	e.live(spec)
	e.must("", "store", e.Tools.Write("/mnt/data/row", "kept"))
	other := spec
	other.Project, other.Release = "shop-eu", "r2"
	for what, err := range map[string]error{
		"Prepare": e.Engine.Prepare(e.context(), other, &e.log),
		"Destroy": e.Engine.Destroy(e.context(), e.id, other.Project, true, &e.log),
	} {
		if platform.ErrorCode(err) != platform.CodeConflict {
			e.Errorf("%s for another project: got error %v, want a conflict", what, err)
		}
	}
	if got := e.observe(); len(got) != 3 || !got["/store"].Running || !got["r1/shop"].Running {
		e.Errorf("got %+v, want all of r1 and nothing else", got)
	}
	if err := e.Engine.Destroy(e.context(), e.id, spec.Project, false, &e.log); err != nil {
		e.Fatalf("Destroy: %v", err)
	}
	if err := e.Engine.Destroy(e.context(), e.id, other.Project, true, &e.log); platform.ErrorCode(err) != platform.CodeConflict {
		e.Errorf("Destroy of another project's data alone: got error %v, want a conflict", err)
	}
	e.prepare(spec)
	if got := e.must("", "store", e.Tools.Read("/mnt/data/row")); got != "kept" {
		e.Errorf("the service holds %q, want it kept", got)
	}
}

// wantNothing asserts that no container and no network is left.
func (e *env) wantNothing() {
	e.Helper()
	status, err := e.Engine.Observe(e.context(), e.id)
	if err != nil || status.Network || len(status.Containers) > 0 {
		e.Errorf("got %+v, error %v, want nothing", status, err)
	}
}

func testEnvironments(e *env) {
	if e.listed(e.Engine) {
		e.Error("the environment is listed before it exists")
	}
	spec := e.spec("r1")
	e.live(spec)
	again := e.Reopen(e.T)
	if !e.listed(e.Engine) || !e.listed(again) {
		e.Error("the environment is not listed")
	}
	status, err := again.Observe(e.context(), e.id)
	if err != nil || !status.Network || len(status.Containers) != 3 {
		e.Errorf("another engine observes %+v, error %v, want all of it", status, err)
	}
	if err := again.Prepare(e.context(), spec, &e.log); err != nil {
		e.Errorf("Prepare by another engine: %v", err)
	}
}

func (e *env) listed(by engine.Engine) bool {
	e.Helper()
	list, err := by.Environments(e.context())
	if err != nil {
		e.Fatalf("Environments: %v", err)
	}
	return slices.Contains(list, e.id)
}

func testLogs(e *env) {
	spec := e.spec("r1")
	spec.Workers[0].Command = e.Tools.Crash("worker was here", 1)
	e.live(spec)
	var out bytes.Buffer
	e.await(func() bool {
		out.Reset()
		if err := e.Engine.Logs(e.context(), e.id, "r1", "shop--queue", 1, &out); err != nil {
			e.Fatalf("Logs: %v", err)
		}
		return out.Len() > 0
	})
	if got := strings.TrimSpace(out.String()); got != "worker was here" {
		e.Errorf("got %q, want one line", got)
	}
	err := e.Engine.Logs(e.context(), e.id, "r1", "nobody", 0, &out)
	if !errors.Is(err, engine.ErrNotFound) {
		e.Errorf("got error %v, want ErrNotFound", err)
	}
}

func testDisk(e *env) {
	d, err := e.Engine.Disk(e.context())
	if err != nil {
		e.Fatalf("Disk: %v", err)
	}
	if d.TotalBytes == 0 || d.FreeBytes > d.TotalBytes || d.FreeInodes > d.TotalInodes {
		e.Errorf("got %+v, want room that adds up", d)
	}
}
