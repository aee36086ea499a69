package docker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"time"

	"github.com/moby/moby/client"
	"golang.org/x/sync/errgroup"

	"sluice/internal/engine"
	"sluice/internal/platform"
)

// Options says which Docker is used and where data is kept.
type Options struct {
	// Host is the address of the Docker Engine API; empty means unix:///var/run/docker.sock.
	// Docker has to run on this machine: data directories are bind-mounted.
	Host string
	// DataDir is the absolute path of the directory for volumes, logs and generated files.
	DataDir string
	// Prefix begins the names of networks and containers; empty means "sluice". Two
	// installations on one Docker need different ones.
	Prefix string
	// HealthTimeout is how long a service may take to become healthy; 0 means 90 s.
	HealthTimeout time.Duration
	// Guard keeps containers and builds from private networks, see [Engine.Guard]; nil
	// lets them reach everything.
	Guard *Guard
	// Watchdog is a command that runs [Watch] with its last argument and standard input. One
	// is started for each freeze, and thaws when this process dies; empty for none.
	Watchdog []string
	// Limits are what a container gets that asks for nothing else.
	Limits Limits
	// ReadyTimeout is how long a web container may take to answer; 0 means 60 s.
	ReadyTimeout time.Duration
	// Reads reports whether a service, "mysql:10.11", can use data of another version; nil: each can.
	Reads func(service, data string) bool
}

const (
	defaultHost          = "unix:///var/run/docker.sock"
	defaultPrefix        = "sluice"
	defaultHealthTimeout = 90 * time.Second
	defaultReadyTimeout  = 60 * time.Second
)

// Engine runs environments on Docker. It is safe for concurrent use as the port says.
type Engine struct {
	cli           *client.Client
	names         naming
	data          *dataDir
	limits        Limits
	firewall      *firewall       // nil for none
	calls         *http.Transport // to Docker
	probe         *http.Transport // for ready paths
	endings       endings
	starts        starts
	watchdog      []string // command; empty for none
	healthTimeout time.Duration
	readyTimeout  time.Duration
	reads         func(service, data string) bool
}

var _ engine.Engine = (*Engine)(nil)

// New connects to Docker. When it does not answer the error is a *platform.Error with
// code platform.CodeUnavailable. The caller closes the engine.
func New(ctx context.Context, opts Options) (*Engine, error) {
	host := cmp.Or(opts.Host, defaultHost)
	cli, calls, err := newClient(host)
	if err != nil {
		return nil, fmt.Errorf("docker client: %w", err)
	}
	if _, err := cli.Ping(ctx, client.PingOptions{NegotiateAPIVersion: true}); err != nil {
		_ = cli.Close()
		return nil, &platform.Error{
			Code:    platform.CodeUnavailable,
			Message: "no Docker engine answers at " + host,
			Hint:    "start it with: systemctl start docker",
			Err:     err,
		}
	}
	data, err := openDataDir(opts.DataDir)
	if err != nil {
		_ = cli.Close()
		return nil, err
	}
	e := &Engine{
		cli:           cli,
		names:         newNaming(cmp.Or(opts.Prefix, defaultPrefix), data.path),
		data:          data,
		limits:        opts.Limits.or(DefaultLimits()),
		watchdog:      opts.Watchdog,
		calls:         calls,
		probe:         &http.Transport{DisableKeepAlives: true},
		healthTimeout: cmp.Or(opts.HealthTimeout, defaultHealthTimeout),
		readyTimeout:  cmp.Or(opts.ReadyTimeout, defaultReadyTimeout),
		reads:         opts.Reads,
	}
	if opts.Guard != nil {
		e.firewall = &firewall{instance: e.names.instance, Guard: *opts.Guard, run: runTool}
	}
	if err := e.thawAll(); err != nil {
		return nil, errors.Join(fmt.Errorf("thaw what was left frozen: %w", err), e.Close())
	}
	return e, nil
}

// Close lets go of the connections to Docker and of the data directory. Containers go on.
func (e *Engine) Close() error {
	_ = e.data.root.Close()
	e.calls.CloseIdleConnections()
	return e.cli.Close()
}

// Capabilities says that environments have the subnets that they are given.
func (e *Engine) Capabilities() engine.Capabilities {
	return engine.Capabilities{Name: "docker", Resize: true, Subnets: true}
}

// Prepare makes what a release needs while another serves. It waits until warm web
// containers answer, so that Start finds them ready.
func (e *Engine) Prepare(ctx context.Context, spec engine.Spec, log io.Writer) error {
	return e.converge(ctx, spec, log, planner.prepare)
}

// Start switches services and web containers to the specification.
func (e *Engine) Start(ctx context.Context, spec engine.Spec, log io.Writer) ([]engine.Endpoint, error) {
	if err := e.converge(ctx, spec, log, planner.start); err != nil {
		return nil, err
	}
	have, err := e.listContainers(ctx, spec.Environment)
	if err != nil {
		return nil, ended(ctx, err)
	}
	var out []engine.Endpoint
	for _, app := range spec.Apps {
		f, _ := observed{containers: have}.find(spec.Release, app.Name)
		out = append(out, engine.Endpoint{App: app.Name, Address: hostPort(f.address, app.Port)})
	}
	return out, nil
}

// StartBackground starts the workers of the release.
func (e *Engine) StartBackground(ctx context.Context, spec engine.Spec, log io.Writer) error {
	return e.converge(ctx, spec, log, planner.background)
}

// converge observes, plans towards a specification and executes.
func (e *Engine) converge(
	ctx context.Context, spec engine.Spec, log io.Writer, decide func(planner, desired) (plan, error),
) error {
	want, err := newDesired(e.names, spec)
	if err != nil {
		return err
	}
	if err := e.data.readable(spec.Environment, want.services, e.reads); err != nil {
		return err
	}
	have, err := e.observe(ctx, spec.Environment)
	if err != nil {
		return ended(ctx, err)
	}
	if err := e.data.owned(spec.Environment, spec.Project, have, true); err != nil {
		return err
	}
	have.missing, err = e.missingImages(ctx, imagesToMake(want, have))
	if err != nil {
		return ended(ctx, err)
	}
	p, err := decide(planner{names: e.names, env: spec.Environment, have: have, limits: e.limits}, want)
	if err != nil {
		return err
	}
	x := executor{
		Engine: e, env: spec.Environment, project: spec.Project, subnet: want.subnet, isolated: want.isolated, claims: want.claims, have: have.containers, log: newLines(log),
	}
	return ended(ctx, x.run(ctx, p))
}

// imagesToMake lists the images of containers that do not exist yet or will be replaced:
// only those can be missing from the store.
func imagesToMake(want desired, have observed) []string {
	var refs []string
	for _, w := range want.all() {
		if f, ok := have.find(w.release, w.Name); !ok || f.generation != w.generation {
			refs = append(refs, w.Image)
		}
	}
	return refs
}

// Quiesce stops the workers of every release.
func (e *Engine) Quiesce(ctx context.Context, env platform.EnvironmentID, log io.Writer) error {
	return e.remove(ctx, env, "", log, planner.quiesce)
}

// Retire removes the containers and the generated files of one release.
func (e *Engine) Retire(ctx context.Context, env platform.EnvironmentID, release string, log io.Writer) error {
	if !nameRule.MatchString(release) {
		return fmt.Errorf("%q is not a valid name for a release", release)
	}
	return e.remove(ctx, env, "", log, func(p planner) plan { return p.retire(release) })
}

// Destroy removes everything of a project's environment.
func (e *Engine) Destroy(ctx context.Context, env platform.EnvironmentID, project string, data bool, log io.Writer) error {
	return e.remove(ctx, env, project, log, func(p planner) plan { return p.destroy(data) })
}

// remove observes, plans and executes what needs no specification.
func (e *Engine) remove(
	ctx context.Context, env platform.EnvironmentID, project string, log io.Writer, decide func(planner) plan,
) error {
	if !nameRule.MatchString(string(env)) {
		return fmt.Errorf("%q is not a valid name for an environment", env)
	}
	have, err := e.observe(ctx, env)
	if err != nil {
		return ended(ctx, err)
	}
	if err := e.data.owned(env, project, have, false); err != nil {
		return err
	}
	p := decide(planner{names: e.names, env: env, have: have})
	return ended(ctx, executor{Engine: e, env: env, log: newLines(log)}.run(ctx, p))
}

// Environments lists the environments that have a container, a network or data.
func (e *Engine) Environments(ctx context.Context) ([]platform.EnvironmentID, error) {
	var labels []map[string]string
	containers, err := e.cli.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: e.filters("")})
	if err != nil {
		return nil, ended(ctx, fmt.Errorf("list containers: %w", err))
	}
	for _, c := range containers.Items {
		labels = append(labels, c.Labels)
	}
	networks, err := e.cli.NetworkList(ctx, client.NetworkListOptions{Filters: e.filters("")})
	if err != nil {
		return nil, ended(ctx, fmt.Errorf("list networks: %w", err))
	}
	for _, n := range networks.Items {
		labels = append(labels, n.Labels)
	}
	out, err := e.data.environments()
	if err != nil {
		return nil, err
	}
	for _, l := range labels {
		out = append(out, platform.EnvironmentID(l[labelEnvironment]))
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// Disk reports the scarcer of two file systems: that of the data directory and that of
// Docker's images.
func (e *Engine) Disk(ctx context.Context) (engine.Disk, error) {
	data, err := room(e.data.path)
	if volumes, missing := room(filepath.Join(e.data.path, volumesDir)); missing == nil && volumes.FreeBytes < data.FreeBytes {
		data = volumes // which may lie in a pool
	}
	if err != nil {
		return engine.Disk{}, err
	}
	info, err := e.cli.Info(ctx, client.InfoOptions{})
	if err != nil {
		return engine.Disk{}, ended(ctx, fmt.Errorf("docker info: %w", err))
	}
	images, err := room(info.Info.DockerRootDir)
	if err != nil || data.FreeBytes <= images.FreeBytes {
		return data, nil //nolint:nilerr // Docker's directory may be invisible from here; the volumes' room is known
	}
	return images, nil
}

// Observe reports what exists. It asks every running service by its health command and
// every web container for its ready path, for at most observeTimeout.
func (e *Engine) Observe(ctx context.Context, env platform.EnvironmentID) (engine.Status, error) {
	have, err := e.observe(ctx, env)
	if err != nil {
		return engine.Status{}, ended(ctx, err)
	}
	status := engine.Status{Network: have.network, Containers: make([]engine.ContainerStatus, len(have.containers))}
	group, gctx := errgroup.WithContext(ctx)
	for i, f := range have.containers {
		group.Go(func() (err error) {
			status.Containers[i], err = e.status(gctx, f)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return engine.Status{}, ended(ctx, err)
	}
	return status, nil
}

// ended returns the cause of ctx's end in place of an error that came after it.
func ended(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return cause
	}
	return err
}
