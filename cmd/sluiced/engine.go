package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"sluice/internal/catalog"
	"sluice/internal/engine"
	"sluice/internal/engine/docker"
	"sluice/internal/images"
)

// limitsConfig is what containers get that ask for nothing else, where they may go and how
// long they may take to start.
type limitsConfig struct {
	Memory   int64 // MB
	CPUs     float64
	PIDs     int64
	Tmpfs    int64 // MB
	Networks string
	Health   time.Duration
	Ready    time.Duration
}

// allNetworks is the value of --private-networks that switches the guard off.
const allNetworks = "all"

func (c *limitsConfig) flags(fs *flag.FlagSet) {
	l := docker.DefaultLimits()
	fs.Int64Var(&c.Memory, "container-memory", l.Memory>>20, "MB of memory that each container may use")
	fs.Float64Var(&c.CPUs, "container-cpus", l.CPUs, "processors that each container may use")
	fs.Int64Var(&c.PIDs, "container-pids", l.PIDs, "processes and threads that each container may have")
	fs.Int64Var(&c.Tmpfs, "container-tmpfs", l.Tmpfs>>20, "MB of each memory file system of a container: /tmp, and mounts with \"source: tmp\"")
	fs.DurationVar(&c.Health, "health-timeout", 90*time.Second, "how long a service may take to become healthy")
	fs.DurationVar(&c.Ready, "ready-timeout", time.Minute, "how long a web container may take to respond after its start")
	fs.StringVar(&c.Networks, "private-networks", "",
		"private networks that containers and builds may reach, separated by commas: 10.1.0.0/16; \"all\" adds the machine's metadata service (default: none)")
}

// check refuses limits that no container could live with.
func (c *limitsConfig) check() error {
	for name, tooLow := range map[string]bool{
		"--container-memory": c.Memory < 0, "--container-cpus": c.CPUs < 0, "--container-pids": c.PIDs < 0, "--container-tmpfs": c.Tmpfs < 0,
		"--health-timeout": c.Health < 0, "--ready-timeout": c.Ready < 0,
	} {
		if tooLow {
			return fmt.Errorf("%w: %s must not be negative; 0 selects the default", errUsage, name)
		}
	}
	_, err := c.guard()
	return err
}

func (c *limitsConfig) limits() docker.Limits {
	return docker.Limits{Memory: c.Memory << 20, CPUs: c.CPUs, PIDs: c.PIDs, Tmpfs: c.Tmpfs << 20}
}

// guard returns what keeps containers from private networks; nil when they may reach all.
func (c *limitsConfig) guard() (*docker.Guard, error) {
	if c.Networks == allNetworks {
		return nil, nil //nolint:nilnil // no guard
	}
	allowed, err := networks("--private-networks", c.Networks)
	if err != nil {
		return nil, err
	}
	return &docker.Guard{Allow: allowed}, nil
}

// imageStore is where the engine finds images: those of the catalog and slugs.
type imageStore interface {
	images.Store
	Remove(ctx context.Context, ref string) error
}

// machine is the engine that was chosen, by its ports.
type machine struct {
	engine.Engine
	images imageStore
	close  func() error
}

func openMachine(ctx context.Context, c config) (machine, error) {
	guard, err := c.Limits.guard()
	if err != nil {
		return machine{}, err
	}
	self, err := os.Executable()
	if err != nil {
		return machine{}, fmt.Errorf("find this program for the watchdog: %w", err)
	}
	e, err := docker.New(ctx, docker.Options{
		Host: c.DockerHost, DataDir: c.DataDir, Prefix: c.Prefix, Limits: c.Limits.limits(), Guard: guard,
		Watchdog:      []string{self, "thaw"},
		Reads:         catalog.Reads,
		HealthTimeout: c.Limits.Health, ReadyTimeout: c.Limits.Ready,
	})
	if err != nil {
		return machine{}, err
	}
	return machine{Engine: e, images: e.Images(), close: e.Close}, nil
}
