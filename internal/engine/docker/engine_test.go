package docker_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"sluice/internal/engine"
	"sluice/internal/engine/docker"
	"sluice/internal/engine/enginetest"
	"sluice/internal/platform"
)

// site is one environment of its own, destroyed when the test ends.
type site struct {
	*docker.Engine
	dir  string
	spec engine.Spec
}

func newSite(tb testing.TB, env string) site {
	tb.Helper()
	dir := tb.TempDir()
	s := site{Engine: open(tb, dir), dir: dir}
	tools := enginetest.Shell()
	c := engine.Container{
		Name: "shop", Image: testImage(tb), Command: tools.Serve(8080), User: "1000:1000",
		Env:    map[string]string{"SECRET": "hunter2"},
		Mounts: []engine.Mount{{Volume: "shop", Path: "files/media", Target: "/mnt/media", UID: 1000, GID: 1000}},
		Memory: 256 << 20, CPUs: 1.5, StopTimeout: 5 * time.Second,
	}
	worker := c
	worker.Name, worker.Command = "shop--queue", tools.Idle("queue")
	s.spec = engine.Spec{
		Environment: platform.EnvironmentID(env), Release: "r1", Subnet: subnet(),
		Apps:    []engine.App{{Container: c, Port: 8080, Ready: "/", Warm: true}},
		Workers: []engine.Worker{{Container: worker, App: "shop"}},
	}
	tb.Cleanup(func() {
		if err := s.Destroy(context.WithoutCancel(tb.Context()), s.spec.Environment, "", true, nil); err != nil {
			tb.Error(err)
		}
	})
	return s
}

func (s site) run(tb testing.TB, command ...string) string {
	tb.Helper()
	var out bytes.Buffer
	code, err := s.Exec(tb.Context(), engine.ExecRequest{
		Environment: s.spec.Environment, Release: s.spec.Release, Container: "shop",
		Command: command, Stdout: &out, Stderr: &out,
	})
	if err != nil || code != 0 {
		tb.Fatalf("%q: status %d, error %v, %s", command, code, err, &out)
	}
	return out.String()
}

func TestContainersAreConfined(t *testing.T) {
	t.Parallel()
	s := newSite(t, "confined")
	if err := s.Prepare(t.Context(), s.spec, nil); err != nil {
		t.Fatal(err)
	}
	status := s.run(t, "cat", "/proc/self/status")
	for _, want := range []string{"CapPrm:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"} {
		if !strings.Contains(status, want) {
			t.Errorf("status of a process lacks %q:\n%s", want, status)
		}
	}
	if got := s.run(t, "cat", "/proc/1/cmdline"); !strings.Contains(got, "init") {
		t.Errorf("process 1 is %q, want an init that reaps", got)
	}
	for _, dir := range []string{"/tmp", "/run"} {
		s.run(t, "touch", dir+"/file")
	}
	s.run(t, "sh", "-c", "echo line >/var/log/app.log")
	log, err := os.ReadFile(filepath.Join(s.dir, "logs/confined/shop/app.log"))
	if err != nil || string(log) != "line\n" {
		t.Errorf("the log on the host is %q, error %v", log, err)
	}
}

func TestEnvironmentIsNotInTheImage(t *testing.T) {
	t.Parallel()
	s := newSite(t, "secretive")
	if err := s.Prepare(t.Context(), s.spec, nil); err != nil {
		t.Fatal(err)
	}
	cli, err := client.New()
	if err != nil {
		t.Fatal(err)
	}
	defer cli.Close() //nolint:errcheck // nothing was written
	image, err := cli.ImageInspect(t.Context(), s.spec.Apps[0].Image)
	if err != nil {
		t.Fatal(err)
	}
	if slices.Contains(image.Config.Env, "SECRET=hunter2") {
		t.Error("the image has the container's variables")
	}
}

func TestGeneratedFilesGoWithTheRelease(t *testing.T) {
	t.Parallel()
	s := newSite(t, "files")
	s.spec.Apps[0].Files = []engine.File{{Path: "/etc/generated/secret", Mode: 0o600, Content: "hunter2"}}
	if err := s.Prepare(t.Context(), s.spec, nil); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(s.dir, "run/files/r1/shop/secret")
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("got mode %v, error %v; want 0640", info, err)
	}
	if err := s.Retire(t.Context(), s.spec.Environment, "r1", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("the file is still there: %v", err)
	}
}

func TestServiceThatNeverGetsHealthy(t *testing.T) {
	t.Parallel()
	s := newSite(t, "sick")
	hasty, err := docker.New(t.Context(), docker.Options{DataDir: s.dir, Prefix: prefix, HealthTimeout: time.Nanosecond})
	if err != nil {
		t.Fatal(err)
	}
	defer hasty.Close() //nolint:errcheck // checked by open
	tools := enginetest.Shell()
	c := s.spec.Workers[0].Container
	c.Name, c.Mounts = "store", nil
	s.spec.Services = []engine.Service{{
		Container: c, Generation: "g1", Address: strings.TrimSuffix(s.spec.Subnet, "0/24") + "10",
		Health: tools.Print("still warming up", "", 1),
	}}
	err = hasty.Prepare(t.Context(), s.spec, nil)
	f, ok := errors.AsType[*engine.Failure](err)
	if !ok || f.Container != "store" || !strings.Contains(f.Message, "still warming up") {
		t.Errorf("got %v, want a failure that quotes the health command", err)
	}
}

func TestImages(t *testing.T) {
	t.Parallel()
	images := open(t, t.TempDir()).Images()
	const ref = "sluicetest/import:1"
	remove := func() {
		if err := images.Remove(context.WithoutCancel(t.Context()), ref); err != nil {
			t.Error(err)
		}
	}
	remove()
	t.Cleanup(remove)
	if _, ok, err := images.Lookup(t.Context(), ref); ok || err != nil {
		t.Fatalf("got %t, %v before the import", ok, err)
	}
	broken := errors.New("assembly failed")
	root := rootFS(t)
	_, err := images.Import(t.Context(), ref, platform.ImageConfig{},
		io.MultiReader(bytes.NewReader(root[:700]), iotest.ErrReader(broken)))
	if !errors.Is(err, broken) {
		t.Errorf("got error %v, want the reader's", err)
	}
	if _, ok, err := images.Lookup(t.Context(), ref); ok || err != nil {
		t.Errorf("after a broken import: found %t, error %v", ok, err)
	}
	config := platform.ImageConfig{
		Command: []string{"/bin/true", `a "b"`}, Env: map[string]string{"A": `x "y" $Z`}, Dir: "/srv", User: "1000:1000",
		Labels: map[string]string{"made.by": "a test"},
	}
	digest, err := images.Import(t.Context(), ref, config, bytes.NewReader(root))
	if err != nil || !strings.HasPrefix(digest, "sha256:") {
		t.Fatalf("got %q, %v", digest, err)
	}
	if again, ok, err := images.Lookup(t.Context(), ref); again != digest || !ok || err != nil {
		t.Errorf("got %q, %t, %v, want %s", again, ok, err, digest)
	}
	cli, err := client.New()
	if err != nil {
		t.Fatal(err)
	}
	defer cli.Close() //nolint:errcheck // nothing was written
	got, err := cli.ImageInspect(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	c := got.Config
	if !slices.Equal(c.Cmd, config.Command) || !slices.Contains(c.Env, `A=x "y" $Z`) || c.WorkingDir != "/srv" ||
		c.User != "1000:1000" || c.Labels["made.by"] != "a test" {
		t.Errorf("got configuration %+v, want %+v", c, config)
	}
}

func TestLimitsReachWhatRuns(t *testing.T) {
	t.Parallel()
	s := newSite(t, "limited")
	tools := enginetest.Shell()
	c := s.spec.Workers[0].Container
	c.Name, c.Mounts, c.Memory, c.CPUs, c.Command = "store", nil, 0, 0, tools.Idle("store")
	s.spec.Services = []engine.Service{{Container: c, Generation: "g1", Address: strings.TrimSuffix(s.spec.Subnet, "0/24") + "10"}}
	if err := s.Prepare(t.Context(), s.spec, nil); err != nil {
		t.Fatal(err)
	}
	set := docker.Limits{Memory: 300 << 20, CPUs: 0.5, PIDs: 77, Tmpfs: 1 << 20}
	e, err := docker.New(t.Context(), docker.Options{DataDir: s.dir, Prefix: prefix, Limits: set})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close() //nolint:errcheck // checked by open
	s.spec.Release = "r2"
	if err := e.Prepare(t.Context(), s.spec, nil); err != nil {
		t.Fatal(err)
	}
	cli, err := client.New()
	if err != nil {
		t.Fatal(err)
	}
	defer cli.Close() //nolint:errcheck // nothing was written
	got, err := cli.ContainerInspect(t.Context(), prefix+"-limited-store", client.ContainerInspectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if r := got.Container.HostConfig.Resources; r.Memory != set.Memory || r.NanoCPUs != 5e8 || *r.PidsLimit != set.PIDs {
		t.Errorf("a service that ran already has the limits %d, %d, %d", r.Memory, r.NanoCPUs, *r.PidsLimit)
	}
	if got.Container.RestartCount != 0 || !got.Container.State.Running {
		t.Errorf("it was restarted for them: %+v", got.Container.State)
	}
	out := s.run(t, "sh", "-c", "dd if=/dev/zero of=/tmp/big bs=64k count=64 2>&1; true")
	if !strings.Contains(out, "No space left") {
		t.Errorf("/tmp takes 4 MiB where 1 MiB is allowed: %s", out)
	}
}

// TestFreezeBesideHealthChecks asks for health as often as possible, and an operator runs
// commands that the engine knows nothing of, while an environment is frozen and thawed: with
// docker pause, Docker 20.10 blocks for good.
func TestFreezeBesideHealthChecks(t *testing.T) {
	t.Parallel()
	s := newSite(t, "frozen")
	tools := enginetest.Shell()
	c := s.spec.Workers[0].Container
	c.Name, c.Mounts, c.Command = "store", nil, tools.Serve(7000)
	s.spec.Services = []engine.Service{{
		Container: c, Generation: "g1", Health: tools.Dial("127.0.0.1", 7000),
		Address: strings.TrimSuffix(s.spec.Subnet, "0/24") + "10",
	}}
	if err := s.Prepare(t.Context(), s.spec, nil); err != nil {
		t.Fatal(err)
	}
	var stop atomic.Bool
	checks := make(chan error, 4)
	for range cap(checks) {
		go func() {
			var err error
			for err == nil && !stop.Load() {
				_, err = s.Observe(t.Context(), s.spec.Environment)
			}
			checks <- err
		}()
	}
	storm := make(chan error, 1)
	go func() { storm <- s.storm(t, &stop, "store") }()
	for frozen := 0; frozen < 10; frozen++ {
		err := s.Freeze(t.Context(), s.spec.Environment, time.Minute)
		if err != nil && strings.Contains(err.Error(), "could not be frozen in time") { // a busy machine: nothing is frozen then
			frozen--
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if answersHTTP(t.Context(), s.spec.Services[0].Address+":7000") {
			t.Error("a frozen service responds")
		}
		if err := s.Thaw(s.spec.Environment); err != nil {
			t.Fatal(err)
		}
	}
	stop.Store(true)
	for range cap(checks) {
		if err := <-checks; err != nil {
			t.Error(err)
		}
	}
	if err := <-storm; err != nil {
		t.Errorf("a command of an operator: %v", err)
	}
	if status, err := s.Observe(t.Context(), s.spec.Environment); err != nil || !status.Containers[0].Healthy {
		t.Errorf("got %+v, %v, want a healthy service", status, err)
	}
}

// storm runs commands in a container by Docker alone, one after the other. Those that Docker
// refuses because the container is frozen do not count; none may hang.
func (s site) storm(t *testing.T, stop *atomic.Bool, container string) error {
	t.Helper()
	cli, err := client.New()
	if err != nil {
		return err
	}
	defer cli.Close() //nolint:errcheck // nothing is left to say
	ctx, cancel := context.WithTimeoutCause(t.Context(), patience, errNoAnswer)
	defer cancel()
	name := strings.Join([]string{prefix, string(s.spec.Environment), container}, "-")
	for !stop.Load() {
		created, err := cli.ExecCreate(ctx, name, client.ExecCreateOptions{Cmd: []string{"true"}})
		if err == nil {
			_, err = cli.ExecStart(ctx, created.ID, client.ExecStartOptions{})
		}
		if ctx.Err() != nil || errdefs.IsNotFound(err) {
			return errors.Join(err, context.Cause(ctx))
		}
	}
	return nil
}

// answersHTTP reports whether a response comes within a moment.
func answersHTTP(ctx context.Context, address string) bool {
	conn, err := (&net.Dialer{Timeout: time.Minute}).DialContext(ctx, "tcp", address)
	if err != nil {
		return false
	}
	defer conn.Close() //nolint:errcheck // a test's own
	_ = conn.SetDeadline(time.Now().Add(200 * time.Millisecond))
	_, _ = io.WriteString(conn, "GET / HTTP/1.0\r\n\r\n")
	n, _ := conn.Read(make([]byte, 1))
	return n > 0
}

// rootFS returns a tar with one file.
func rootFS(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	text := strings.Repeat("text\n", 500)
	if err := w.WriteHeader(&tar.Header{Name: "file", Mode: 0o644, Size: int64(len(text))}); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// The benchmarks measure what visitors wait for during a hold.

func BenchmarkStartWarm(b *testing.B) {
	s := newSite(b, "bench-start")
	if err := s.Prepare(b.Context(), s.spec, nil); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := s.Start(b.Context(), s.spec, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkExecTrue(b *testing.B) {
	s := newSite(b, "bench-exec")
	if err := s.Prepare(b.Context(), s.spec, nil); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		s.run(b, "true")
	}
}

func BenchmarkQuiesce(b *testing.B) {
	s := newSite(b, "bench-quiesce")
	if err := s.Prepare(b.Context(), s.spec, nil); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		b.StopTimer()
		if err := s.StartBackground(b.Context(), s.spec, nil); err != nil {
			b.Fatal(err)
		}
		s.awaitWorker(b)
		b.StartTimer()
		if err := s.Quiesce(b.Context(), s.spec.Environment, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// awaitWorker waits until the worker's own process runs: before, a signal is lost on the
// init process, as in any container that has only just been started.
func (s site) awaitWorker(tb testing.TB) {
	tb.Helper()
	for {
		code, err := s.Exec(tb.Context(), engine.ExecRequest{
			Environment: s.spec.Environment, Release: s.spec.Release, Container: "shop--queue",
			Command: enginetest.Shell().Running("queue"),
		})
		if err != nil {
			tb.Fatal(err)
		}
		if code == 0 {
			return
		}
	}
}

func TestQuiescedWorkerStaysDown(t *testing.T) {
	t.Parallel()
	s := newSite(t, "quiet")
	if err := errors.Join(s.Prepare(t.Context(), s.spec, nil), s.StartBackground(t.Context(), s.spec, nil)); err != nil {
		t.Fatal(err)
	}
	s.awaitWorker(t)
	if err := s.Quiesce(t.Context(), s.spec.Environment, nil); err != nil {
		t.Fatal(err)
	}
	cli, err := client.New()
	if err != nil {
		t.Fatal(err)
	}
	defer cli.Close() //nolint:errcheck // nothing was written
	const name = prefix + "-quiet-r1-shop--queue"
	wait := cli.ContainerWait(t.Context(), name, client.ContainerWaitOptions{})
	select {
	case <-wait.Result:
	case err := <-wait.Error:
		t.Fatal(err)
	}
	got, err := cli.ContainerInspect(t.Context(), name, client.ContainerInspectOptions{})
	if err != nil || got.Container.State.Status != "exited" || got.Container.RestartCount != 0 {
		t.Errorf("got state %+v, %d restarts, error %v; want it to stay down", got.Container.State, got.Container.RestartCount, err)
	}
}
