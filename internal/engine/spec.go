package engine

import (
	"time"

	"sluice/internal/platform"
)

// Spec is the wanted state of one environment with one release: data, made by topology.
// It holds secrets (variables, passwords) and must not be logged.
type Spec struct {
	Environment platform.EnvironmentID
	// Project owns the environment. What exists of it under another project's name is a
	// conflict. Empty in releases of earlier versions.
	Project string `json:",omitempty"`
	Release string
	// Subnet is the CIDR of the environment's own network, in whose first half services have
	// fixed addresses. It is a hint: see Capabilities.Subnets. Empty leaves it to the engine.
	Subnet string
	// Isolated: nothing in the environment reaches anything but the environment itself and the
	// router. It counts when the network is made, and stays as long as that.
	Isolated bool `json:",omitempty"`
	Services []Service
	Apps     []App
	Workers  []Worker
}

// Container is what all kinds have in common. The root file system is read-only, there
// are no capabilities and no new privileges; only Mounts, Tmpfs and /tmp are writable.
type Container struct {
	Name    string // unique within the environment: "mymagento", "mymagento--queue", "mysql"
	Image   string
	Command []string // empty: the image's own
	User    string   // "uid:gid"
	Dir     string   // working directory
	Env     map[string]string
	Files   []File // read-only; all below one directory
	// Programs are executables of the platform, read-only; their targets may lie in any
	// directory of the image.
	Programs []Program
	Mounts   []Mount
	Tmpfs    []string
	Links    map[string]string // host name, such as "database.internal" -> container name it resolves to
	Hosts    map[string]string // host name -> IP address that it resolves to
	// RouterHosts are host names that resolve to the router; the engine knows where it is.
	RouterHosts []string `json:",omitempty"`
	Memory      int64    // bytes; 0 means the engine's default
	CPUs        float64  // processors; 0 means the engine's default
	PIDs        int64    `json:",omitempty"` // processes and threads; 0 means the engine's default
	// StopTimeout is the time between SIGTERM and SIGKILL.
	StopTimeout time.Duration
}

// File is a generated configuration file.
type File struct {
	Path    string
	Mode    uint32
	Content string
}

// Program is an executable that the platform brings along, not the image, delivered with
// ProgramStore.KeepProgram.
type Program struct {
	Source string // as KeepProgram returned it
	Target string // absolute path in the container
}

// Mount is a writable directory that outlives the container.
type Mount struct {
	Volume string // "<application>" or "<service>" whose volume it is
	Path   string // directory in the volume; "" for all of it
	Target string // absolute path in the container
	UID    int    // owner of the directory when it is made
	GID    int
}

// Service is a stateful container that is kept over deployments.
type Service struct {
	Container
	Address string   // IP in Spec.Subnet; a hint like it, empty without
	Health  []string // command; exit status 0 means ready
	// Version is what the data directory belongs to: "mysql:10.11".
	Version string
	// Setup is run in the service after it became healthy, each time it is prepared:
	// creates databases, users and rights; must be repeatable. Fed to its standard input.
	Setup *Setup
	// Generation changes when the service has to be replaced: a digest of everything above.
	Generation string
}

// Setup is a command that brings a running service to the wanted state.
type Setup struct {
	Command []string
	Stdin   string // may hold secrets; therefore never in Command
}

// App is the web container of an application.
type App struct {
	Container
	Port int
	// Ready is a path that answers 200 once requests can be served.
	Ready string
	// Warm: starting it runs no code of the application, so it may run beside the old release.
	Warm bool
	// PostStart is run in the container by each Start, by a shell, and must succeed before
	// the container gets requests; may be empty.
	PostStart string
}

// Worker is a container without requests, restarted when it exits.
type Worker struct {
	Container
	App string
}
