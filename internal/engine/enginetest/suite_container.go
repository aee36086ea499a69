package enginetest

import (
	"net"
	"strconv"
	"strings"
	"testing"

	"sluice/internal/engine"
)

func testMounts(t *testing.T, e *env) {
	e.live(t, e.spec("r1"))
	e.must(t, "r1", "shop", e.Tools.Write("/mnt/media/upload", "cat picture"))
	next := e.spec("r2")
	e.prepare(t, next)
	if err := e.Engine.Retire(e.context(t), e.id, "r1", &e.log); err != nil {
		t.Fatalf("Retire: %v", err)
	}
	e.start(t, next)
	if got := e.must(t, "r2", "shop", e.Tools.Read("/mnt/media/upload")); got != "cat picture" {
		t.Errorf("r2 reads %q, want what r1 wrote", got)
	}
}

func testReadOnly(t *testing.T, e *env) {
	e.live(t, e.spec("r1"))
	for _, path := range []string{"/file", "/etc/file", "/mnt/file", "/usr/bin/file"} {
		out, code := e.run(t, "r1", "shop", e.Tools.Write(path, "x"))
		if code == 0 {
			t.Errorf("could write %s", path)
		}
		if !strings.Contains(out, "Read-only file system") && !strings.Contains(out, "Permission denied") {
			t.Errorf("writing %s says %q", path, out)
		}
	}
	for _, path := range []string{"/tmp/file", "/mnt/scratch/file", "/mnt/media/file"} {
		e.must(t, "r1", "shop", e.Tools.Write(path, "x"))
		if got := e.must(t, "r1", "shop", e.Tools.Read(path)); got != "x" {
			t.Errorf("%s holds %q, want x", path, got)
		}
	}
	e.rootCannotWrite(t)
}

// rootCannotWrite asserts that the root file system stays read-only for root.
func (e *env) rootCannotWrite(t *testing.T) {
	t.Helper()
	var out strings.Builder
	code, err := e.Engine.Exec(e.context(t), engine.ExecRequest{
		Environment: e.id, Release: "r1", Container: "shop", User: "0:0",
		Command: e.Tools.Write("/etc/file", "x"), Stderr: &out,
	})
	if err != nil || code == 0 || !strings.Contains(out.String(), "Read-only file system") {
		t.Errorf("root writing /etc/file: status %d, %q, error %v; want a read-only file system", code, out.String(), err)
	}
}

func testFiles(t *testing.T, e *env) {
	spec := e.spec("r1")
	files := []engine.File{
		{Path: "/etc/generated/app.conf", Mode: 0o644, Content: "listen 8080\n"},
		{Path: "/etc/generated/parts/secret", Mode: 0o600, Content: "hunter2"},
	}
	spec.Apps[0].Files = files
	spec.Services[0].Files = files[:1]
	e.live(t, spec)
	for _, f := range files {
		if got := e.must(t, "r1", "shop", e.Tools.Read(f.Path)); got != f.Content {
			t.Errorf("%s holds %q, want %q", f.Path, got, f.Content)
		}
		if _, code := e.run(t, "r1", "shop", e.Tools.Write(f.Path, "x")); code == 0 {
			t.Errorf("could write %s", f.Path)
		}
	}
	if got := e.must(t, "", "store", e.Tools.Read(files[0].Path)); got != files[0].Content {
		t.Errorf("the service reads %q, want %q", got, files[0].Content)
	}
}

func testLinks(t *testing.T, e *env) {
	spec := e.spec("r1")
	links := map[string]string{"database.internal": "store", "backend.internal": "shop"}
	spec.Apps[0].Links = map[string]string{"database.internal": "store"}
	spec.Workers[0].Links = links
	e.live(t, spec)
	if got := e.must(t, "r1", "shop", e.Tools.Resolve("database.internal")); got != spec.Services[0].Address {
		t.Errorf("database.internal is %q, want %s", got, spec.Services[0].Address)
	}
	e.must(t, "r1", "shop", e.Tools.Dial("database.internal", servicePort))

	next := e.spec("r2")
	next.Workers[0].Links = links
	e.live(t, next)
	now := e.observe(t)
	for _, release := range []string{"r1", "r2"} {
		host, _, err := net.SplitHostPort(now[release+"/shop"].Address)
		if err != nil {
			t.Fatalf("address of %s: %v", release, err)
		}
		if got := e.must(t, release, "shop--queue", e.Tools.Resolve("backend.internal")); got != host {
			t.Errorf("in %s backend.internal is %q, want the same release's %s", release, got, host)
		}
		e.must(t, release, "shop--queue", e.Tools.Dial("backend.internal", webPort))
	}
	if _, code := e.run(t, "r2", "shop", e.Tools.Resolve("database.internal")); code == 0 {
		t.Error("database.internal resolves where nothing links to it")
	}
}

func testIsolation(t *testing.T, e *env) {
	other := newEnv(t, e.Harness)
	e.live(t, e.spec("r1"))
	other.live(t, other.spec("r1"))
	host, port, err := net.SplitHostPort(other.observe(t)["r1/shop"].Address)
	if err != nil {
		t.Fatalf("address: %v", err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatalf("port: %v", err)
	}
	other.must(t, "r1", "shop", e.Tools.Dial(host, number))
	if _, code := e.run(t, "r1", "shop", e.Tools.Dial(host, number)); code == 0 {
		t.Errorf("%s reaches %s in %s", e.id, host, other.id)
	}
	if _, code := e.run(t, "r1", "shop", e.Tools.Dial(other.spec("r1").Services[0].Address, servicePort)); code == 0 {
		t.Errorf("%s reaches the service of %s", e.id, other.id)
	}
}
