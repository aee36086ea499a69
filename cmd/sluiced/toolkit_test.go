package main

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sluice/internal/engine/enginetest"
)

func TestToolkitsAreInstalledListedAndRemoved(t *testing.T) {
	fake := enginetest.NewFake()
	source := filepath.Join(t.TempDir(), "sluice-toolkit")
	install := func(text string) string {
		t.Helper()
		if err := os.WriteFile(source, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := installToolkit(t.Context(), fake, config{Toolkit: source})
		if err != nil || got == "" {
			t.Fatalf("got %q, %v", got, err)
		}
		return got
	}
	first, again, second := install("one"), install("one"), install("two")
	if first != again || first == second {
		t.Errorf("got %q, %q and %q, want two of them equal", first, again, second)
	}
	var log bytes.Buffer
	kept := &toolkits{fake, slog.New(slog.NewTextHandler(&log, nil))}
	if got, err := kept.Installed(t.Context()); err != nil || len(got) != 2 || !slices.Contains(got, first) {
		t.Errorf("installed: %v, %v", got, err)
	}
	if err := kept.Remove(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	if got, err := kept.Installed(t.Context()); err != nil || !slices.Equal(got, []string{second}) {
		t.Errorf("left: %v, %v", got, err)
	}
	if !strings.Contains(log.String(), first) {
		t.Errorf("log %s", &log)
	}
}

func TestNoToolkitIsNotAnError(t *testing.T) {
	fake := enginetest.NewFake()
	if source, err := installToolkit(t.Context(), fake, config{}); err != nil || source != "" {
		t.Errorf("got %q, %v", source, err)
	}
	if _, err := installToolkit(t.Context(), fake, config{Toolkit: filepath.Join(t.TempDir(), "none")}); err == nil {
		t.Error("a toolkit that was named and is missing is not an error")
	}
}
