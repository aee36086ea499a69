package images_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/catalog"
	"sluice/internal/images"
	"sluice/internal/platform"
)

// TestARefreshedImageIsUsedFromThenOn under a name of its own: what ran before keeps its image.
func TestARefreshedImageIsUsedFromThenOn(t *testing.T) {
	store := &memoryStore{}
	img := debianImage("php-8.2")
	first, _, err := ensure(t, images.New(store, images.Options{Command: fakeDebian(t, "printf 'without fixes'")}), img)
	if err != nil {
		t.Fatal(err)
	}
	a := images.New(store, images.Options{Command: fakeDebian(t, "printf 'with fixes'")})
	fresh, err := a.Refresh(t.Context(), img, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if fresh.Ref == first.Ref || !strings.HasPrefix(fresh.Ref, first.Ref+"-") || fresh.Digest == first.Digest {
		t.Errorf("refreshed %+v, before %+v", fresh, first)
	}
	if got, _, err := ensure(t, a, img); err != nil || got != fresh {
		t.Errorf("deployments use %+v, want %+v (%v)", got, fresh, err)
	}
	if _, ok, _ := store.Lookup(t.Context(), first.Ref); !ok {
		t.Error("the image that runs now is gone")
	}
	other := debianImage("php-8.2")
	other.Debian.Packages = append(other.Debian.Packages, "more")
	if got, _, err := ensure(t, a, other); err != nil || strings.HasPrefix(got.Ref, first.Ref) {
		t.Errorf("another definition uses %+v (%v)", got, err)
	}
}

// TestImagesThatEarlierVersionsNamedAreUsed until they are refreshed.
func TestImagesThatEarlierVersionsNamedAreUsed(t *testing.T) {
	store := &memoryStore{}
	img := debianImage("php-8.2")
	ref, err := images.Reference(img)
	if err != nil {
		t.Fatal(err)
	}
	former := strings.Replace(ref, "sluice.invalid/", "sluice/", 1)
	digest, err := store.Import(t.Context(), former, platform.ImageConfig{}, strings.NewReader("former"))
	if err != nil || former == ref {
		t.Fatal(former, err)
	}
	a := images.New(store, images.Options{Command: fakeDebian(t, "printf 'with fixes'")})
	if got, _, err := ensure(t, a, img); err != nil || got != (platform.ImageRef{Ref: former, Digest: digest}) {
		t.Errorf("deployments use %+v, want %s (%v)", got, former, err)
	}
	fresh, err := a.Refresh(t.Context(), img, io.Discard)
	if err != nil || !strings.HasPrefix(fresh.Ref, ref+"-") {
		t.Errorf("refreshed %+v, %v", fresh, err)
	}
	if got, _, err := ensure(t, a, img); err != nil || got != fresh {
		t.Errorf("deployments use %+v, want %+v (%v)", got, fresh, err)
	}
}

func TestAnOldImageIsReported(t *testing.T) {
	img := debianImage("php-8.2")
	for days, want := range map[int]bool{1: false, 29: false, 40: true} {
		store := &memoryStore{created: time.Now().AddDate(0, 0, -days)}
		a := images.New(store, images.Options{Command: fakeDebian(t, "printf x")})
		if _, _, err := ensure(t, a, img); err != nil {
			t.Fatal(err)
		}
		_, log, err := ensure(t, a, img)
		if err != nil || strings.Contains(log, "sluiced images --refresh php-8.2") != want {
			t.Errorf("after %d days: %q, %v", days, log, err)
		}
	}
}

// failingRegistry is a store whose registry says no, or nothing at all.
type failingRegistry struct {
	memoryStore

	err error // nil: it never ends
}

func (r *failingRegistry) Pull(ctx context.Context, _ string, _ io.Writer) (string, error) {
	if r.err != nil {
		return "", r.err
	}
	<-ctx.Done()
	return "", ctx.Err()
}

func TestFailedPullsAreExplainedAndBounded(t *testing.T) {
	for name, tt := range map[string]struct {
		err         error
		hint, cause string
	}{
		"limit":        {errors.New("toomanyrequests: You have reached your pull rate limit"), "wait, or run docker login", "toomanyrequests"},
		"login":        {errors.New("pull access denied for acme/x"), "docker login", "denied"},
		"tag":          {errors.New("manifest for acme/x:1 not found: manifest unknown"), "no such tag", "manifest unknown"},
		"network":      {errors.New("dial tcp: lookup registry.test: no such host"), "cannot be reached", "no such host"},
		"a whole page": {errors.New("unexpected: " + strings.Repeat("<html>\n", 10_000)), "catalog file", "bytes)"},
		"no end":       {nil, "cannot be reached", "the registry took longer than 30m"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := images.New(&failingRegistry{err: tt.err}, images.Options{})
				var log bytes.Buffer
				_, err := a.Ensure(t.Context(), catalog.Image{Name: "opensearch-2", Reference: "registry.test/opensearch:2"}, &log)
				if platform.ErrorCode(err) != platform.CodeUnavailable || !strings.Contains(platform.ErrorHint(err), tt.hint) {
					t.Fatalf("error %v, hint %q", err, platform.ErrorHint(err))
				}
				said, _ := errors.AsType[*platform.Error](err)
				if cause := said.Err.Error(); !strings.Contains(cause, tt.cause) || len(cause) > 600 {
					t.Errorf("cause has %d bytes: %.200s", len(cause), cause)
				}
			})
		})
	}
}
