package buildtest_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"

	"sluice/internal/build"
	"sluice/internal/build/buildtest"
)

func TestFakeConforms(t *testing.T) {
	buildtest.Run(t, buildtest.Harness{Builder: &buildtest.Fake{}, Base: build.Image{Ref: "fake"}})
}

func request() build.Request {
	return build.Request{Project: "p", App: "app", Key: build.Key{}.With("tree", "1")}
}

func TestFakeFailsOnce(t *testing.T) {
	var f buildtest.Fake
	want := &build.Failure{Step: "hook", ExitCode: 2}
	f.FailNext(want)
	if _, err := f.Build(t.Context(), request(), io.Discard); !errors.Is(err, want) {
		t.Errorf("the first build returned %v, want %v", err, want)
	}
	if _, err := f.Build(t.Context(), request(), io.Discard); err != nil {
		t.Errorf("the second build returned %v", err)
	}
	if n, slugs := len(f.Builds()), len(f.Slugs()); n != 2 || slugs != 1 {
		t.Errorf("%d builds and %d slugs, want 2 and 1", n, slugs)
	}
}

func TestFakeHoldsBuilds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f buildtest.Fake
		release := f.Hold()
		done := make(chan error, 1)
		go func() {
			_, err := f.Build(t.Context(), request(), io.Discard)
			done <- err
		}()
		synctest.Wait()
		if len(f.Builds()) != 1 || len(f.Slugs()) != 0 {
			t.Fatal("the held build has not begun, or has ended")
		}
		release()
		if err := <-done; err != nil {
			t.Errorf("the released build returned %v", err)
		}
		release()
	})
}

func TestFakeHeldBuildEndsWithItsContext(t *testing.T) {
	var f buildtest.Fake
	defer f.Hold()()
	cause := errors.New("cancelled")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if _, err := f.Build(ctx, request(), io.Discard); !errors.Is(err, cause) {
		t.Errorf("Build returned %v, want %v", err, cause)
	}
}
