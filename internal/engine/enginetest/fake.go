package enginetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"sluice/internal/engine"
	"sluice/internal/platform"
)

// Fake is an engine.Engine in memory, for tests of the pipeline. It keeps environments,
// containers and the files in volumes, and records the calls.
//
// Commands are those of Scripted; any other command does nothing and exits 0, in a
// container it runs until it is stopped. OnExec replaces that for Exec.
type Fake struct {
	world  *world
	mu     sync.Mutex
	calls  []Call
	before map[string]Hook
	after  map[string]Hook
	onExec func(ctx context.Context, req engine.ExecRequest) (exitCode int, err error)
}

var (
	_ engine.Engine  = (*Fake)(nil)
	_ engine.Freezer = (*Fake)(nil)
)

// Call is one call of a method of the port.
type Call struct {
	Method      string // "Prepare"
	Environment platform.EnvironmentID
	Release     string // of Prepare, Start, StartBackground, Exec, Retire and Logs
	Container   string // of Exec and Logs
	Command     []string
	Data        bool // of Destroy
}

// String returns the call as one line: "Start r2", "Exec r2 shop: sh -c true".
func (c Call) String() string {
	words := slices.DeleteFunc([]string{c.Method, c.Release, c.Container}, func(w string) bool { return w == "" })
	s := strings.Join(words, " ")
	if len(c.Command) > 0 {
		s += ": " + strings.Join(c.Command, " ")
	}
	return s
}

// Hook sees a call. It may wait, for instance until ctx ends; its error becomes the call's.
type Hook func(ctx context.Context, c Call) error

// NewFake returns an engine without environments.
func NewFake() *Fake {
	return &Fake{
		world:  &world{envs: map[platform.EnvironmentID]*fakeEnv{}, missing: map[string]bool{}},
		before: map[string]Hook{},
		after:  map[string]Hook{},
	}
}

// Reopen returns another engine over the same state, without calls and hooks: what a
// control plane finds that starts again.
func (f *Fake) Reopen() *Fake {
	again := NewFake()
	again.world = f.world
	f.world.mu.Lock()
	defer f.world.mu.Unlock()
	for _, e := range f.world.envs {
		e.thaw()
	}
	return again
}

// Before makes hook run when a method is called; with an error nothing is done. A nil
// hook removes it.
func (f *Fake) Before(method string, hook Hook) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.before[method] = hook
}

// After makes hook run when a method has done its work, so that the work is done although
// the call fails. A nil hook removes it.
func (f *Fake) After(method string, hook Hook) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.after[method] = hook
}

// Fail returns a hook that always fails.
func Fail(err error) Hook {
	return func(context.Context, Call) error { return err }
}

// OnExec makes run answer Exec in running containers; nil restores the scripted commands.
func (f *Fake) OnExec(run func(ctx context.Context, req engine.ExecRequest) (exitCode int, err error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.onExec = run
}

// RemoveImage makes containers of this image impossible.
func (f *Fake) RemoveImage(ref string) {
	f.world.mu.Lock()
	defer f.world.mu.Unlock()
	f.world.missing[ref] = true
}

// Calls returns the calls so far, in the order in which they began.
func (f *Fake) Calls() []Call {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

// Isolated reports whether an environment has no way out of its own network.
func (f *Fake) Isolated(env platform.EnvironmentID) bool {
	f.world.mu.Lock()
	defer f.world.mu.Unlock()
	e := f.world.envs[env]
	return e != nil && e.isolated
}

// Answers reports whether a running web container answers at an address.
func (f *Fake) Answers(address string) bool {
	f.world.mu.Lock()
	defer f.world.mu.Unlock()
	for _, e := range f.world.envs {
		for _, c := range e.containers {
			if c.running && c.endpoint() == address {
				return true
			}
		}
	}
	return false
}

// do records a call and runs it between its hooks. work holds the world's lock.
func (f *Fake) do(ctx context.Context, c Call, work func() error) error {
	f.mu.Lock()
	f.calls = append(f.calls, c)
	before, after := f.before[c.Method], f.after[c.Method]
	f.mu.Unlock()
	if before != nil {
		if err := before(ctx, c); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := work(); err != nil {
		return err
	}
	if after != nil {
		return after(ctx, c)
	}
	return nil
}

// locked returns work that runs under the world's lock.
func (f *Fake) locked(work func(*world) error) func() error {
	return func() error {
		f.world.mu.Lock()
		defer f.world.mu.Unlock()
		return work(f.world)
	}
}

// Capabilities implements engine.Engine.
func (f *Fake) Capabilities() engine.Capabilities {
	return engine.Capabilities{Name: "fake", Resize: true, Subnets: true}
}

// Prepare implements engine.Engine.
func (f *Fake) Prepare(ctx context.Context, spec engine.Spec, log io.Writer) error {
	return f.do(ctx, of("Prepare", spec), f.locked(func(w *world) error { return w.prepare(spec, log) }))
}

// Start implements engine.Engine.
func (f *Fake) Start(ctx context.Context, spec engine.Spec, log io.Writer) ([]engine.Endpoint, error) {
	var ends []engine.Endpoint
	err := f.do(ctx, of("Start", spec), f.locked(func(w *world) (err error) {
		ends, err = w.start(spec, log)
		return err
	}))
	if err != nil {
		return nil, err
	}
	return ends, nil
}

// StartBackground implements engine.Engine.
func (f *Fake) StartBackground(ctx context.Context, spec engine.Spec, log io.Writer) error {
	return f.do(ctx, of("StartBackground", spec), f.locked(func(w *world) error {
		return w.background(spec, log)
	}))
}

// Quiesce implements engine.Engine.
func (f *Fake) Quiesce(ctx context.Context, env platform.EnvironmentID, log io.Writer) error {
	return f.do(ctx, Call{Method: "Quiesce", Environment: env}, f.locked(func(w *world) error {
		for _, c := range w.list(env) {
			if c.kind == engine.KindWorker {
				c.stop(log)
			}
		}
		return nil
	}))
}

// Retire implements engine.Engine.
func (f *Fake) Retire(ctx context.Context, env platform.EnvironmentID, release string, log io.Writer) error {
	c := Call{Method: "Retire", Environment: env, Release: release}
	return f.do(ctx, c, f.locked(func(w *world) error {
		for _, c := range w.list(env) {
			if c.kind != engine.KindService && c.release == release {
				c.stop(log)
				delete(w.envs[env].containers, c.key())
			}
		}
		return nil
	}))
}

// Destroy implements engine.Engine.
func (f *Fake) Destroy(ctx context.Context, env platform.EnvironmentID, project string, data bool, log io.Writer) error {
	c := Call{Method: "Destroy", Environment: env, Data: data}
	return f.do(ctx, c, f.locked(func(w *world) error {
		if err := w.envs[env].owned(env, project); err != nil {
			return err
		}
		for _, c := range w.list(env) {
			c.stop(log)
		}
		if e := w.envs[env]; e != nil {
			e.network = false
			clear(e.containers)
		}
		if data {
			delete(w.envs, env)
		}
		return nil
	}))
}

// Exec implements engine.Engine. A command that Before refuses has not begun.
func (f *Fake) Exec(ctx context.Context, req engine.ExecRequest) (int, error) {
	code := -1
	c := Call{
		Method: "Exec", Environment: req.Environment, Release: req.Release, Container: req.Container, Command: req.Command,
	}
	err := f.do(ctx, c, func() (err error) {
		f.mu.Lock()
		custom := f.onExec
		f.mu.Unlock()
		target, err := f.world.running(req)
		if err == nil {
			err = f.world.unfrozen(ctx, target)
		}
		switch {
		case err != nil:
			return err
		case custom != nil:
			code, err = custom(ctx, req)
		default:
			code, err = f.world.exec(ctx, target, req)
		}
		return err
	})
	return code, err
}

// Observe implements engine.Engine.
func (f *Fake) Observe(ctx context.Context, env platform.EnvironmentID) (engine.Status, error) {
	var status engine.Status
	err := f.do(ctx, Call{Method: "Observe", Environment: env}, f.locked(func(w *world) error {
		if e := w.envs[env]; e != nil {
			status.Network = e.network
		}
		for _, c := range w.list(env) {
			status.Containers = append(status.Containers, c.status())
		}
		return nil
	}))
	return status, err
}

// Environments implements engine.Engine.
func (f *Fake) Environments(ctx context.Context) ([]platform.EnvironmentID, error) {
	var out []platform.EnvironmentID
	err := f.do(ctx, Call{Method: "Environments"}, f.locked(func(w *world) error {
		for id := range w.envs {
			out = append(out, id)
		}
		slices.Sort(out)
		return nil
	}))
	return out, err
}

// Disk implements engine.Engine: half of a terabyte is free. Before("Disk", ...) fails it.
func (f *Fake) Disk(ctx context.Context) (engine.Disk, error) {
	return engine.Disk{FreeBytes: 1 << 39, TotalBytes: 1 << 40, FreeInodes: 1 << 23, TotalInodes: 1 << 24},
		f.do(ctx, Call{Method: "Disk"}, func() error { return nil })
}

// Logs implements engine.Engine.
func (f *Fake) Logs(
	ctx context.Context, env platform.EnvironmentID, release, container string, count int, to io.Writer,
) error {
	c := Call{Method: "Logs", Environment: env, Release: release, Container: container}
	return f.do(ctx, c, f.locked(func(w *world) error {
		target := w.find(env, release, container)
		if target == nil {
			return fmt.Errorf("logs of %s: %w", container, engine.ErrNotFound)
		}
		printed := target.log
		if count > 0 {
			printed = printed[max(0, len(printed)-count):]
		}
		for _, line := range printed {
			if _, err := fmt.Fprintln(to, line); err != nil {
				return err
			}
		}
		return nil
	}))
}

func of(method string, spec engine.Spec) Call {
	return Call{Method: method, Environment: spec.Environment, Release: spec.Release}
}

// world is what outlives a control plane: environments and their containers.
type world struct {
	mu      sync.Mutex
	envs    map[platform.EnvironmentID]*fakeEnv
	missing map[string]bool // images that cannot be had
	// programs are what KeepProgram stored, by source; made counts them.
	programs map[string]string
	made     int
}

type fakeEnv struct {
	world      *world
	project    string
	network    bool
	isolated   bool
	subnet     string
	made       int // containers so far, for their addresses
	containers map[string]*fakeContainer
	frozen     chan struct{}     // closed by the thaw; nil when services run
	data       map[string]string // files in volumes
}

// prefix begins the environment's addresses.
func (e *fakeEnv) prefix() string {
	return strings.TrimSuffix(cmp.Or(e.subnet, "10.99.0.0/24"), "0/24")
}

// owned refuses another project's environment.
func (e *fakeEnv) owned(env platform.EnvironmentID, project string) error {
	if e == nil || project == "" || e.project == "" || e.project == project {
		return nil
	}
	return platform.Errorf(platform.CodeConflict, "environment %s exists in project %q", env, e.project)
}

// find returns a container, nil when there is none.
func (w *world) find(env platform.EnvironmentID, release, name string) *fakeContainer {
	if e := w.envs[env]; e != nil {
		return e.containers[release+"/"+name]
	}
	return nil
}

// running returns the container that a request names.
func (w *world) running(req engine.ExecRequest) (*fakeContainer, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.find(req.Environment, req.Release, req.Container)
	if c == nil || !c.running {
		return nil, fmt.Errorf("exec in %s: %w", req.Container, engine.ErrNotFound)
	}
	return c, nil
}

// list returns the containers of an environment in the order of engine.Status.
func (w *world) list(env platform.EnvironmentID) []*fakeContainer {
	e := w.envs[env]
	if e == nil {
		return nil
	}
	var out []*fakeContainer
	for _, c := range e.containers {
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b *fakeContainer) int {
		return cmp.Or(cmp.Compare(a.rank(), b.rank()), cmp.Compare(a.Name, b.Name), cmp.Compare(a.release, b.release))
	})
	return out
}

// fakeContainer is one container of a world.
type fakeContainer struct {
	engine.Container
	env        *fakeEnv
	kind       engine.Kind
	release    string
	generation string
	address    string
	port       int // of a web container
	running    bool
	exitCode   int
	started    time.Time
	log        []string
	scratch    map[string]string // files in memory file systems
	marks      map[string]int    // commands that run, by mark
}

func (c *fakeContainer) key() string { return c.release + "/" + c.Name }

func (c *fakeContainer) rank() int {
	if c.kind == engine.KindService {
		return 0
	}
	return 1
}

// endpoint returns where a web container answers; empty for others.
func (c *fakeContainer) endpoint() string {
	if c.port == 0 {
		return ""
	}
	return fmt.Sprintf("%s:%d", c.address, c.port)
}

// stop ends the container's process.
func (c *fakeContainer) stop(log io.Writer) {
	if c.running {
		say(log, "stop "+c.Name)
	}
	c.running = false
	c.scratch = map[string]string{}
}

func (c *fakeContainer) status() engine.ContainerStatus {
	s := engine.ContainerStatus{
		Name: c.Name, Kind: c.kind, Release: c.release, Image: c.Image,
		Running: c.running, Healthy: c.running, ExitCode: c.exitCode, Started: c.started,
	}
	if c.running {
		s.Address = c.endpoint()
	}
	return s
}

// say writes a line to a log, which may be nil.
func say(log io.Writer, line string) {
	if log != nil {
		_, _ = fmt.Fprintln(log, line)
	}
}

var errNoImage = errors.New("is not in the store")
