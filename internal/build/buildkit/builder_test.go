package buildkit_test

import (
	"context"
	"crypto/rand"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"sluice/internal/build"
	"sluice/internal/build/buildkit"
	"sluice/internal/build/buildtest"
	"sluice/internal/platform"
)

const socket = "/var/run/docker.sock"

// newBuilder returns a builder on the machine's engine. It skips the test without one, and in
// a short run.
func newBuilder(tb testing.TB) *buildkit.Builder {
	tb.Helper()
	if testing.Short() && !required() {
		tb.Skip("needs Docker")
	}
	b, err := buildkit.New(tb.Context(), buildkit.Config{Socket: socket, Images: dockerCLI{}})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := b.Close(); err != nil {
			tb.Errorf("Close: %v", err)
		}
	})
	if err := b.Ping(tb.Context()); err != nil {
		missing(tb, err.Error())
	}
	return b
}

// required reports whether tests that need Docker may not be skipped.
func required() bool {
	return strings.Contains(os.Getenv("SLUICE_REQUIRE"), "docker") //nolint:forbidigo // the test suite's own switch
}

// missing skips a test that needs the engine, or fails it where the engine is required.
func missing(tb testing.TB, why string) {
	tb.Helper()
	if required() {
		tb.Fatal(why)
	}
	tb.Skip(why)
}

// baseImage returns a runtime image that the engine has.
func baseImage(tb testing.TB) build.Image {
	tb.Helper()
	if ref := os.Getenv("SLUICE_TEST_BASE"); ref != "" { //nolint:forbidigo // the test suite's own switch
		return build.Image{Ref: ref}
	}
	out, err := exec.CommandContext(tb.Context(), "docker", "images", "--format", "{{.Repository}}:{{.Tag}}", "sluice*/php-8.2").Output()
	if err != nil {
		missing(tb, err.Error())
	}
	ref, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	if ref == "" {
		missing(tb, "no image sluice.invalid/php-8.2: set SLUICE_TEST_BASE to a Debian image")
	}
	return build.Image{Ref: ref}
}

func TestBuilderConforms(t *testing.T) {
	builder, base := newBuilder(t), baseImage(t)
	buildtest.Run(t, buildtest.Harness{
		Builder: builder,
		Base:    base,
		Inspect: inspectImage(base.Ref),
		Running: running,
		Service: func(t *testing.T) (string, string, string) {
			t.Helper()
			return startService(t, base.Ref)
		},
	})
}

// startService runs a server in a container on a network of its own.
func startService(t *testing.T, image string) (address, port, name string) {
	t.Helper()
	name = "sluice-buildtest-" + strings.ToLower(rand.Text()[:8])
	docker(t, "network", "create", name)
	t.Cleanup(func() { docker(t, "network", "rm", name) })
	docker(t, "run", "-d", "--name", name, "--network", name, image, "perl", "-MIO::Socket::INET", "-e",
		`my $s = IO::Socket::INET->new(LocalPort => 3306, Listen => 5, ReuseAddr => 1) or die; $| = 1; print "listening\n"; $s->accept while 1`)
	t.Cleanup(func() { docker(t, "rm", "-f", name) })
	for deadline := time.Now().Add(5 * time.Minute); !strings.Contains(docker(t, "logs", name), "listening"); {
		if time.Now().After(deadline) {
			t.Fatal("the server does not start")
		}
	}
	address = docker(t, "inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", name)
	// That it can be reached from its own network shows that the suite's probe would see it.
	docker(t, "run", "--rm", "--network", name, image, "perl", "-MIO::Socket::INET", "-e",
		`exit !IO::Socket::INET->new(PeerAddr => "$ARGV[0]:3306", Timeout => 5)`, name)
	return address, "3306", name
}

func docker(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(context.WithoutCancel(t.Context()), "docker", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("docker %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func TestPingSaysThatTheEngineIsAway(t *testing.T) {
	b, err := buildkit.New(t.Context(), buildkit.Config{Socket: t.TempDir() + "/none.sock", Images: dockerCLI{}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	err = b.Ping(t.Context())
	if platform.ErrorCode(err) != platform.CodeUnavailable || platform.ErrorHint(err) == "" {
		t.Errorf("Ping = %v, want an error with a hint", err)
	}
}
