package docker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"sluice/internal/engine"
)

const (
	firstHealthPoll = 20 * time.Millisecond
	lastHealthPoll  = 500 * time.Millisecond
	readyPoll       = 5 * time.Millisecond
	answerTimeout   = 2 * time.Second  // of one request to a ready path
	inspectEvery    = 20               // ready polls between two looks at the container
	crashes         = 3                // exits after which a service is given up
	lastCheck       = 30 * time.Second // for a health command that has begun when time is up
	commandTimeout  = 10 * time.Minute
)

var (
	errNotHealthy = errors.New("not healthy in time")
	errNotReady   = errors.New("no answer in time")
	errTooLong    = errors.New("command took too long")
)

// awaitHealthy runs a service's health command until it succeeds. When its time is up, a
// command that has begun may still end: what it says is why.
func (e *Engine) awaitHealthy(ctx context.Context, name string, w wanted) error {
	if len(w.health) == 0 {
		return nil
	}
	limit, cancel := context.WithTimeoutCause(ctx, e.healthTimeout, errNotHealthy)
	defer cancel()
	check, cancel := context.WithTimeoutCause(ctx, e.healthTimeout+lastCheck, errNotHealthy)
	defer cancel()
	var last tail
	for pause := firstHealthPoll; ; pause = min(pause*3/2, lastHealthPoll) {
		last = tail{}
		code, err := e.exec(check, name, engine.ExecRequest{Command: w.health, Stdout: &last, Stderr: &last})
		if err == nil && code == 0 {
			return nil
		}
		if err != nil && !errors.Is(err, errNotHealthy) { // it is restarting, or ends in this moment
			_, _ = fmt.Fprintln(&last, err)
		}
		if message := e.crashed(ctx, name, crashes); message != "" {
			return e.failure(ctx, name, w, message)
		}
		if !sleep(limit, pause) {
			break
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	message := fmt.Sprintf("did not become healthy within %s", e.healthTimeout)
	if said := last.lines(); len(said) > 0 {
		message += ": " + said[len(said)-1]
	}
	return e.failure(ctx, name, w, message)
}

// awaitReady requests the ready path of a web container until it answers 200.
func (e *Engine) awaitReady(ctx context.Context, name string, w wanted) error {
	limit, cancel := context.WithTimeoutCause(ctx, e.readyTimeout, errNotReady)
	defer cancel()
	address, err := e.addressOf(limit, name, w)
	if err != nil {
		return err
	}
	for i := 1; ; i++ {
		if e.answers(limit, address, w.ready) {
			return nil
		}
		if i%inspectEvery == 0 {
			if message := e.crashed(limit, name, 1); message != "" {
				return e.failure(ctx, name, w, message)
			}
		}
		if !sleep(limit, readyPoll) {
			break
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return e.failure(ctx, name, w, fmt.Sprintf("did not answer 200 on %s within %s", w.ready, e.readyTimeout))
}

// addressOf reads the address of a started container. One that exited at once has none.
func (e *Engine) addressOf(ctx context.Context, name string, w wanted) (string, error) {
	res, err := e.cli.ContainerInspect(ctx, name, client.ContainerInspectOptions{})
	if err != nil {
		return "", err
	}
	for _, end := range res.Container.NetworkSettings.Networks {
		if end.IPAddress.IsValid() {
			return hostPort(end.IPAddress, w.port), nil
		}
	}
	message := e.crashed(ctx, name, 1)
	if message == "" {
		message = "has no address"
	}
	return "", e.failure(ctx, name, w, message)
}

// answers reports whether a GET of the path is answered 200.
func (e *Engine) answers(ctx context.Context, address, path string) bool {
	ctx, cancel := context.WithTimeoutCause(ctx, answerTimeout, errNotReady)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, http.NoBody)
	if err != nil {
		return false
	}
	resp, err := e.probe.RoundTrip(req)
	if err != nil {
		return false
	}
	_, _ = io.CopyN(io.Discard, resp.Body, 4<<10)
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// crashed says how a container ended, when it has done so at least limit times or for
// good; empty otherwise.
func (e *Engine) crashed(ctx context.Context, name string, limit int) string {
	res, err := e.cli.ContainerInspect(ctx, name, client.ContainerInspectOptions{})
	if err != nil {
		return ""
	}
	state := res.Container.State
	switch {
	case state.OOMKilled:
		return "was killed for lack of memory"
	case res.Container.RestartCount >= limit && res.Container.RestartCount > 1:
		return fmt.Sprintf("exited %d times, last with status %d", res.Container.RestartCount, state.ExitCode)
	case res.Container.RestartCount >= limit, state.Status == container.StateExited, state.Status == container.StateDead:
		return fmt.Sprintf("exited with status %d", state.ExitCode)
	}
	return ""
}

// setUp feeds a service its setup.
func (e *Engine) setUp(ctx context.Context, name string, w wanted) error {
	return e.command(ctx, name, w, "setup", engine.ExecRequest{
		Command: w.setup.Command, Stdin: strings.NewReader(w.setup.Stdin),
	}, w.setup.Stdin)
}

// postStart runs what an application wants done before it gets requests.
func (e *Engine) postStart(ctx context.Context, name string, w wanted) error {
	return e.command(ctx, name, w, "post_start", engine.ExecRequest{Command: []string{"/bin/sh", "-c", w.after}}, "")
}

// command runs a command that must succeed. Words of secret do not appear in the failure.
func (e *Engine) command(ctx context.Context, name string, w wanted, what string, req engine.ExecRequest, secret string) error {
	limit, cancel := context.WithTimeoutCause(ctx, commandTimeout, errTooLong)
	defer cancel()
	var out tail
	req.Stdout, req.Stderr = &out, &out
	code, err := e.exec(limit, name, req)
	switch {
	case errors.Is(err, engine.ErrNotFound):
		return e.failure(ctx, name, w, "stopped before its "+what)
	case err != nil && !errors.Is(err, errTooLong):
		return err
	case err != nil:
		return &engine.Failure{Container: w.Name, Message: fmt.Sprintf("%s took longer than %s", what, commandTimeout)}
	case code != 0:
		return &engine.Failure{
			Container: w.Name, Message: fmt.Sprintf("%s exited with status %d", what, code), Tail: redact(out.lines(), secret),
		}
	}
	return nil
}

// failure reports what a container did, with the end of its output.
func (e *Engine) failure(ctx context.Context, name string, w wanted, message string) error {
	var out tail
	err := e.copyLogs(ctx, name, tailLines, &out)
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return &engine.Failure{Container: w.Name, Message: message, Tail: out.lines()}
}

func asFailure(err error) (*engine.Failure, bool) { return errors.AsType[*engine.Failure](err) }

// awaitRemoved waits until a container that Docker is removing is gone.
func (e *Engine) awaitRemoved(ctx context.Context, name string) error {
	wait := e.cli.ContainerWait(ctx, name, client.ContainerWaitOptions{Condition: container.WaitConditionRemoved})
	select {
	case <-wait.Result:
		return nil
	case err := <-wait.Error:
		return gone(err)
	}
}

// sleep waits; it reports false when ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Bounds of what a failure carries.
const (
	tailLines   = 20
	tailLineMax = 500 // bytes
)

// tail keeps the last lines written to it.
type tail struct {
	kept    []string
	partial []byte
}

// Write keeps what may still be among the last lines.
func (t *tail) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		at := bytes.IndexByte(p, '\n')
		if at < 0 {
			t.grow(p)
			break
		}
		t.grow(p[:at])
		t.push()
		p = p[at+1:]
	}
	return n, nil
}

func (t *tail) grow(p []byte) {
	t.partial = append(t.partial, p[:min(len(p), tailLineMax-len(t.partial))]...)
}

func (t *tail) push() {
	t.kept = append(t.kept, strings.ToValidUTF8(strings.TrimRight(string(t.partial), "\r"), "?"))
	t.partial = t.partial[:0]
	if len(t.kept) > tailLines {
		t.kept = t.kept[1:]
	}
}

// lines returns the kept lines, an unfinished one included.
func (t *tail) lines() []string {
	if len(t.partial) > 0 {
		t.push()
	}
	return t.kept
}
