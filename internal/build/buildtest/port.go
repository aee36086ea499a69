package buildtest

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/internal/build"
	"sluice/internal/platform"
)

func testLookup(t *testing.T, s suite) {
	t.Helper()
	req := s.request(t, "echo hello")
	s.absent(t, req)
	built, _ := s.build(t, req)
	if built.App != req.App || built.Key != req.Key.Sum() || built.TreeID != req.TreeID || built.Ref == "" || built.Digest == "" || built.BuiltAt.IsZero() {
		t.Errorf("the slug is incomplete: %+v", built)
	}
	found, ok, err := s.Builder.Lookup(t.Context(), req.Project, req.App, req.Key)
	if err != nil || !ok || found.Ref != built.Ref || found.Digest != built.Digest || found.Key != built.Key || found.App != built.App {
		t.Errorf("Lookup = %+v, %v, %v; want %+v", found, ok, err, built)
	}
	for name, other := range map[string]build.Request{
		"key":         {Project: req.Project, App: req.App, Key: req.Key.With("more", "1")},
		"application": {Project: req.Project, App: req.App + "2", Key: req.Key},
		"project":     {Project: req.Project + "2", App: req.App, Key: req.Key},
	} {
		if _, ok, err := s.Builder.Lookup(t.Context(), other.Project, other.App, other.Key); err != nil || ok {
			t.Errorf("Lookup with another %s = %v, %v; want none", name, ok, err)
		}
	}
}

func testRemove(t *testing.T, s suite) {
	t.Helper()
	req := s.request(t, "echo hello")
	slug, _ := s.build(t, req)
	for range 2 {
		if err := s.Builder.Remove(t.Context(), slug); err != nil {
			t.Fatalf("Remove: %v", err)
		}
	}
	s.absent(t, req)
}

func testPing(t *testing.T, s suite) {
	t.Helper()
	if err := s.Builder.Ping(t.Context()); err != nil {
		t.Errorf("Ping: %v", err)
	}
}

func testLog(t *testing.T, s suite) {
	t.Helper()
	req := s.request(t, "")
	req.Steps = []build.Step{
		{Name: "dependencies", Title: "Installing build dependencies...", Script: "echo first\necho careful >&2\n"},
		{Name: "hook", Title: "Executing build hook...", Script: "echo second\n"},
	}
	_, log := s.build(t, req)
	for _, line := range []string{"Installing build dependencies...", "  first", "  W: careful", "Executing build hook...", "  second"} {
		hasLine(t, log, line)
	}
	before, after, _ := strings.Cut(log, "Executing build hook...")
	if !strings.Contains(before, "first") || !strings.Contains(before, "careful") || !strings.Contains(after, "second") {
		t.Errorf("output stands below the wrong title:\n%s", log)
	}
}

func testFailure(t *testing.T, s suite) {
	t.Helper()
	req := s.request(t, "echo reason >&2\nexit 3\n")
	req.Steps = append(req.Steps, build.Step{Name: "later", Title: "Later...", Script: "echo never"})
	failure, log := s.fail(t, req)
	if failure.Step != "hook" || failure.ExitCode != 3 || failure.Reason != "" {
		t.Errorf("the failure is %+v", failure)
	}
	hasLine(t, log, "  W: reason")
	if strings.Contains(log, "Later...") {
		t.Errorf("a step ran after the one that failed:\n%s", log)
	}
}

func testTail(t *testing.T, s suite) {
	t.Helper()
	failure, _ := s.fail(t, s.request(t, numbered(50)+"exit 1\n"))
	if n := len(failure.Tail); n != 20 || failure.Tail[0] != "line 31" || failure.Tail[n-1] != "line 50" {
		t.Errorf("the tail is %q, want lines 31 to 50", failure.Tail)
	}
}

func testTimeout(t *testing.T, s suite) {
	t.Helper()
	req := s.request(t, "echo started\nsleep 600\n")
	req.Timeout = 3 * time.Second
	failure, log := s.fail(t, req)
	if !strings.Contains(failure.Reason, "limit of 3s") || failure.Step != "hook" {
		t.Errorf("the failure is %+v, want one that names the limit and the step", failure)
	}
	hasLine(t, log, "  started")
}

// waitFor is a log that calls seen once, when the text has been written to it.
type waitFor struct {
	text string
	seen func()

	mu   sync.Mutex
	all  strings.Builder
	once sync.Once
}

func (w *waitFor) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all.Write(p)
	if strings.Contains(w.all.String(), w.text) {
		w.once.Do(w.seen)
	}
	return len(p), nil
}

func testCancel(t *testing.T, s suite) {
	t.Helper()
	cause := errors.New("the user cancelled the activity")
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	req := s.request(t, "echo started\nsleep 600\n")
	_, err := s.Builder.Build(ctx, req, &waitFor{text: "started", seen: func() { cancel(cause) }})
	if !errors.Is(err, cause) {
		t.Errorf("Build returned %v, want the cause %q", err, cause)
	}
	s.absent(t, req)
}

func testFresh(t *testing.T, s suite) {
	t.Helper()
	req := s.request(t, "echo ran")
	s.build(t, req)
	req.Fresh = true
	_, log := s.build(t, req)
	hasLine(t, log, "  ran")
}

func testChangedVariable(t *testing.T, s suite) {
	t.Helper()
	req := s.request(t, "echo \"$COLOUR\"\n")
	for _, colour := range []string{"red", "blue"} {
		req.Env = map[string]string{"COLOUR": colour}
		req.Key = req.Key.With("variable COLOUR "+colour, colour)
		_, log := s.build(t, req)
		hasLine(t, log, "  "+colour)
	}
}

func testConcurrent(t *testing.T, s suite) {
	t.Helper()
	type result struct {
		slug platform.Slug
		err  error
	}
	a, b := s.request(t, "echo a"), s.request(t, "echo a")
	write(t, a, "name", "first")
	write(t, b, "name", "other")
	results := make([]result, 2)
	var wg sync.WaitGroup
	for i, req := range []build.Request{a, b} {
		wg.Go(func() { results[i].slug, results[i].err = s.Builder.Build(t.Context(), req, io.Discard) })
	}
	wg.Wait()
	for i, want := range []string{"first", "other"} {
		if results[i].err != nil {
			t.Fatal(results[i].err)
		}
		if s.Inspect != nil {
			if got := s.Inspect(t, results[i].slug).Files["name"].Content; got != want {
				t.Errorf("application %d was built from the tree of another: %q, want %q", i, got, want)
			}
		}
		if err := s.Builder.Remove(t.Context(), results[i].slug); err != nil {
			t.Error(err)
		}
	}
}

func testNoSteps(t *testing.T, s suite) {
	t.Helper()
	slug, _ := s.build(t, s.request(t, ""))
	if s.Inspect != nil {
		if got := s.Inspect(t, slug).Files["index.php"].Content; got != "<?php\n" {
			t.Errorf("index.php is %q", got)
		}
	}
}
