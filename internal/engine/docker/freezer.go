package docker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/moby/moby/client"

	"sluice/internal/engine"
	"sluice/internal/platform"
)

// Services are frozen by the kernel's freezer and not by docker pause: a command that
// Docker 20.10 starts in a container while it pauses it blocks the container's shim, and
// with it every call about all containers. So Docker is not told, commands do not begin in
// frozen containers, and thawing needs nothing but a write to the file that is named in
// the record.

// frozenDir has one file for each frozen environment: the control files of its freezers.
const frozenDir = "frozen"

const (
	freezePoll  = 2 * time.Millisecond
	freezeLimit = 10 * time.Second // for the kernel to stop processes, and for commands to begin
)

var _ engine.Freezer = (*Engine)(nil)

// starts lets commands begin in containers, but not in frozen ones.
type starts struct {
	mu      sync.Mutex
	begun   map[string]int           // commands that are about to run, by container
	frozen  map[string]chan struct{} // containers that do not take commands; closed by the thaw
	watches map[platform.EnvironmentID]*time.Timer
}

// begin waits until a command may begin in a container. It does when done is called.
func (s *starts) begin(ctx context.Context, container string) (done func(), err error) {
	for {
		s.mu.Lock()
		thawed, frozen := s.frozen[container]
		if !frozen {
			break
		}
		s.mu.Unlock()
		select {
		case <-thawed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	defer s.mu.Unlock()
	if s.begun == nil {
		s.begun = map[string]int{}
	}
	s.begun[container]++
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.begun[container]--; s.begun[container] == 0 {
			delete(s.begun, container)
		}
	}), nil
}

// stop keeps commands from beginning in containers and returns when none is about to.
func (s *starts) stop(ctx context.Context, containers []string) error {
	s.mu.Lock()
	if s.frozen == nil {
		s.frozen = map[string]chan struct{}{}
	}
	for _, c := range containers {
		if _, already := s.frozen[c]; already {
			s.mu.Unlock()
			return platform.Errorf(platform.CodeConflict, "the services are frozen already")
		}
	}
	thawed := make(chan struct{})
	for _, c := range containers {
		s.frozen[c] = thawed
	}
	s.mu.Unlock()
	for {
		s.mu.Lock()
		busy := slices.ContainsFunc(containers, func(c string) bool { return s.begun[c] > 0 })
		s.mu.Unlock()
		if !busy {
			return nil
		}
		if !sleep(ctx, freezePoll) {
			s.resume(containers)
			return context.Cause(ctx)
		}
	}
}

// resume lets commands begin again.
func (s *starts) resume(containers []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	closed := map[chan struct{}]bool{}
	for _, c := range containers {
		if thawed, ok := s.frozen[c]; ok && !closed[thawed] {
			closed[thawed] = true
			close(thawed)
		}
		delete(s.frozen, c)
	}
}

// freezing is the record of a frozen environment.
type freezing struct {
	containers []string // names and ids
	controls   []string // files of the freezers
}

// Freeze stops the processes of an environment's services.
func (e *Engine) Freeze(ctx context.Context, env platform.EnvironmentID, limit time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, min(freezeLimit, limit), errors.New("the services could not be frozen in time"))
	defer cancel()
	f, err := e.freezers(ctx, env)
	if err != nil {
		return ended(ctx, err)
	}
	if err := e.starts.stop(ctx, f.containers); err != nil {
		return err
	}
	err = e.data.record(env, f)
	for _, control := range f.controls {
		err = errors.Join(err, setFrozen(control, true))
	}
	for _, control := range f.controls {
		for err == nil && !isFrozen(control) {
			if !sleep(ctx, freezePoll) {
				err = context.Cause(ctx)
			}
		}
	}
	if err != nil {
		return errors.Join(err, e.Thaw(env))
	}
	e.starts.watch(env, limit, func() { _ = e.Thaw(env) }) // a failure is tried again at the next start
	return nil
}

// watch thaws an environment when limit has passed and nobody did.
func (s *starts) watch(env platform.EnvironmentID, limit time.Duration, thaw func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watches == nil {
		s.watches = map[platform.EnvironmentID]*time.Timer{}
	}
	s.watches[env] = time.AfterFunc(limit, thaw)
}

// freezers finds the freezers of the services that run.
func (e *Engine) freezers(ctx context.Context, env platform.EnvironmentID) (freezing, error) {
	var f freezing
	list, err := e.listContainers(ctx, env)
	if err != nil {
		return f, err
	}
	for _, c := range list {
		if c.kind != engine.KindService || !c.running() {
			continue
		}
		got, err := e.cli.ContainerInspect(ctx, c.id, client.ContainerInspectOptions{})
		if err != nil {
			return f, err
		}
		control, err := freezerOf(got.Container.State.Pid, c.id)
		if err != nil {
			return f, fmt.Errorf("service %s: %w", c.name, err)
		}
		f.containers = append(f.containers, c.id, e.names.container(env, "", c.name))
		f.controls = append(f.controls, control)
	}
	return f, nil
}

// Thaw lets the services of an environment go on, by the record of what was frozen.
func (e *Engine) Thaw(env platform.EnvironmentID) error {
	f, err := e.data.frozen(env)
	for _, control := range f.controls {
		err = errors.Join(err, setFrozen(control, false))
	}
	if err != nil {
		return fmt.Errorf("thaw the services of %s: %w", env, err)
	}
	e.starts.mu.Lock()
	if watch := e.starts.watches[env]; watch != nil {
		watch.Stop()
		delete(e.starts.watches, env)
	}
	e.starts.mu.Unlock()
	e.starts.resume(f.containers)
	if err := e.data.root.Remove(path.Join(frozenDir, string(env))); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// thawAll thaws what an earlier control plane left frozen.
func (e *Engine) thawAll() error {
	entries, err := fs.ReadDir(e.data.root.FS(), frozenDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, entry := range entries {
		err = errors.Join(err, e.Thaw(platform.EnvironmentID(entry.Name())))
	}
	return err
}

// record writes down what will be frozen, before it is.
func (d *dataDir) record(env platform.EnvironmentID, f freezing) error {
	if err := d.root.MkdirAll(frozenDir, 0o700); err != nil {
		return err
	}
	text := strings.Join(f.containers, " ") + "\n" + strings.Join(f.controls, "\n") + "\n"
	return d.root.WriteFile(path.Join(frozenDir, string(env)), []byte(text), 0o600)
}

// frozen reads the record of an environment; empty when nothing is frozen.
func (d *dataDir) frozen(env platform.EnvironmentID) (freezing, error) {
	text, err := d.root.ReadFile(path.Join(frozenDir, string(env)))
	if errors.Is(err, fs.ErrNotExist) {
		return freezing{}, nil
	}
	first, rest, _ := strings.Cut(string(text), "\n")
	return freezing{containers: strings.Fields(first), controls: strings.Fields(rest)}, err
}

const cgroups = "/sys/fs/cgroup"

// The names of the kernel's control files, in either version of cgroups.
const (
	freezeV1 = "freezer.state"
	freezeV2 = "cgroup.freeze"
)

// freezerOf returns the control file of the freezer that a container's process is in.
func freezerOf(pid int, container string) (string, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return "", err
	}
	unified := ""
	for line := range strings.Lines(string(text)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) < 3 || !strings.Contains(parts[2], container) {
			continue
		}
		switch parts[1] {
		case "freezer":
			return filepath.Join(cgroups, "freezer", parts[2], freezeV1), nil
		case "":
			unified = filepath.Join(cgroups, parts[2], freezeV2)
		}
	}
	if unified == "" {
		return "", errors.New("its processes are in no freezer of this machine")
	}
	return unified, nil
}

// setFrozen freezes or thaws. One that is gone has no processes.
func setFrozen(control string, frozen bool) error {
	words := [2]string{"0", "1"}
	if filepath.Base(control) == freezeV1 {
		words = [2]string{"THAWED", "FROZEN"}
	}
	word := words[0]
	if frozen {
		word = words[1]
	}
	f, err := os.OpenFile(filepath.Clean(control), os.O_WRONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = f.WriteString(word)
	return errors.Join(err, f.Close())
}

// isFrozen reports whether no process runs.
func isFrozen(control string) bool {
	if filepath.Base(control) == freezeV1 {
		text, err := os.ReadFile(filepath.Clean(control))
		return err != nil || strings.TrimSpace(string(text)) == "FROZEN"
	}
	text, err := os.ReadFile(filepath.Join(filepath.Dir(control), "cgroup.events"))
	return err != nil || strings.Contains(string(text), "frozen 1")
}
