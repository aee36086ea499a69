package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestReleasesKeepTheToolkitTheyWereMadeWith(t *testing.T) {
	dir := t.TempDir()
	source := filepath.Join(t.TempDir(), "sluice-toolkit")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(source, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("one")
	first, err := installToolkit(config{DataDir: dir, Toolkit: source})
	if err != nil {
		t.Fatal(err)
	}
	if again, err := installToolkit(config{DataDir: dir, Toolkit: source}); err != nil || again != first {
		t.Errorf("the same toolkit is at %q, then at %q (%v)", first, again, err)
	}
	write("two")
	second, err := installToolkit(config{DataDir: dir, Toolkit: source})
	if err != nil || second == first {
		t.Errorf("another toolkit is at %q too (%v)", second, err)
	}
	for path, want := range map[string]string{first: "one", second: "two"} {
		got, err := os.ReadFile(path)
		if err != nil || string(got) != want {
			t.Errorf("%s holds %q, %v; want %q", path, got, err, want)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o755 {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
}

func TestToolkitsThatNobodyUsesAreRemoved(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "toolkit")
	var log bytes.Buffer
	kept := &toolkits{dir: dir, log: slog.New(slog.NewTextHandler(&log, nil))}
	asked := 0
	drop := func(err error, used ...string) error {
		return kept.drop(t.Context(), func(context.Context) (map[string]bool, error) {
			asked++
			paths := map[string]bool{}
			for _, digest := range used {
				paths[filepath.Join(dir, digest, toolkitName)] = true
			}
			return paths, err
		})
	}
	if err := drop(nil); err != nil { // none was ever installed
		t.Fatal(err)
	}
	digests := []string{"00000000000000aa", "00000000000000bb", "00000000000000cc"}
	for _, name := range append(slices.Clone(digests), "notes", "00aa") {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name, toolkitName), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	left := func(want ...string) {
		t.Helper()
		entries, err := os.ReadDir(dir)
		var got []string
		for _, e := range entries {
			got = append(got, e.Name())
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("left: %v %v, want %v", got, err, want)
		}
	}
	broken := errors.New("a release cannot be read")
	if err := drop(broken, digests[0]); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	left(digests[0], digests[1], digests[2], "00aa", "notes") // who does not know removes nothing
	if err := drop(nil, digests[0], digests[2]); err != nil {
		t.Fatal(err)
	}
	left(digests[0], digests[2], "00aa", "notes")
	if err := drop(nil, digests[2]); err != nil {
		t.Fatal(err)
	}
	left(digests[2], "00aa", "notes") // what is no toolkit stays
	if err := drop(broken); err != nil || asked != 3 {
		t.Errorf("asked about a single one: %v, %d times", err, asked)
	}
	if !strings.Contains(log.String(), digests[1]) {
		t.Errorf("log %s", &log)
	}
}

func TestNoToolkitIsNoError(t *testing.T) {
	if path, err := installToolkit(config{DataDir: t.TempDir()}); err != nil || path != "" {
		t.Errorf("got %q, %v", path, err)
	}
	if _, err := installToolkit(config{DataDir: t.TempDir(), Toolkit: filepath.Join(t.TempDir(), "none")}); err == nil {
		t.Error("a toolkit that was named and is missing is no error")
	}
}
