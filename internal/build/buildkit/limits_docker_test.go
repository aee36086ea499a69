package buildkit_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"os"
	"strings"
	"testing"

	"sluice/internal/build"
	"sluice/internal/build/buildkit"
)

// limited builds one script with a builder that bounds its builds.
func limited(t *testing.T, cfg buildkit.Config, change func(*build.Request), script string) (string, error) {
	t.Helper()
	newBuilder(t) // skips without an engine
	if os.Geteuid() != 0 {
		missing(t, "not root: limits cannot be set")
	}
	cfg.Socket, cfg.Images = socket, dockerCLI{}
	b, err := buildkit.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	req := build.Request{
		Project: "limits", App: "app", Key: build.Key{}.With("run", rand.Text()), TreeID: "t", Base: baseImage(t),
		Scope: build.ScopeProtected, SourceDir: t.TempDir(),
		Steps: []build.Step{{Name: "hook", Title: "Hook", Script: script}},
	}
	if change != nil {
		change(&req)
	}
	var log bytes.Buffer
	slug, err := b.Build(t.Context(), req, &log)
	if err == nil {
		t.Cleanup(func() { _ = b.Remove(context.WithoutCancel(t.Context()), slug) })
	}
	return log.String(), err
}

// TestBuildsAreBounded: hostile hooks of one line each, in real builds.
func TestBuildsAreBounded(t *testing.T) {
	limits := buildkit.Config{Limits: &buildkit.Limits{Memory: 96 << 20, Processes: 48}}
	t.Run("ended before sites when memory runs out", func(t *testing.T) {
		log, err := limited(t, limits, nil, "echo score $(cat /proc/self/oom_score_adj)")
		if err != nil || !strings.Contains(log, "score 1000") {
			t.Errorf("%v\n%s", err, log)
		}
	})
	for name, tt := range map[string]struct{ script, reason string }{
		"files on tmpfs": {"head -c 300m /dev/zero >/tmp/big", "96 MB of memory"},
		"memory":         {"perl -e '$x = \"a\" x 300_000_000; print length $x'", "96 MB of memory"},
		"processes":      {"i=0; while [ $i -lt 200 ]; do sleep 5 & i=$((i+1)); done; wait", "48 processes"},
	} {
		t.Run(name, func(t *testing.T) {
			log, err := limited(t, limits, nil, tt.script)
			f, ok := errors.AsType[*build.Failure](err)
			if !ok || !strings.Contains(f.Reason, tt.reason) {
				t.Errorf("error %v, want %q\n%s", err, tt.reason, log)
			}
		})
	}
	t.Run("room on the disk", func(t *testing.T) {
		full := buildkit.Config{Room: func(context.Context) (uint64, uint64, error) { return 1 << 20, 2 << 20, nil }}
		_, err := limited(t, full, nil, "sleep 600")
		if f, ok := errors.AsType[*build.Failure](err); !ok || !strings.Contains(f.Reason, "1 MB are free, 2 MB are needed") {
			t.Errorf("error %v", err)
		}
	})
}

// TestBranchesCannotChangeTheCacheOfTheLiveSite: others start with what it has, and what
// they leave never gets back.
func TestBranchesCannotChangeTheCacheOfTheLiveSite(t *testing.T) {
	app := "app-" + strings.ToLower(rand.Text()[:8])
	run := func(scope, script string) string {
		t.Helper()
		log, err := limited(t, buildkit.Config{}, func(r *build.Request) { r.App, r.Scope = app, scope }, script)
		if err != nil {
			t.Fatalf("%s: %v\n%s", scope, err, log)
		}
		return log
	}
	run(build.ScopeProtected, "echo genuine >/cache/archive")
	if log := run("development", "cat /cache/archive; echo poisoned >/cache/archive; cat /run/sluice/seed/* 2>/dev/null; true"); !strings.Contains(log, "genuine") {
		t.Errorf("the branch does not start with the cache of the live site:\n%s", log)
	}
	if log := run(build.ScopeProtected, "cat /cache/archive"); !strings.Contains(log, "genuine") {
		t.Errorf("a branch changed the cache of the live site:\n%s", log)
	}
	if log := run("development", "cat /cache/archive"); !strings.Contains(log, "poisoned") {
		t.Errorf("a branch does not keep its own cache:\n%s", log)
	}
}

// TestAnotherImageOfTheSameNameIsRefused: the base of a slug is the image that was asked for.
func TestAnotherImageOfTheSameNameIsRefused(t *testing.T) {
	_, err := limited(t, buildkit.Config{}, func(r *build.Request) { r.Base.Digest = "sha256:" + strings.Repeat("0", 64) }, "true")
	if err == nil || !strings.Contains(err.Error(), "is not sha256:0000") {
		t.Errorf("error %v", err)
	}
	digest, _, _, err := dockerCLI{}.Find(t.Context(), baseImage(t).Ref)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := limited(t, buildkit.Config{}, func(r *build.Request) { r.Base.Digest = digest }, "true"); err != nil {
		t.Errorf("the right digest: %v", err)
	}
}
