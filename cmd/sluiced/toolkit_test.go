package main

import (
	"bytes"
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

func TestInstalledToolkitsAreListedAndRemoved(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "toolkit")
	var log bytes.Buffer
	kept := &toolkits{dir: dir, log: slog.New(slog.NewTextHandler(&log, nil))}
	if got, err := kept.Installed(t.Context()); err != nil || len(got) > 0 { // none was ever installed
		t.Fatal(got, err)
	}
	digests := []string{"00000000000000aa", "00000000000000bb"}
	for _, name := range append(slices.Clone(digests), "notes", "00aa") {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	installed, err := kept.Installed(t.Context())
	if want := []string{filepath.Join(dir, digests[0], toolkitName), filepath.Join(dir, digests[1], toolkitName)}; err != nil || !slices.Equal(installed, want) {
		t.Fatalf("installed: %v %v, want %v", installed, err, want)
	}
	if err := kept.Remove(t.Context(), installed[1]); err != nil {
		t.Fatal(err)
	}
	if err := kept.Remove(t.Context(), filepath.Join(dir, "notes", toolkitName)); err == nil {
		t.Error("a directory that is not a toolkit was removed")
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 3 || entries[0].Name() != digests[0] {
		t.Errorf("left: %v %v", entries, err)
	}
	if !strings.Contains(log.String(), digests[1]) {
		t.Errorf("log %s", &log)
	}
}

func TestNoToolkitIsNotAnError(t *testing.T) {
	if path, err := installToolkit(config{DataDir: t.TempDir()}); err != nil || path != "" {
		t.Errorf("got %q, %v", path, err)
	}
	if _, err := installToolkit(config{DataDir: t.TempDir(), Toolkit: filepath.Join(t.TempDir(), "none")}); err == nil {
		t.Error("a toolkit that was named and is missing is not an error")
	}
}
