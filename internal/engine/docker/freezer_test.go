package docker

import (
	"context"
	"path/filepath"
	"testing"

	"sluice/internal/platform"
)

// TestThawEndsAFreezeThatAnotherEngineThawed: an engine that begins over the same data
// directory thaws what it finds. Commands of the first engine must not wait for ever then.
func TestThawEndsAFreezeThatAnotherEngineThawed(t *testing.T) {
	t.Parallel()
	data, err := openDataDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = data.root.Close() })
	first, next := &Engine{data: data}, &Engine{data: data}
	if err := first.starts.stop(t.Context(), "e", []string{"store"}); err != nil {
		t.Fatal(err)
	}
	if err := data.record("e", []string{filepath.Join(t.TempDir(), freezeV2)}); err != nil {
		t.Fatal(err)
	}
	if err := next.thawAll(); err != nil {
		t.Fatal(err)
	}

	ended, cancel := context.WithCancelCause(t.Context())
	cancel(nil)
	if _, err := first.starts.begin(ended, "store"); err == nil {
		t.Error("a command began before the engine that froze its container thawed it")
	}
	if err := first.starts.stop(t.Context(), "e", nil); platform.ErrorCode(err) != platform.CodeConflict {
		t.Errorf("a second freeze: got error %v, want a conflict", err)
	}
	if err := first.Thaw("e"); err != nil {
		t.Fatal(err)
	}
	done, err := first.starts.begin(ended, "store")
	if err != nil {
		t.Fatalf("a command after the thaw: %v", err)
	}
	done()
	if err := first.starts.stop(t.Context(), "e", nil); err != nil {
		t.Errorf("a freeze after the thaw: %v", err)
	}
}
