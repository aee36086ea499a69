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

// Containers are frozen by the kernel's freezer and not by docker pause: a command that
// Docker 20.10 starts in a container while it pauses it blocks the container's shim, and
// with it every call about all containers. So Docker is not told, commands do not begin in
// frozen containers, and thawing needs nothing but a write to the file that is named in
// the record.

// frozenDir has one file for each frozen environment: the control files of its freezers.
const frozenDir = "frozen"

const (
	freezePoll  = 2 * time.Millisecond
	thawAgain   = 100 * time.Millisecond // until a thaw that failed is tried again
	freezeLimit = 10 * time.Second       // for the kernel to stop processes, and for commands to begin
)

var _ engine.Freezer = (*Engine)(nil)

// starts lets commands begin in containers, but not in frozen ones.
type starts struct {
	mu      sync.Mutex
	begun   map[string]int                         // commands that are about to run, by container
	frozen  map[platform.EnvironmentID]*freeze     // environments whose containers do not take commands
	serials map[platform.EnvironmentID]*sync.Mutex // one Freeze or Thaw at a time
}

// serial locks an environment for one Freeze or Thaw.
func (s *starts) serial(env platform.EnvironmentID) (unlock func()) {
	s.mu.Lock()
	if s.serials == nil {
		s.serials = map[platform.EnvironmentID]*sync.Mutex{}
	}
	m := s.serials[env]
	if m == nil {
		m = &sync.Mutex{}
		s.serials[env] = m
	}
	s.mu.Unlock()
	m.Lock()
	return m.Unlock
}

// freeze is one frozen environment. Its thaw ends it also when the record is gone, because
// another engine over the same data directory has thawed the services already.
type freeze struct {
	containers []string      // names and ids
	thawed     chan struct{} // closed by the thaw
	watch      *time.Timer   // thaws after the limit; nil until all processes are stopped
	watchdog   *watchdog     // thaws when this process dies; nil for none
}

// freezeOf returns what keeps commands from beginning in a container, nil for nothing.
func (s *starts) freezeOf(container string) *freeze {
	for _, h := range s.frozen {
		if slices.Contains(h.containers, container) {
			return h
		}
	}
	return nil
}

// begin waits until a command may begin in a container. It does when done is called.
func (s *starts) begin(ctx context.Context, container string) (done func(), err error) {
	for {
		s.mu.Lock()
		h := s.freezeOf(container)
		if h == nil {
			break
		}
		s.mu.Unlock()
		select {
		case <-h.thawed:
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

// stop keeps commands from beginning in an environment's containers and returns when none
// is about to.
func (s *starts) stop(ctx context.Context, env platform.EnvironmentID, containers []string) error {
	s.mu.Lock()
	if s.frozen == nil {
		s.frozen = map[platform.EnvironmentID]*freeze{}
	}
	if s.frozen[env] != nil {
		s.mu.Unlock()
		return platform.Errorf(platform.CodeConflict, "the containers are frozen already")
	}
	s.frozen[env] = &freeze{containers: containers, thawed: make(chan struct{})}
	s.mu.Unlock()
	for {
		s.mu.Lock()
		busy := slices.ContainsFunc(containers, func(c string) bool { return s.begun[c] > 0 })
		s.mu.Unlock()
		if !busy {
			return nil
		}
		if !sleep(ctx, freezePoll) {
			s.resume(env)
			return context.Cause(ctx)
		}
	}
}

// watch calls lapsed after a time unless the freeze that there is now has ended.
func (s *starts) watch(env platform.EnvironmentID, after time.Duration, lapsed func(*freeze)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.frozen[env]; h != nil {
		h.watch = time.AfterFunc(after, func() { lapsed(h) })
	}
}

// guard notes the watchdog of the freeze that there is now.
func (s *starts) guard(env platform.EnvironmentID, w *watchdog) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.frozen[env]; h != nil {
		h.watchdog = w
	}
}

// is reports whether an environment is under this freeze still.
func (s *starts) is(env platform.EnvironmentID, h *freeze) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.frozen[env] == h
}

// resume lets commands begin again.
func (s *starts) resume(env platform.EnvironmentID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.frozen[env]
	if h == nil {
		return
	}
	if h.watch != nil {
		h.watch.Stop()
	}
	h.watchdog.dismiss()
	close(h.thawed)
	delete(s.frozen, env)
}

// Freeze stops the processes of an environment.
func (e *Engine) Freeze(ctx context.Context, env platform.EnvironmentID, limit time.Duration) error {
	defer e.starts.serial(env)()
	ctx, cancel := context.WithTimeoutCause(ctx, min(freezeLimit, limit), errors.New("the containers could not be frozen in time"))
	defer cancel()
	names, writers, services, err := e.freezers(ctx, env)
	if err != nil {
		return ended(ctx, err)
	}
	if err := e.starts.stop(ctx, env, names); err != nil {
		return err
	}
	// What is not in the record is not frozen: Thaw would not find it.
	controls := slices.Concat(writers, services)
	err = e.data.record(env, controls)
	var guard *watchdog
	if err == nil {
		guard, err = e.guardFreeze(ctx, limit, controls)
		e.starts.guard(env, guard)
	}
	if err == nil {
		err = freezeAll(ctx, writers)
	}
	if err == nil {
		err = freezeAll(ctx, services)
	}
	if err != nil {
		return errors.Join(err, e.thaw(env))
	}
	e.starts.watch(env, limit, func(h *freeze) { e.lapse(env, h) })
	return nil
}

// freezeAll freezes and returns when no process runs.
func freezeAll(ctx context.Context, controls []string) error {
	for _, control := range controls {
		if err := setFrozen(control, true); err != nil {
			return err
		}
	}
	for _, control := range controls {
		for !isFrozen(control) {
			if !sleep(ctx, freezePoll) {
				return context.Cause(ctx)
			}
		}
	}
	return nil
}

// freezers finds the containers that run, by name and id, and the control files of their
// freezers: those of web containers and workers, and those of services.
func (e *Engine) freezers(ctx context.Context, env platform.EnvironmentID) (names, writers, services []string, err error) {
	list, err := e.listContainers(ctx, env)
	if err != nil {
		return nil, nil, nil, err
	}
	for _, c := range list {
		if !c.running() {
			continue
		}
		got, err := e.cli.ContainerInspect(ctx, c.id, client.ContainerInspectOptions{})
		if err != nil {
			return nil, nil, nil, err
		}
		control, err := freezerOf(got.Container.State.Pid, c.id)
		if err != nil {
			return nil, nil, nil, fmt.Errorf("container %s: %w", c.name, err)
		}
		names = append(names, c.id, e.names.container(env, c.release, c.name))
		if c.kind == engine.KindService {
			services = append(services, control)
		} else {
			writers = append(writers, control)
		}
	}
	return names, writers, services, nil
}

// Thaw lets the containers of an environment go on, by the record of what was frozen.
func (e *Engine) Thaw(env platform.EnvironmentID) error {
	defer e.starts.serial(env)()
	return e.thaw(env)
}

// lapse thaws an environment whose time is up, until it has: nothing else does it.
func (e *Engine) lapse(env platform.EnvironmentID, h *freeze) {
	defer e.starts.serial(env)()
	if e.starts.is(env, h) && e.thaw(env) != nil {
		e.starts.watch(env, thawAgain, func(h *freeze) { e.lapse(env, h) })
	}
}

// thaw is Thaw for a caller that has locked the environment.
func (e *Engine) thaw(env platform.EnvironmentID) error {
	controls, err := e.data.frozen(env)
	for _, control := range slices.Backward(controls) {
		err = errors.Join(err, setFrozen(control, false))
	}
	if err != nil {
		return fmt.Errorf("thaw the containers of %s: %w", env, err)
	}
	err = e.data.root.Remove(path.Join(frozenDir, string(env))) // before the next Freeze may write its own
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err // the freeze is not over: the next thaw removes the record
	}
	e.starts.resume(env)
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
func (d *dataDir) record(env platform.EnvironmentID, controls []string) error {
	if err := d.root.MkdirAll(frozenDir, 0o700); err != nil {
		return err
	}
	return d.root.WriteFile(path.Join(frozenDir, string(env)), []byte(strings.Join(controls, "\n")+"\n"), 0o600)
}

// frozen reads the record of an environment; empty when nothing is frozen.
func (d *dataDir) frozen(env platform.EnvironmentID) (controls []string, err error) {
	text, err := d.root.ReadFile(path.Join(frozenDir, string(env)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return strings.Fields(string(text)), err
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
