package enginetest

import (
	"net"
	"slices"
	"strconv"
	"strings"

	"sluice/internal/engine"
)

func testMounts(e *env) {
	e.live(e.spec("r1"))
	e.must("r1", "shop", e.Tools.Write("/mnt/media/upload", "cat picture"))
	next := e.spec("r2")
	e.prepare(next)
	if err := e.Engine.Retire(e.context(), e.id, "r1", &e.log); err != nil {
		e.Fatalf("Retire: %v", err)
	}
	e.start(next)
	if got := e.must("r2", "shop", e.Tools.Read("/mnt/media/upload")); got != "cat picture" {
		e.Errorf("r2 reads %q, want what r1 wrote", got)
	}
}

func testReadOnly(e *env) {
	e.live(e.spec("r1"))
	for _, path := range []string{"/file", "/etc/file", "/mnt/file", "/usr/bin/file"} {
		out, code := e.run("r1", "shop", e.Tools.Write(path, "x"))
		if code == 0 {
			e.Errorf("could write %s", path)
		}
		if !strings.Contains(out, "Read-only file system") && !strings.Contains(out, "Permission denied") {
			e.Errorf("writing %s says %q", path, out)
		}
	}
	for _, path := range []string{"/tmp/file", "/mnt/scratch/file", "/mnt/media/file"} {
		e.must("r1", "shop", e.Tools.Write(path, "x"))
		if got := e.must("r1", "shop", e.Tools.Read(path)); got != "x" {
			e.Errorf("%s holds %q, want x", path, got)
		}
	}
	e.rootCannotWrite()
}

// rootCannotWrite asserts that the root file system stays read-only for root.
func (e *env) rootCannotWrite() {
	e.Helper()
	var out strings.Builder
	code, err := e.Engine.Exec(e.context(), engine.ExecRequest{
		Environment: e.id, Release: "r1", Container: "shop", User: "0:0",
		Command: e.Tools.Write("/etc/file", "x"), Stderr: &out,
	})
	if err != nil || code == 0 || !strings.Contains(out.String(), "Read-only file system") {
		e.Errorf("root writing /etc/file: status %d, %q, error %v; want a read-only file system", code, out.String(), err)
	}
}

func testFiles(e *env) {
	spec := e.spec("r1")
	files := []engine.File{
		{Path: "/etc/generated/app.conf", Mode: 0o644, Content: "listen 8080\n"},
		{Path: "/etc/generated/parts/secret", Mode: 0o600, Content: "hunter2"},
	}
	spec.Apps[0].Files = files
	spec.Services[0].Files = files[:1]
	e.live(spec)
	for _, f := range files {
		if got := e.must("r1", "shop", e.Tools.Read(f.Path)); got != f.Content {
			e.Errorf("%s holds %q, want %q", f.Path, got, f.Content)
		}
		if _, code := e.run("r1", "shop", e.Tools.Write(f.Path, "x")); code == 0 {
			e.Errorf("could write %s", f.Path)
		}
	}
	if got := e.must("", "store", e.Tools.Read(files[0].Path)); got != files[0].Content {
		e.Errorf("the service reads %q, want %q", got, files[0].Content)
	}
}

func testPrograms(e *env) {
	store, ok := e.Engine.(engine.ProgramStore)
	if !ok {
		e.Skip("no programs can be delivered to the engine")
	}
	text := "#!/bin/sh\necho toolkit of " + string(e.id)
	source := e.keep(store, text)
	if again := e.keep(store, text); again != source {
		e.Errorf("the same program is at %q and at %q", source, again)
	}
	other := e.keep(store, text+", the next one")
	if other == source {
		e.Errorf("another program is at %q too", source)
	}
	spec := e.spec("r1")
	spec.Apps[0].Programs = []engine.Program{
		{Source: source, Target: "/usr/bin/tool-of-the-platform"}, {Source: source, Target: "/usr/bin/its-alias"},
	}
	if err := store.RemoveProgram(e.context(), other); err != nil {
		e.Errorf("RemoveProgram: %v", err)
	}
	if list, err := store.Programs(e.context()); err != nil || !slices.Contains(list, source) || slices.Contains(list, other) {
		e.Errorf("got %q, %v, want the one that was not removed", list, err)
	}
	e.live(spec)
	for _, p := range spec.Apps[0].Programs {
		if got := e.must("r1", "shop", e.Tools.Read(p.Target)); got != text {
			e.Errorf("%s holds %q, want %q", p.Target, got, text)
		}
		if _, code := e.run("r1", "shop", e.Tools.Write(p.Target, "x")); code == 0 {
			e.Errorf("could write %s", p.Target)
		}
	}
	if _, code := e.run("r1", "shop--queue", e.Tools.Read("/usr/bin/its-alias")); code == 0 {
		e.Error("a container that names no program has one")
	}
}

func (e *env) keep(store engine.ProgramStore, text string) string {
	e.Helper()
	source, err := store.KeepProgram(e.context(), "tool", strings.NewReader(text))
	if err != nil || source == "" {
		e.Fatalf("KeepProgram: %q, %v", source, err)
	}
	return source
}

func testLinks(e *env) {
	spec := e.spec("r1")
	links := map[string]string{"database.internal": "store", "backend.internal": "shop"}
	spec.Apps[0].Links = map[string]string{"database.internal": "store"}
	spec.Workers[0].Links = links
	spec.Apps[0].Hosts = map[string]string{"main-shop.test": "10.9.8.7"}
	e.live(spec)
	if got := e.must("r1", "shop", e.Tools.Resolve("main-shop.test")); got != "10.9.8.7" {
		e.Errorf("main-shop.test is %q, want the address that was given", got)
	}
	if got := e.must("r1", "shop", e.Tools.Resolve("database.internal")); got != spec.Services[0].Address {
		e.Errorf("database.internal is %q, want %s", got, spec.Services[0].Address)
	}
	e.must("r1", "shop", e.Tools.Dial("database.internal", servicePort))

	next := e.spec("r2")
	next.Workers[0].Links = links
	e.live(next)
	now := e.observe()
	for _, release := range []string{"r1", "r2"} {
		host, _, err := net.SplitHostPort(now[release+"/shop"].Address)
		if err != nil {
			e.Fatalf("address of %s: %v", release, err)
		}
		if got := e.must(release, "shop--queue", e.Tools.Resolve("backend.internal")); got != host {
			e.Errorf("in %s backend.internal is %q, want the same release's %s", release, got, host)
		}
		e.must(release, "shop--queue", e.Tools.Dial("backend.internal", webPort))
	}
	if _, code := e.run("r2", "shop", e.Tools.Resolve("database.internal")); code == 0 {
		e.Error("database.internal resolves where nothing links to it")
	}
}

func testWithoutSubnet(e *env) {
	spec := e.spec("r1")
	spec.Subnet, spec.Services[0].Address = "", ""
	spec.Apps[0].Links = map[string]string{"database.internal": "store"}
	spec.Apps[0].RouterHosts = []string{"router.internal", "main-shop.localhost"}
	e.live(spec)
	e.must("r1", "shop", e.Tools.Dial("database.internal", servicePort))
	router := e.must("r1", "shop", e.Tools.Resolve("router.internal"))
	if again := e.must("r1", "shop", e.Tools.Resolve("main-shop.localhost")); router == "" || again != router {
		e.Errorf("the router is at %q and at %q, want one address", router, again)
	}
	if ends := e.start(spec); e.Get(ends[0].Address, "/") != 200 {
		e.Errorf("nothing answers at %s", ends[0].Address)
	}
}

func testIsolation(e *env) {
	other := newEnv(e.T, e.Harness)
	e.live(e.spec("r1"))
	other.live(other.spec("r1"))
	host, port, err := net.SplitHostPort(other.observe()["r1/shop"].Address)
	if err != nil {
		e.Fatalf("address: %v", err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		e.Fatalf("port: %v", err)
	}
	other.must("r1", "shop", e.Tools.Dial(host, number))
	if _, code := e.run("r1", "shop", e.Tools.Dial(host, number)); code == 0 {
		e.Errorf("%s reaches %s in %s", e.id, host, other.id)
	}
	if _, code := e.run("r1", "shop", e.Tools.Dial(other.spec("r1").Services[0].Address, servicePort)); code == 0 {
		e.Errorf("%s reaches the service of %s", e.id, other.id)
	}
}
