package apiv1

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
)

// ExecStreams are the ends of a command that runs in a container.
type ExecStreams struct {
	Stdin   io.Reader // nil: none
	Stdout  io.Writer
	Stderr  io.Writer
	Resizes <-chan Size // nil: the size never changes
}

// Exec runs a command in an application's container and returns its exit status. A
// command that runs and fails is not an error. Exec returns when the command has ended; a Read
// of Stdin may be under way still.
func (c *Client) Exec(ctx context.Context, project, env string, cmd ExecCommand, s ExecStreams) (int, error) {
	return c.upgrade(ctx, path("projects", project, "environments", env, "exec"), cmd, s)
}

// upgrade sends a command to an endpoint that goes on with frames, and pumps the streams.
func (c *Client) upgrade(ctx context.Context, target string, cmd any, s ExecStreams) (int, error) {
	req, err := c.request(ctx, http.MethodPost, target, nil, cmd)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", ExecProtocol)
	resp, err := c.open(req)
	if err != nil {
		return 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	conn, ok := resp.Body.(io.ReadWriteCloser)
	if resp.StatusCode != http.StatusSwitchingProtocols || !ok {
		return 0, &ConnectionError{URL: c.base, Err: fmt.Errorf("want 101 for exec, got %s", resp.Status)}
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() }) // wakes up the reader
	defer stop()
	code, err := runExec(conn, s)
	if err != nil && ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	if err != nil && StatusCode(err) == 0 {
		return 0, &ConnectionError{URL: c.base, Err: err}
	}
	return code, err
}

// runExec pumps the streams until the command's exit status comes.
func runExec(conn io.ReadWriteCloser, s ExecStreams) (int, error) {
	done := make(chan struct{})
	defer close(done)
	out := &lockedWriter{w: conn}
	// Neither sender is waited for: a Read of a terminal cannot be interrupted, and both
	// fail on their next write once the connection is closed.
	go sendInput(out, s.Stdin)
	go sendSizes(out, s.Resizes, done)
	return receive(conn, s)
}

func receive(conn io.Reader, s ExecStreams) (int, error) {
	for {
		t, payload, err := ReadFrame(conn)
		if errors.Is(err, io.EOF) {
			return 0, errors.New("the connection ended before the command did")
		}
		if err != nil {
			return 0, err
		}
		switch t {
		case FrameStdout:
			_, err = s.Stdout.Write(payload)
		case FrameStderr:
			_, err = s.Stderr.Write(payload)
		case FrameExit:
			return DecodeExit(payload)
		case FrameError:
			e := &Error{}
			if err := json.Unmarshal(payload, e); err != nil {
				return 0, fmt.Errorf("read error: %w", err)
			}
			return 0, e
		default: // a later version's
		}
		if err != nil {
			return 0, fmt.Errorf("write output: %w", err)
		}
	}
}

func sendInput(w io.Writer, stdin io.Reader) {
	if stdin != nil {
		if _, err := io.Copy(FrameWriter{W: w, Type: FrameStdin}, stdin); err != nil {
			return // the command has ended
		}
	}
	_ = WriteFrame(w, FrameStdin, nil)
}

func sendSizes(w io.Writer, sizes <-chan Size, done <-chan struct{}) {
	for {
		select {
		case <-done:
			return
		case s, ok := <-sizes:
			if !ok || WriteFrame(w, FrameResize, EncodeSize(s)) != nil {
				return
			}
		}
	}
}

// lockedWriter lets several goroutines write whole frames.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p) //nolint:wrapcheck // only adds the lock
}
