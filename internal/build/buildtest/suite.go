package buildtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/internal/build"
	"sluice/internal/platform"
)

// Harness is what the suite needs to know of an implementation.
type Harness struct {
	// Builder is what is tested.
	Builder build.Builder
	// Base is a runtime image with dash and coreutils.
	Base build.Image
	// Inspect reads the image of a slug. An implementation that runs no shell and makes no
	// image leaves it nil; the cases that look at images are then skipped.
	Inspect func(t *testing.T, slug platform.Slug) Image
	// Service starts a server on a network such as an environment's, and returns the
	// address and the port where it accepts connections and the name it has there. It is
	// nil when Inspect is.
	Service func(t *testing.T) (address, port, name string)
	// Running says whether a process with the argument runs for a build. It is nil when
	// Inspect is.
	Running func(t *testing.T, argument string) bool
}

// Image is a slug as the engine sees it.
type Image struct {
	// Files are those below /app, by their slash-separated path without /app.
	Files map[string]File
	// Added is how many layers with files the slug adds to its runtime image.
	Added int
	// User is whom the image is run as.
	User string
	// Env are the image's variables, in the form NAME=value.
	Env []string
	// Labels are the image's labels.
	Labels map[string]string
	// Contains says whether text is anywhere in the image's configuration, its history or
	// the layers that it adds.
	Contains func(text string) bool
}

// File is a file of a slug's layer.
type File struct {
	Mode    os.FileMode // type and permissions
	UID     int
	Content string // of a regular file; the target of a symbolic link
}

// Run tests that an implementation keeps what build.Builder promises.
func Run(t *testing.T, h Harness) {
	t.Helper()
	s := suite{Harness: h, run: strings.ToLower(rand.Text()[:8])}
	for name, test := range map[string]func(*testing.T, suite){
		"lookup finds what was built":                testLookup,
		"a removed slug is gone":                     testRemove,
		"ping answers":                               testPing,
		"the log has titles and both streams":        testLog,
		"a failing step ends the build":              testFailure,
		"a failure quotes the last lines":            testTail,
		"a slow build is stopped at its limit":       testTimeout,
		"cancelling returns the cause":               testCancel,
		"a fresh build runs the steps again":         testFresh,
		"a changed variable runs the steps again":    testChangedVariable,
		"applications build side by side":            testConcurrent,
		"a tree without steps makes a slug":          testNoSteps,
		"steps run as the web user in the app":       needsShell(testIdentity),
		"a script is not interpolated":               needsShell(testScriptText),
		"variables reach the steps but no image":     needsShell(testSecrets),
		"steps write to the app, cache and tmp only": needsShell(testReadOnly),
		"generated files are readable":               needsShell(testFiles),
		"programs can be run and are in no image":    needsShell(testPrograms),
		"excluded paths and mounts":                  needsShell(testExclude),
		"a mount below a symbolic link is refused":   needsShell(testMountLink),
		"the cache is kept for the application":      needsShell(testCache),
		"modes and links are kept":                   needsShell(testModes),
		"links out of the tree lead nowhere":         needsShell(testHostileLinks),
		"a change of the same size is seen":          needsShell(testSameSize),
		"the image adds one layer and its labels":    needsShell(testImage),
		"no network when none is asked for":          needsShell(testNoNetwork),
		"services cannot be reached":                 needsShell(testServices),
		"cancelling stops the processes":             needsShell(testCancelStops),
	} {
		t.Run(name, func(t *testing.T) { test(t, s) })
	}
}

func needsShell(test func(*testing.T, suite)) func(*testing.T, suite) {
	return func(t *testing.T, s suite) {
		t.Helper()
		if s.Inspect == nil {
			t.Skip("runs no shell")
		}
		test(t, s)
	}
}

type suite struct {
	Harness

	run string // keeps runs on a shared engine apart
}

// request returns a request with a unique key whose one step is the script.
func (s suite) request(t *testing.T, script string) build.Request {
	t.Helper()
	req := build.Request{
		Project:   "conformance-" + s.run,
		App:       strings.ToLower(rand.Text()[:8]),
		Key:       build.Key{}.With("test", t.Name()+s.run),
		TreeID:    "1e1b2ad05b7b4b0e7b6b3f3a3d4f5a6b7c8d9e0f",
		Base:      s.Base,
		SourceDir: t.TempDir(),
		Env:       map[string]string{},
		Timeout:   2 * time.Minute,
	}
	write(t, req, "index.php", "<?php\n")
	if script != "" {
		req.Steps = []build.Step{{Name: "hook", Title: "Executing build hook...", Script: script}}
	}
	return req
}

// build builds what must succeed, and removes the slug after the test.
func (s suite) build(t *testing.T, req build.Request) (platform.Slug, string) {
	t.Helper()
	var log strings.Builder
	slug, err := s.Builder.Build(t.Context(), req, &log)
	if err != nil {
		t.Fatalf("Build: %v\n%s", err, log.String())
	}
	t.Cleanup(func() {
		if err := s.Builder.Remove(context.WithoutCancel(t.Context()), slug); err != nil {
			t.Errorf("Remove: %v", err)
		}
	})
	return slug, log.String()
}

// fail builds what must fail through the application.
func (s suite) fail(t *testing.T, req build.Request) (*build.Failure, string) {
	t.Helper()
	var log strings.Builder
	_, err := s.Builder.Build(t.Context(), req, &log)
	failure, ok := errors.AsType[*build.Failure](err)
	if !ok {
		t.Fatalf("Build returned %v, want a *build.Failure\n%s", err, log.String())
	}
	s.absent(t, req)
	return failure, log.String()
}

func (s suite) absent(t *testing.T, req build.Request) {
	t.Helper()
	if slug, ok, err := s.Builder.Lookup(t.Context(), req.Project, req.App, req.Key); err != nil || ok {
		t.Errorf("Lookup after a failed build = %v, %v, %v; want none", slug, ok, err)
	}
}

func write(t *testing.T, req build.Request, name, content string) {
	t.Helper()
	file := filepath.Join(req.SourceDir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, req build.Request, target, name string) {
	t.Helper()
	if err := os.Symlink(target, filepath.Join(req.SourceDir, name)); err != nil {
		t.Fatal(err)
	}
}

// hasLine fails the test when no line of the log is exactly line.
func hasLine(t *testing.T, log, line string) {
	t.Helper()
	if !slices.Contains(strings.Split(log, "\n"), line) {
		t.Errorf("the log has no line %q:\n%s", line, log)
	}
}

// numbered returns a script that prints lines 1 to n, in the words that Fake understands.
func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "echo line %d\n", i+1)
	}
	return b.String()
}
