package buildkit

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"sluice/internal/build"
)

// Limits bound what one build may take from the sites on the same machine.
type Limits struct {
	// Memory is in bytes, files on tmpfs included; 0 means 2 GiB.
	Memory int64
	// Processes and threads; 0 means 4096.
	Processes int
}

const (
	defaultProcesses = 4096
	defaultMemory    = 2 << 30
	// killFirst is the badness that is added to a build's: when the machine runs out of
	// memory, builds end before sites.
	killFirst = "1000"
	// confineTime is how long the build's process may take to be found.
	confineTime = 20 * time.Second
)

var errNotFound = errors.New("its process was not found on this machine")

// confinement puts the limits on the control group that BuildKit made for a build. Docker's
// BuildKit has no parameter for them before version 23, so they are written by sluiced,
// which runs as root on the engine's machine. run.sh waits until that has happened: it sees
// the changed score in its own /proc.
type confinement struct {
	Limits

	proc    string // "/proc"
	cgroups string // "/sys/fs/cgroup"
}

func newConfinement(l Limits) confinement {
	l = Limits{Memory: cmp.Or(l.Memory, defaultMemory), Processes: cmp.Or(l.Processes, defaultProcesses)}
	return confinement{Limits: l, proc: "/proc", cgroups: "/sys/fs/cgroup"}
}

// applyLimits puts the limits on a build whose process waits for them. A build that cannot
// be bounded runs all the same: its log says so.
func (b *Builder) applyLimits(ctx context.Context, key build.Key, p *progress) {
	if err := b.confined.apply(ctx, key.Sum()); err != nil && ctx.Err() == nil {
		p.note(fmt.Sprintf("W: this build runs without limits of memory and processes: %v", err))
	}
}

// apply finds the process of the build with this key and confines it.
func (c confinement) apply(ctx context.Context, key string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, confineTime, errNotFound)
	defer cancel()
	for {
		pids, err := c.find(key)
		if err != nil {
			return err
		}
		for _, pid := range pids {
			if err := c.confine(pid); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		if len(pids) > 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// find returns the first processes of builds with this key.
func (c confinement) find(key string) ([]string, error) {
	entries, err := os.ReadDir(c.proc)
	if err != nil {
		return nil, err
	}
	var pids []string
	for _, e := range entries {
		if _, err := strconv.Atoi(e.Name()); err != nil {
			continue
		}
		line, err := os.ReadFile(filepath.Join(c.proc, e.Name(), "cmdline"))
		if err != nil || string(line) != "/bin/sh\x00"+planDir+"/run\x00" {
			continue
		}
		env, err := os.ReadFile(filepath.Join(c.proc, e.Name(), "environ"))
		if err == nil && bytes.Contains(append([]byte{0}, env...), []byte("\x00"+keyVariable+"="+key+"\x00")) {
			pids = append(pids, e.Name())
		}
	}
	return pids, nil
}

// confine writes the limits of the process's control groups, and its score last.
func (c confinement) confine(pid string) error {
	groups, err := os.ReadFile(filepath.Join(c.proc, pid, "cgroup")) //nolint:gosec // G304: the kernel's file
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(groups)) {
		// "4:memory:/docker/buildkit/ID", or "0::/system.slice/ID.scope" in version 2
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) != 3 || path.Clean(fields[2]) == "/" || strings.Contains(fields[2], "..") {
			continue // not a group of its own
		}
		for _, s := range c.settings(strings.Split(fields[1], ",")) {
			if err := c.write(fields[1], fields[2], s); err != nil {
				return err
			}
		}
	}
	return os.WriteFile(filepath.Join(c.proc, pid, "oom_score_adj"), []byte(killFirst), 0o600)
}

// setting is one value of a control group. A weight counts among the siblings of a group
// only, so it is also that of a parent that holds nothing but builds.
type setting struct {
	file, value string
	weight      bool
}

// A build's part of busy processors, in both versions of control groups: an eighth of that of
// a container of visitors, which has 1024 shares. The least that the kernel takes would stop a
// build as long as the machine is busy: a setup:di:compile got 17 s of processor time in 17 minutes.
const (
	buildShares = "128"
	buildWeight = "5"
)

// settings are those of the controllers of one hierarchy; none is named in version 2. What
// a kernel does not have is left out.
func (c confinement) settings(controllers []string) []setting {
	memory, processes := strconv.FormatInt(c.Memory, 10), strconv.Itoa(c.Processes)
	var out []setting
	for _, controller := range controllers {
		switch controller {
		case "memory":
			out = append(out, setting{"memory.limit_in_bytes", memory, false}, setting{"memory.memsw.limit_in_bytes", memory, false})
		case "pids":
			out = append(out, setting{"pids.max", processes, false})
		case "cpu":
			out = append(out, setting{"cpu.shares", buildShares, true})
		case "blkio":
			out = append(out, setting{"blkio.bfq.weight", "1", true}, setting{"blkio.weight", "10", true})
		case "":
			out = append(out,
				setting{"memory.max", memory, false}, setting{"memory.swap.max", "0", false}, setting{"pids.max", processes, false},
				setting{"cpu.weight", buildWeight, true}, setting{"io.weight", "1", true}, setting{"io.bfq.weight", "1", true})
		}
	}
	return out
}

func (c confinement) write(hierarchy, group string, s setting) error {
	group = filepath.Join(c.cgroups, hierarchy, group)
	groups := []string{group}
	if parent := filepath.Dir(group); s.weight && filepath.Base(parent) == "buildkit" {
		groups = append(groups, parent)
	}
	for _, g := range groups {
		f, err := os.OpenFile(filepath.Join(g, s.file), os.O_WRONLY|os.O_TRUNC, 0) //nolint:gosec // G304: the kernel's file
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		_, err = f.WriteString(s.value)
		if err := errors.Join(err, f.Close()); err != nil {
			return fmt.Errorf("set %s to %s: %w", s.file, s.value, err)
		}
	}
	return nil
}
