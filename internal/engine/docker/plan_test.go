package docker

import (
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/container"
	"github.com/rogpeppe/go-internal/txtar"

	"sluice/internal/engine"
)

var update = flag.Bool("update", false, "write what was got to the golden files")

// TestPlans reads cases from testdata/plans: "have" lists what exists, a line for each
// container ("service mysql g1 running", "web r1 shop running" with "+" for the wanted
// generation, then "unsafe" or "unlimited"), "network" and "missing <image>"; "plan" is
// one method of the planner.
func TestPlans(t *testing.T) {
	files, err := filepath.Glob("testdata/plans/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { testPlan(t, file) })
	}
}

func testPlan(t *testing.T, file string) {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	got := planOf(t, section(archive, "method"), section(archive, "have"))
	if *update {
		i := slices.IndexFunc(archive.Files, func(f txtar.File) bool { return f.Name == "plan" })
		archive.Files[i].Data = []byte(got)
		if err := os.WriteFile(file, txtar.Format(archive), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(section(archive, "plan"), strings.TrimSpace(got)); diff != "" {
		t.Errorf("plan differs (-want +got):\n%s", diff)
	}
}

func section(a *txtar.Archive, name string) string {
	i := slices.IndexFunc(a.Files, func(f txtar.File) bool { return f.Name == name })
	if i < 0 {
		return ""
	}
	return strings.TrimSpace(string(a.Files[i].Data))
}

// planSpec is what every case wants: release r2 with two services, a warm and a cold
// application and a worker.
func planSpec() engine.Spec {
	c := func(name string) engine.Container {
		return engine.Container{
			Name: name, Image: "sluice/" + name, User: "1000:1000",
			Mounts: []engine.Mount{{Volume: name, Target: "/data"}},
		}
	}
	return engine.Spec{
		Environment: "shop-main", Release: "r2", Subnet: "10.0.1.0/24",
		Services: []engine.Service{
			{Container: c("mysql"), Address: "10.0.1.10", Health: []string{"ok"}, Setup: &engine.Setup{}, Generation: "g2"},
			{Container: c("redis"), Address: "10.0.1.11", Health: []string{"ok"}, Generation: "g2"},
		},
		Apps: []engine.App{
			{Container: c("shop"), Port: 8080, Ready: "/", Warm: true, PostStart: "true"},
			{Container: c("api"), Port: 8080, Ready: "/"},
		},
		Workers: []engine.Worker{{Container: c("shop--queue"), App: "shop"}},
	}
}

func planOf(t *testing.T, method, have string) string {
	t.Helper()
	names := newNaming("sluice", "/data")
	want, err := newDesired(names, planSpec())
	if err != nil {
		t.Fatal(err)
	}
	p := planner{names: names, env: "shop-main", have: parseObserved(t, want, have)}
	var got plan
	switch verb, arg, _ := strings.Cut(method, " "); verb {
	case "prepare":
		got, err = p.prepare(want)
	case "start":
		got, err = p.start(want)
	case "background":
		got, err = p.background(want)
	case "quiesce":
		got = p.quiesce()
	case "retire":
		got = p.retire(arg)
	case "destroy":
		got = p.destroy(arg == "data")
	default:
		t.Fatalf("no method %q", method)
	}
	if err != nil {
		return "error: " + err.Error() + "\n"
	}
	return got.String()
}

func parseObserved(t *testing.T, want desired, have string) observed {
	t.Helper()
	var o observed
	for line := range strings.Lines(have) {
		words := strings.Fields(line)
		switch words[0] {
		case "network":
			o.network, o.subnet = true, netip.MustParsePrefix(words[1])
		case "missing":
			o.missing = append(o.missing, words[1])
		default:
			kind, _ := kindOf(words[0])
			release, generation := words[2], words[3]
			if kind == engine.KindService {
				release = ""
			}
			if generation == "+" {
				i := slices.IndexFunc(want.all(), func(w wanted) bool { return w.Name == words[1] })
				generation = want.all()[i].generation
			}
			f := found{
				name: words[1], kind: kind, release: release, generation: generation,
				state: container.ContainerState(words[4]), unsafe: slices.Contains(words, "unsafe"),
			}
			if !slices.Contains(words, "unlimited") {
				f.limits = Limits{}.String()
			}
			o.containers = append(o.containers, f)
		}
	}
	return o
}
