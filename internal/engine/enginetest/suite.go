package enginetest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	"sluice/internal/engine"
	"sluice/internal/platform"
)

// Harness is one implementation under test.
type Harness struct {
	Engine engine.Engine
	// Reopen returns another engine over the same state, as after a crash of the control plane.
	Reopen func(t *testing.T) engine.Engine
	// Image is an image in the engine's store in which Tools work.
	Image string
	Tools Tools
	// Subnet returns a /24 that nothing uses, another one on each call.
	Subnet func() string
	// Get requests http://address/path and returns the status; 0 when there is no answer.
	Get func(address, path string) int
}

// Run checks everything that the port promises. open is called once.
func Run(t *testing.T, open func(t *testing.T) Harness) {
	t.Helper()
	h := open(t)
	for _, test := range []struct {
		name string
		run  func(*env)
	}{
		{"Prepare makes what a release needs and can run twice", testPrepare},
		{"Prepare leaves the release that serves alone", testPrepareBeside},
		{"Prepare only creates a cold web container", testPrepareCold},
		{"Prepare of a service that crashes is a Failure with its last words", testFailingService},
		{"Prepare runs the setup of services each time", testSetup},
		{"Prepare reports an image that does not exist", testMissingImage},
		{"Prepare ends with the cause of its context", testCancelledPrepare},
		{"Start returns where web containers answer and can run twice", testStart},
		{"Start of a web container that exits is a Failure with its last words", testFailingWeb},
		{"Start runs post_start and fails with it", testPostStart},
		{"Start replaces changed services and keeps their data", testChangedService},
		{"Start stops services that are no longer named and keeps their data", testRemovedService},
		{"Workers start, stop on Quiesce and start again", testWorkers},
		{"Quiesce kills a worker that ignores SIGTERM", testStubbornWorker},
		{"Mounts keep data over releases", testMounts},
		{"The root file system is read-only", testReadOnly},
		{"Files are readable and cannot be changed", testFiles},
		{"Programs of the platform are readable and cannot be changed", testPrograms},
		{"Links resolve inside an environment", testLinks},
		{"Links and the router are found without a subnet too", testWithoutSubnet},
		{"Environments do not reach each other", testIsolation},
		{"Exec passes streams, environment, user and status", testExec},
		{"Exec on a terminal has one stream", testExecTTY},
		{"Exec on a terminal follows its size", testExecSizes},
		{"Exec passes signals on", testExecSignals},
		{"Exec of nothing is ErrNotFound", testExecNotFound},
		{"Exec ends the process group with its context", testExecCancel},
		{"Exec does not wait for what a command leaves behind", testExecLeftBehind},
		{"Retire removes one release and can run twice", testRetire},
		{"Destroy keeps data unless told", testDestroyKeepsData},
		{"Destroy with data leaves nothing and can run twice", testDestroy},
		{"What another project has is neither used nor destroyed", testOtherProject},
		{"Environments finds what a crash left", testEnvironments},
		{"Freeze holds an environment still until Thaw", testFreeze},
		{"Freeze and Thaw may be called side by side", testFreezeSideBySide},
		{"Freeze ends when its time is up and when another engine begins", testFreezeEnds},
		{"Logs writes the last lines", testLogs},
		{"Disk reports room", testDisk},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(newEnv(t, h))
		})
	}
}

// limit ends a test of an engine that hangs: it is far more than any needs on a machine
// with many times as much to do as it can.
const limit = 10 * time.Minute

var errLimit = errors.New("the test took too long")

// The user of the suite's containers and the ports that they serve on.
const (
	user        = "1000:1000"
	webPort     = 8080
	servicePort = 7000
)

// env is one environment under test, destroyed when the test ends.
type env struct {
	*testing.T
	Harness
	id     platform.EnvironmentID
	subnet string
	log    bytes.Buffer // what the engine said, shown when the test fails
}

func newEnv(t *testing.T, h Harness) *env {
	t.Helper()
	e := &env{
		T:       t,
		Harness: h,
		id:      platform.EnvironmentID("suite-" + strings.ToLower(rand.Text()[:10])),
		subnet:  h.Subnet(),
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(t.Context()), limit, errLimit)
		defer cancel()
		if err := h.Engine.Destroy(ctx, e.id, "", true, nil); err != nil {
			t.Errorf("clean up %s: %v", e.id, err)
		}
		if t.Failed() {
			t.Logf("the engine said:\n%s", e.log.String())
		}
	})
	return e
}

// spec returns a specification with one service, one warm app and one worker.
func (e *env) spec(release string) engine.Spec {
	return engine.Spec{
		Environment: e.id,
		Project:     "shop",
		Release:     release,
		Subnet:      e.subnet,
		Services:    []engine.Service{e.service("store")},
		Apps: []engine.App{{
			Container: e.container("shop", e.Tools.Serve(webPort)),
			Port:      webPort,
			Ready:     "/ready",
			Warm:      true,
		}},
		Workers: []engine.Worker{{
			Container: e.container("shop--queue", e.Tools.Idle("queue-mark")),
			App:       "shop",
		}},
	}
}

func (e *env) container(name string, command []string) engine.Container {
	return engine.Container{
		Name:        name,
		Image:       e.Image,
		Command:     command,
		User:        user,
		Dir:         "/tmp",
		Env:         map[string]string{"COLOR": "blue"},
		Mounts:      []engine.Mount{{Volume: "shop", Path: "files/media", Target: "/mnt/media", UID: 1000, GID: 1000}},
		Tmpfs:       []string{"/mnt/scratch"},
		StopTimeout: time.Second,
	}
}

func (e *env) service(name string) engine.Service {
	c := e.container(name, e.Tools.Serve(servicePort))
	c.Mounts = []engine.Mount{{Volume: name, Target: "/mnt/data", UID: 1000, GID: 1000}}
	return engine.Service{
		Container:  c,
		Address:    strings.TrimSuffix(e.subnet, "0/24") + "10",
		Health:     e.Tools.Dial("127.0.0.1", servicePort),
		Version:    "store:1",
		Generation: "g1",
	}
}

func (e *env) prepare(spec engine.Spec) {
	e.Helper()
	if err := e.Engine.Prepare(e.context(), spec, &e.log); err != nil {
		e.Fatalf("Prepare %s: %v", spec.Release, err)
	}
}

func (e *env) start(spec engine.Spec) []engine.Endpoint {
	e.Helper()
	ends, err := e.Engine.Start(e.context(), spec, &e.log)
	if err != nil {
		e.Fatalf("Start %s: %v", spec.Release, err)
	}
	return ends
}

// live brings a release up as a deployment does.
func (e *env) live(spec engine.Spec) {
	e.Helper()
	e.prepare(spec)
	e.start(spec)
	if err := e.Engine.StartBackground(e.context(), spec, &e.log); err != nil {
		e.Fatalf("StartBackground %s: %v", spec.Release, err)
	}
}

// context ends with the test, and before a hanging engine hangs the suite.
func (e *env) context() context.Context {
	e.Helper()
	ctx, cancel := context.WithTimeoutCause(e.Context(), limit, errLimit)
	e.Cleanup(cancel)
	return ctx
}

// run executes a command and returns what it printed to both streams.
func (e *env) run(release, container string, command []string) (output string, code int) {
	e.Helper()
	var out bytes.Buffer
	code, err := e.Engine.Exec(e.context(), engine.ExecRequest{
		Environment: e.id, Release: release, Container: container, Command: command, Stdout: &out, Stderr: &out,
	})
	if err != nil {
		e.Fatalf("Exec %q in %s: %v", command, container, err)
	}
	return out.String(), code
}

// must executes a command that has to succeed and returns what it printed.
func (e *env) must(release, container string, command []string) string {
	e.Helper()
	out, code := e.run(release, container, command)
	if code != 0 {
		e.Fatalf("%q in %s exited with status %d: %s", command, container, code, out)
	}
	return out
}

// observe returns the containers by "release/name"; services by "/name".
func (e *env) observe() map[string]engine.ContainerStatus {
	e.Helper()
	status, err := e.Engine.Observe(e.context(), e.id)
	if err != nil {
		e.Fatalf("Observe: %v", err)
	}
	out := map[string]engine.ContainerStatus{}
	for _, c := range status.Containers {
		out[c.Release+"/"+c.Name] = c
	}
	return out
}

// wantFailure asserts that err is a Failure of the container with a line in its tail.
func (e *env) wantFailure(err error, container, line string) {
	e.Helper()
	f, ok := errors.AsType[*engine.Failure](err)
	if !ok {
		e.Fatalf("got error %v, want a *engine.Failure", err)
	}
	if f.Container != container || f.Message == "" {
		e.Errorf("got failure of %q saying %q, want one of %q", f.Container, f.Message, container)
	}
	if !strings.Contains(strings.Join(f.Tail, "\n"), line) || len(f.Tail) > 20 {
		e.Errorf("got tail %q, want at most 20 lines, among them %q", f.Tail, line)
	}
}
