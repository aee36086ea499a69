package docker_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"sluice/internal/engine"
	"sluice/internal/engine/docker"
	"sluice/internal/engine/enginetest"
)

func TestConformance(t *testing.T) {
	enginetest.Run(t, func(t *testing.T) enginetest.Harness { //nolint:thelper // it is the harness, not a check
		dir := t.TempDir()
		return enginetest.Harness{
			Engine: guarded(t, dir),
			Reopen: func(t *testing.T) engine.Engine { t.Helper(); return guarded(t, dir) },
			Image:  testImage(t),
			Tools:  enginetest.Shell(),
			Subnet: subnet,
			Get:    get,
		}
	})
}

// prefix begins the names of everything that these tests make in Docker.
const prefix = "sluicetest"

// patience is for a machine that has other things to do: nothing fails for being slow.
const patience = 5 * time.Minute

// required reports whether tests that need Docker may not be skipped.
func required() bool {
	return strings.Contains(os.Getenv("SLUICE_REQUIRE"), "docker") //nolint:forbidigo // says what may not be skipped
}

// open returns an engine over dir, or skips the test in a short run and when Docker does not
// respond.
func open(tb testing.TB, dir string) *docker.Engine {
	tb.Helper()
	return openWith(tb, dir, nil)
}

// guarded is open for an engine with the rules that an installation has by default. Without
// them Docker lets environments reach each other while it makes a network.
func guarded(tb testing.TB, dir string) *docker.Engine {
	tb.Helper()
	e := openWith(tb, dir, &docker.Guard{})
	tb.Cleanup(func() { e.Unguard(context.WithoutCancel(tb.Context())) })
	return e
}

func openWith(tb testing.TB, dir string, guard *docker.Guard) *docker.Engine {
	tb.Helper()
	if testing.Short() && !required() {
		tb.Skip("needs Docker")
	}
	e, err := docker.New(tb.Context(), docker.Options{DataDir: dir, Prefix: prefix, HealthTimeout: patience, ReadyTimeout: patience, Guard: guard})
	if err != nil {
		if required() {
			tb.Fatal(err)
		}
		tb.Skipf("no Docker: %v", err)
	}
	tb.Cleanup(func() {
		if err := e.Close(); err != nil {
			tb.Error(err)
		}
	})
	return e
}

// testImage returns an image with a shell and Perl: SLUICE_TEST_IMAGE, or any that was
// assembled here, all of which are made of Debian.
func testImage(tb testing.TB) string {
	tb.Helper()
	if ref := os.Getenv("SLUICE_TEST_IMAGE"); ref != "" { //nolint:forbidigo // the image is the machine's, not the test's
		return ref
	}
	cli, err := client.New()
	if err != nil {
		tb.Fatal(err)
	}
	defer cli.Close() //nolint:errcheck // nothing was written
	list, err := cli.ImageList(tb.Context(), client.ImageListOptions{Filters: client.Filters{}.Add("reference", "sluice*/*")})
	if err != nil {
		tb.Fatal(err)
	}
	for _, image := range list.Items {
		for _, tag := range image.RepoTags {
			return tag
		}
	}
	if required() {
		tb.Fatal("Docker has no image sluice.invalid/*; set SLUICE_TEST_IMAGE")
	}
	tb.Skip("Docker has no image sluice.invalid/*; set SLUICE_TEST_IMAGE")
	return ""
}

var subnets atomic.Int32

// subnet returns another /24 on each call, from a range that is used for nothing else.
func subnet() string { return fmt.Sprintf("10.213.%d.0/24", subnets.Add(1)+100) }

var errNoAnswer = errors.New("no answer")

// get requests a page from this machine.
func get(address, path string) int {
	ctx, cancel := context.WithTimeoutCause(context.Background(), 5*time.Second, errNoAnswer)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, http.NoBody)
	if err != nil {
		return 0
	}
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		return 0
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}
