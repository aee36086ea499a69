// Package engine is the port through which the pipeline runs containers: the Engine
// interface, the specification of an environment that an engine converges to, and what
// it reports back.
//
// It may import the nouns; it does no I/O. Implementations are subpackages
// (engine/docker), and engine/enginetest holds the fake and the one conformance suite
// that all of them pass.
package engine

import (
	"context"
	"errors"
	"io"
	"time"

	"sluice/internal/platform"
)

// Engine runs the containers of environments. Every method can run twice with the same
// arguments: it converges, and does nothing where nothing is left to do. Methods are safe
// for concurrent use on different environments; the caller runs one at a time per
// environment, Exec, Observe and Logs excepted.
//
// Progress for people goes to log, a line per event. When ctx ends, a method stops soon
// and returns the cause.
type Engine interface {
	// Capabilities says how this engine differs from others.
	Capabilities() Capabilities

	// Prepare makes everything that a release needs while the old one serves: the network,
	// volumes and their directories, missing images, services that do not exist yet
	// (started and healthy), and the release's web containers, started and answering where
	// App.Warm is set and only created otherwise. Services whose definition changed are
	// left as they are: Start replaces them. A service that does not become healthy is a
	// *Failure.
	Prepare(ctx context.Context, spec Spec, log io.Writer) error

	// Quiesce stops the workers of every release of the environment and waits for them:
	// SIGTERM, and SIGKILL after Container.StopTimeout.
	Quiesce(ctx context.Context, env platform.EnvironmentID, log io.Writer) error

	// Start replaces changed services, stops services that the spec no longer names (their
	// data stays), starts the web containers and waits until each answers. It returns
	// where they answer.
	Start(ctx context.Context, spec Spec, log io.Writer) ([]Endpoint, error)

	// StartBackground starts the workers of the release.
	StartBackground(ctx context.Context, spec Spec, log io.Writer) error

	// Exec runs a command in a running container of a release or in a service and returns
	// its exit status. A command that runs and fails is not an error. When ctx ends, the
	// command's process group gets SIGTERM, and SIGKILL after ExecRequest.StopTimeout;
	// Exec returns when it is gone.
	Exec(ctx context.Context, req ExecRequest) (exitCode int, err error)

	// Retire stops and removes the containers of one release: web and workers. Services,
	// volumes and images stay. Retiring a release that is gone is not an error.
	Retire(ctx context.Context, env platform.EnvironmentID, release string, log io.Writer) error

	// Observe reports what exists of an environment.
	Observe(ctx context.Context, env platform.EnvironmentID) (Status, error)

	// Environments lists the environments of which anything exists (containers, a network,
	// data), for finding orphans.
	Environments(ctx context.Context) ([]platform.EnvironmentID, error)

	// Destroy removes everything of an environment: containers, network, and, when data is
	// set, the volumes. What belongs to another project is not removed: the error has the
	// code platform.CodeConflict. An empty project stands for any, to remove orphans.
	Destroy(ctx context.Context, env platform.EnvironmentID, project string, data bool, log io.Writer) error

	// Disk reports the room where volumes and images are kept.
	Disk(ctx context.Context) (Disk, error)

	// Logs writes the last lines that a container printed to w; all of them when lines is 0.
	Logs(ctx context.Context, env platform.EnvironmentID, release, container string, lines int, w io.Writer) error
}

// Capabilities says what an engine can do beyond the common ground.
type Capabilities struct {
	Name string // "docker"
	// Resize: ExecRequest.Sizes is honoured.
	Resize bool
	// Subnets: Spec.Subnet and Service.Address are honoured. Without it they are ignored, and
	// callers must not rely on them either.
	Subnets bool
}

// ErrNotFound is returned by Exec and Logs for a container that does not exist or does not run.
var ErrNotFound = errors.New("no such container")

// Failure is something that the user's configuration or application caused: a service
// that does not become healthy, a web container that exits at once.
type Failure struct { //nolint:errname // it is what happened to a container, and an error only on the way up
	Container string
	Message   string
	Tail      []string // last lines of the container's output, oldest first, at most 20
}

// Error names the container and says what happened.
func (f *Failure) Error() string { return f.Container + ": " + f.Message }

// Endpoint is where the web container of an application answers.
type Endpoint struct {
	App     string
	Address string // "host:port", reachable from the router
}

// ExecRequest is one command in a container.
type ExecRequest struct {
	Environment platform.EnvironmentID
	Release     string // empty for a service
	Container   string // Container.Name
	Command     []string
	Env         map[string]string // beside the container's own
	Dir         string
	User        string    // empty: the container's own
	Stdin       io.Reader // nil: none. With TTY its end is a Ctrl-D
	Stdout      io.Writer // nil: discarded
	Stderr      io.Writer // nil: discarded
	TTY         bool      // one stream, on Stdout
	// Sizes are those of the terminal, the first as soon as it is there and then each change;
	// nil for a size that never changes. See Capabilities.Resize.
	Sizes <-chan TerminalSize
	// Signals are sent to the command's process group: the names of POSIX, without SIG. Nil
	// for none.
	Signals     <-chan string
	StopTimeout time.Duration
}

// Disk is the room left in a file system.
type Disk struct {
	FreeBytes   uint64
	TotalBytes  uint64
	FreeInodes  uint64
	TotalInodes uint64
}

// Status is what exists of an environment.
type Status struct {
	Network    bool
	Containers []ContainerStatus // sorted by name, services first
}

// ContainerStatus is one container.
type ContainerStatus struct {
	Name     string
	Kind     Kind
	Release  string // empty for services
	Image    string
	Running  bool
	Healthy  bool
	Address  string // "host:port" of a web container; empty otherwise
	Restarts int
	ExitCode int // of the last run, when not running
	Started  time.Time
}

// Kind is what a container is for.
type Kind string

// The kinds of containers.
const (
	KindService Kind = "service"
	KindWeb     Kind = "web"
	KindWorker  Kind = "worker"
)
