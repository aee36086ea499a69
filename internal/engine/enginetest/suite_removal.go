package enginetest

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"sluice/internal/engine"
)

func testRetire(t *testing.T, e *env) {
	e.live(t, e.spec("r1"))
	e.live(t, e.spec("r2"))
	for range 2 {
		if err := e.Engine.Retire(e.context(t), e.id, "r1", &e.log); err != nil {
			t.Fatalf("Retire: %v", err)
		}
		got := e.observe(t)
		if len(got) != 3 || !got["/store"].Running || !got["r2/shop"].Running || !got["r2/shop--queue"].Running {
			t.Errorf("got %+v, want the service and all of r2", got)
		}
	}
	if err := e.Engine.Retire(e.context(t), e.id, "r99", &e.log); err != nil {
		t.Errorf("Retire of a release that never was: %v", err)
	}
}

func testDestroyKeepsData(t *testing.T, e *env) {
	spec := e.spec("r1")
	e.live(t, spec)
	e.must(t, "", "store", e.Tools.Write("/mnt/data/row", "kept"))
	e.must(t, "r1", "shop", e.Tools.Write("/mnt/media/upload", "kept"))
	if err := e.Engine.Destroy(e.context(t), e.id, false, &e.log); err != nil {
		t.Fatalf("Destroy: %v", err)
	}
	e.wantNothing(t)
	e.prepare(t, spec)
	for container, path := range map[string]string{"store": "/mnt/data/row", "shop": "/mnt/media/upload"} {
		release := map[string]string{"shop": "r1"}[container]
		if got := e.must(t, release, container, e.Tools.Read(path)); got != "kept" {
			t.Errorf("%s holds %q, want it kept", path, got)
		}
	}
}

func testDestroy(t *testing.T, e *env) {
	spec := e.spec("r1")
	e.live(t, spec)
	e.must(t, "r1", "shop", e.Tools.Write("/mnt/media/upload", "gone"))
	for range 2 {
		if err := e.Engine.Destroy(e.context(t), e.id, true, &e.log); err != nil {
			t.Fatalf("Destroy: %v", err)
		}
		e.wantNothing(t)
	}
	if e.listed(t, e.Engine) {
		t.Error("the environment is listed after Destroy with data")
	}
	e.prepare(t, spec)
	if _, code := e.run(t, "r1", "shop", e.Tools.Read("/mnt/media/upload")); code == 0 {
		t.Error("data is left after Destroy with data")
	}
}

// wantNothing asserts that no container and no network is left.
func (e *env) wantNothing(t *testing.T) {
	t.Helper()
	status, err := e.Engine.Observe(e.context(t), e.id)
	if err != nil || status.Network || len(status.Containers) > 0 {
		t.Errorf("got %+v, error %v, want nothing", status, err)
	}
}

func testEnvironments(t *testing.T, e *env) {
	if e.listed(t, e.Engine) {
		t.Error("the environment is listed before it exists")
	}
	spec := e.spec("r1")
	e.live(t, spec)
	again := e.Reopen(t)
	if !e.listed(t, e.Engine) || !e.listed(t, again) {
		t.Error("the environment is not listed")
	}
	status, err := again.Observe(e.context(t), e.id)
	if err != nil || !status.Network || len(status.Containers) != 3 {
		t.Errorf("another engine observes %+v, error %v, want all of it", status, err)
	}
	if err := again.Prepare(e.context(t), spec, &e.log); err != nil {
		t.Errorf("Prepare by another engine: %v", err)
	}
}

func (e *env) listed(t *testing.T, by engine.Engine) bool {
	t.Helper()
	list, err := by.Environments(e.context(t))
	if err != nil {
		t.Fatalf("Environments: %v", err)
	}
	return slices.Contains(list, e.id)
}

func testLogs(t *testing.T, e *env) {
	spec := e.spec("r1")
	spec.Workers[0].Command = e.Tools.Crash("worker was here", 1)
	e.live(t, spec)
	var out bytes.Buffer
	e.await(t, func() bool {
		out.Reset()
		if err := e.Engine.Logs(e.context(t), e.id, "r1", "shop--queue", 1, &out); err != nil {
			t.Fatalf("Logs: %v", err)
		}
		return out.Len() > 0
	})
	if got := strings.TrimSpace(out.String()); got != "worker was here" {
		t.Errorf("got %q, want one line", got)
	}
	err := e.Engine.Logs(e.context(t), e.id, "r1", "nobody", 0, &out)
	if !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("got error %v, want ErrNotFound", err)
	}
}

func testDisk(t *testing.T, e *env) {
	d, err := e.Engine.Disk(e.context(t))
	if err != nil {
		t.Fatalf("Disk: %v", err)
	}
	if d.TotalBytes == 0 || d.FreeBytes > d.TotalBytes || d.FreeInodes > d.TotalInodes {
		t.Errorf("got %+v, want room that adds up", d)
	}
}
