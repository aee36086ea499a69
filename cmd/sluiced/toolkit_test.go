package main

import (
	"os"
	"path/filepath"
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

func TestNoToolkitIsNoError(t *testing.T) {
	if path, err := installToolkit(config{DataDir: t.TempDir()}); err != nil || path != "" {
		t.Errorf("got %q, %v", path, err)
	}
	if _, err := installToolkit(config{DataDir: t.TempDir(), Toolkit: filepath.Join(t.TempDir(), "none")}); err == nil {
		t.Error("a toolkit that was named and is missing is no error")
	}
}
