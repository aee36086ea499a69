package docker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"golang.org/x/sys/unix"
)

// endings remembers containers whose processes are gone while Docker still takes their
// network apart. That is most of what a stop takes, and visitors need not wait for it;
// but until it is done Docker lists them as running and would not start them again.
type endings struct {
	mu  sync.Mutex
	ids map[string]bool
}

func (e *endings) add(id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ids == nil {
		e.ids = map[string]bool{}
	}
	e.ids[id] = true
}

// drop forgets a container and reports whether it was remembered.
func (e *endings) drop(id string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	was := e.ids[id]
	delete(e.ids, id)
	return was
}

// correct sets the state of containers that Docker still lists as running, and forgets
// those that it does not.
func (e *endings) correct(list []found) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := range list {
		switch {
		case !e.ids[list[i].id]:
		case list[i].running():
			list[i].state = container.StateExited
		default:
			delete(e.ids, list[i].id)
		}
	}
}

// settle waits until Docker agrees that a container has ended.
func (e *Engine) settle(ctx context.Context, id string) error {
	if !e.endings.drop(id) {
		return nil
	}
	wait := e.cli.ContainerWait(ctx, id, client.ContainerWaitOptions{Condition: container.WaitConditionNotRunning})
	select {
	case <-wait.Result:
		return nil
	case err := <-wait.Error:
		return gone(err)
	}
}

// silence ends the processes of a container: SIGTERM, and SIGKILL after its stop timeout.
// It returns when the last one is gone, which is before Docker is done with the stop.
func (e *Engine) silence(ctx context.Context, name string) error {
	res, err := e.cli.ContainerInspect(ctx, name, client.ContainerInspectOptions{})
	if err != nil {
		return gone(err)
	}
	c := res.Container
	first, err := watch(c.State.Pid, c.ID)
	if err != nil || c.State.Status != container.StateRunning { // nothing to watch: it restarts, ends, or is elsewhere
		first.close()
		_, err := e.cli.ContainerStop(ctx, name, client.ContainerStopOptions{})
		return gone(err)
	}
	defer first.close()
	grace := time.Duration(0)
	if c.Config.StopTimeout != nil {
		grace = time.Duration(*c.Config.StopTimeout) * time.Second
	}
	for _, step := range []struct {
		signal string
		wait   time.Duration
	}{{"SIGTERM", grace}, {"SIGKILL", killGrace}} {
		_, err := e.cli.ContainerKill(ctx, name, client.ContainerKillOptions{Signal: step.signal})
		if err != nil && !errdefs.IsNotFound(err) && !errdefs.IsConflict(err) { // conflict: it does not run
			return err
		}
		ended, err := first.await(ctx, step.wait)
		if err != nil {
			return err
		}
		if ended {
			e.endings.add(c.ID)
			return nil
		}
	}
	return errors.New("did not end after SIGKILL")
}

// process is a handle on a process of this machine: unlike its number, it cannot come to
// mean another one. The first process of a container ends after all others.
type process struct{ fd int }

// watch opens the first process of a container.
func watch(pid int, container string) (process, error) {
	if pid <= 0 {
		return process{fd: -1}, errors.New("no process")
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return process{fd: -1}, fmt.Errorf("open process %d: %w", pid, err)
	}
	p := process{fd: fd}
	if !inContainer(pid, container) {
		p.close()
		return process{fd: -1}, fmt.Errorf("process %d is not in the container", pid)
	}
	return p, nil
}

func (p process) close() {
	if p.fd >= 0 {
		_ = unix.Close(p.fd)
	}
}

// pollSlice is how long await looks at the process before it looks at ctx.
const pollSlice = 20 * time.Millisecond

// await waits until the process has ended; it reports whether that was in time.
func (p process) await(ctx context.Context, limit time.Duration) (bool, error) {
	for deadline := time.Now().Add(limit); ; {
		slice := min(pollSlice, max(0, time.Until(deadline)))
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(p.fd), Events: unix.POLLIN}}, int(slice.Milliseconds())) //nolint:gosec // descriptors are small
		switch {
		case err != nil && !errors.Is(err, unix.EINTR):
			return false, fmt.Errorf("watch process: %w", err)
		case n > 0:
			return true, nil
		case ctx.Err() != nil:
			return false, context.Cause(ctx)
		case !time.Now().Before(deadline):
			return false, nil
		}
	}
}
