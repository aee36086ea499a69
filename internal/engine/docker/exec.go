package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"
	"golang.org/x/sys/unix"

	"sluice/internal/engine"
)

const (
	attachTimeout = 30 * time.Second
	firstExecPoll = time.Millisecond
	lastExecPoll  = 200 * time.Millisecond
	outputGrace   = 250 * time.Millisecond // for output that is still on its way when a command has ended
	killGrace     = 10 * time.Second       // for the kernel to end a killed process
	endOfInput    = 4                      // Ctrl-D
)

var errAttachTimeout = errors.New("docker did not start the command in time")

// Exec runs a command in a container.
//
// Docker's API starts a command but cannot signal it. Docker runs on this machine, though,
// and starts every command as the leader of its own process group, so the group is
// signalled directly, by the process id that Docker reports. This needs the rights of
// root and the host's process ids, and nothing in the image.
func (e *Engine) Exec(ctx context.Context, req engine.ExecRequest) (int, error) {
	return e.exec(ctx, e.names.container(req.Environment, req.Release, req.Container), req)
}

// exec runs a command in the container with this name or id.
func (e *Engine) exec(ctx context.Context, container string, req engine.ExecRequest) (int, error) {
	if ctx.Err() != nil {
		return -1, context.Cause(ctx)
	}
	begun, err := e.starts.begin(ctx, container)
	if err != nil {
		return -1, err
	}
	defer begun()
	created, err := e.cli.ExecCreate(ctx, container, client.ExecCreateOptions{
		User: req.User, WorkingDir: req.Dir, Env: environ(req.Env), Cmd: req.Command,
		TTY: req.TTY, AttachStdin: req.Stdin != nil, AttachStdout: true, AttachStderr: true,
	})
	switch {
	case errdefs.IsNotFound(err), errdefs.IsConflict(err): // conflict: it does not run
		return -1, fmt.Errorf("exec in %s: %w", container, engine.ErrNotFound)
	case err != nil:
		return -1, ended(ctx, fmt.Errorf("exec in %s: %w", container, err))
	}
	// The command must not start unattended because ctx ends in this moment.
	attach, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), attachTimeout, errAttachTimeout)
	defer cancel()
	conn, err := e.cli.ExecAttach(attach, created.ID, client.ExecAttachOptions{TTY: req.TTY})
	if err != nil {
		return -1, fmt.Errorf("exec in %s: %w", container, err)
	}
	defer conn.Close()
	r := running{Engine: e, id: created.ID, output: make(chan error, 1), begun: begun}
	go func() { r.output <- copyOutput(req, conn.Reader) }()
	if req.TTY && req.Sizes != nil {
		sizing, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		go r.resize(sizing, req.Sizes)
	}
	if req.Signals != nil {
		signalling, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		go r.signal(signalling, req.Signals)
	}
	if req.Stdin != nil {
		// exec does not wait for this one: a terminal's Read returns when its user types.
		go func() {
			_, _ = io.Copy(conn.Conn, req.Stdin)
			if req.TTY {
				// Docker hangs a terminal up whose input is closed, and its output is lost.
				_, _ = conn.Conn.Write([]byte{endOfInput})
				return
			}
			_ = conn.CloseWrite()
		}()
	}
	code, err := r.wait(ctx, req.StopTimeout)
	conn.Close() // ends the copying of output that something left behind holds open
	return code, err
}

// resize gives the command's terminal its sizes until ctx ends. One that comes before the
// command has begun is tried again.
func (r running) resize(ctx context.Context, sizes <-chan engine.TerminalSize) {
	for {
		select {
		case <-ctx.Done():
			return
		case size, ok := <-sizes:
			if !ok {
				return
			}
			for {
				_, err := r.cli.ExecResize(ctx, r.id, client.ExecResizeOptions{Height: size.Rows, Width: size.Columns})
				if err == nil || !sleep(ctx, lastExecPoll) {
					break
				}
			}
		}
	}
}

// signal passes signals on to the command's process group until ctx ends.
func (r running) signal(ctx context.Context, signals <-chan string) {
	for {
		select {
		case <-ctx.Done():
			return
		case name, ok := <-signals:
			if !ok {
				return
			}
			group, err := r.group(ctx)
			if number := unix.SignalNum("SIG" + name); err == nil && group != 0 && number != 0 {
				_ = unix.Kill(-group, number) // it may have ended
			}
		}
	}
}

// copyOutput writes a command's output where the request says. When a writer fails the
// rest is dropped, so that the command is not blocked.
func copyOutput(req engine.ExecRequest, from io.Reader) error {
	stdout, stderr := orDiscard(req.Stdout), orDiscard(req.Stderr)
	var err error
	if req.TTY {
		_, err = io.Copy(stdout, from)
	} else {
		_, err = stdcopy.StdCopy(stdout, stderr, from)
	}
	if err != nil {
		_, _ = io.Copy(io.Discard, from)
	}
	return err
}

func orDiscard(w io.Writer) io.Writer {
	if w == nil {
		return io.Discard
	}
	return w
}

// running is a command that was started.
type running struct {
	*Engine
	id     string
	output chan error // gets one value when all output is copied
	begun  func()     // to be called when its process is known to exist
}

// wait returns when the command has ended and its output is copied. Output held open by
// something that the command left behind is not waited for.
func (r running) wait(ctx context.Context, grace time.Duration) (int, error) {
	outputDone := false
	var outputErr error
	timer := time.NewTimer(lastExecPoll)
	defer timer.Stop()
	for pause := firstExecPoll; ; {
		select {
		case outputErr = <-r.output:
			outputDone = true
			r.output = nil
		case <-timer.C:
		case <-ctx.Done():
			return -1, errors.Join(context.Cause(ctx), r.terminate(context.WithoutCancel(ctx), grace))
		}
		state, err := r.inspect(ctx)
		if err != nil {
			if ctx.Err() != nil {
				continue
			}
			return -1, err
		}
		begun := state.PID != 0 || outputDone
		if begun {
			r.begun()
		}
		if begun && !state.Running {
			if !outputDone {
				outputErr = r.rest()
			}
			return state.ExitCode, outputErr
		}
		if outputDone { // it is about to end, or works on in silence
			pause = min(pause*2, lastExecPoll)
			timer.Reset(pause)
		} else {
			timer.Reset(lastExecPoll)
		}
	}
}

// rest waits a moment for the output of a command that has ended.
func (r running) rest() error {
	select {
	case err := <-r.output:
		return err
	case <-time.After(outputGrace):
		return nil
	}
}

// terminate ends the command's process group: SIGTERM, after grace SIGKILL. It returns
// when no process of the group is left.
func (r running) terminate(ctx context.Context, grace time.Duration) error {
	group, err := r.group(ctx)
	if err != nil || group == 0 {
		return err
	}
	_ = unix.Kill(-group, unix.SIGTERM) // no such process: it has ended
	if !r.awaitGone(ctx, group, grace) {
		_ = unix.Kill(-group, unix.SIGKILL)
		if !r.awaitGone(ctx, group, killGrace) {
			return fmt.Errorf("process group %d did not end after SIGKILL", group)
		}
	}
	if r.output != nil {
		_ = r.rest()
	}
	return nil
}

// group returns the id of the command's process group on this machine, and 0 when the
// command has ended.
func (r running) group(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, attachTimeout, errAttachTimeout)
	defer cancel()
	for {
		state, err := r.inspect(ctx)
		switch {
		case err != nil || !state.Running && state.PID != 0:
			return 0, err
		case state.PID != 0 && !inContainer(state.PID, state.ContainerID):
			return 0, fmt.Errorf("the command runs on as process %d, which cannot be signalled from here", state.PID)
		case state.PID != 0:
			return state.PID, nil
		}
		if !sleep(ctx, firstExecPoll) {
			return 0, context.Cause(ctx)
		}
	}
}

// awaitGone waits until the group has no process; it reports whether that was in time.
func (r running) awaitGone(ctx context.Context, group int, limit time.Duration) bool {
	deadline := time.Now().Add(limit)
	for pause := firstExecPoll; ; pause = min(2*pause, 20*time.Millisecond) {
		if errors.Is(unix.Kill(-group, 0), unix.ESRCH) {
			return true
		}
		if time.Now().After(deadline) || !sleep(ctx, pause) {
			return false
		}
	}
}

func (r running) inspect(ctx context.Context) (client.ExecInspectResult, error) {
	state, err := r.cli.ExecInspect(ctx, r.id, client.ExecInspectOptions{})
	if err != nil {
		return state, fmt.Errorf("inspect command: %w", err)
	}
	return state, nil
}

// inContainer reports whether a process of this machine belongs to a container: the
// process id could be of another process by now, or of another machine.
func inContainer(pid int, container string) bool {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cgroup")
	return err == nil && strings.Contains(string(text), container)
}
