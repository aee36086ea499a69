package enginetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"sluice/internal/engine"
)

func testExec(t *testing.T, e *env) {
	e.live(t, e.spec("r1"))
	var stdout, stderr bytes.Buffer
	request := engine.ExecRequest{
		Environment: e.id, Release: "r1", Container: "shop",
		Command: e.Tools.Print("to out", "to err", 7), Stdout: &stdout, Stderr: &stderr,
	}
	code, err := e.Engine.Exec(e.context(t), request)
	if code != 7 || err != nil || stdout.String() != "to out" || stderr.String() != "to err" {
		t.Errorf("got status %d, error %v, %q and %q", code, err, &stdout, &stderr)
	}
	if got := e.must(t, "r1", "shop", e.Tools.Env("COLOR")); got != "blue" {
		t.Errorf("COLOR is %q, want the container's own", got)
	}
	if got := e.must(t, "r1", "shop", e.Tools.Self()); got != user+" /tmp" {
		t.Errorf("runs as %q, want the container's own user and directory", got)
	}

	stdout.Reset()
	request.Command, request.Env = e.Tools.Env("COLOR"), map[string]string{"COLOR": "red"}
	if code, err := e.Engine.Exec(e.context(t), request); code != 0 || err != nil || stdout.String() != "red" {
		t.Errorf("got status %d, error %v, COLOR=%s; want the request's", code, err, &stdout)
	}
	stdout.Reset()
	request.Command, request.User, request.Dir = e.Tools.Self(), "1234:1234", "/etc"
	if code, err := e.Engine.Exec(e.context(t), request); code != 0 || err != nil || stdout.String() != "1234:1234 /etc" {
		t.Errorf("got status %d, error %v, %q; want the request's user and directory", code, err, &stdout)
	}
	stdout.Reset()
	text := strings.Repeat("a line of input\n", 20_000)
	request.Command, request.Stdin = e.Tools.Copy(), strings.NewReader(text)
	if code, err := e.Engine.Exec(e.context(t), request); code != 0 || err != nil || stdout.String() != text {
		t.Errorf("got status %d, error %v, %d bytes; want %d", code, err, stdout.Len(), len(text))
	}
}

func testExecTTY(t *testing.T, e *env) {
	e.live(t, e.spec("r1"))
	var stdout, stderr bytes.Buffer
	code, err := e.Engine.Exec(e.context(t), engine.ExecRequest{
		Environment: e.id, Release: "r1", Container: "shop",
		Command: e.Tools.Print("to out,", "to err", 5), Stdout: &stdout, Stderr: &stderr, TTY: true,
	})
	if code != 5 || err != nil || stdout.String() != "to out,to err" || stderr.Len() != 0 {
		t.Errorf("got status %d, error %v, %q and %q", code, err, &stdout, &stderr)
	}
}

func testExecNotFound(t *testing.T, e *env) {
	spec := e.spec("r1")
	spec.Apps[0].Warm = false
	e.prepare(t, spec) // the web container exists and does not run
	for _, container := range []string{"shop", "nobody"} {
		_, err := e.Engine.Exec(e.context(t), engine.ExecRequest{
			Environment: e.id, Release: "r1", Container: container, Command: e.Tools.Self(),
		})
		if !errors.Is(err, engine.ErrNotFound) {
			t.Errorf("Exec in %s: got %v, want ErrNotFound", container, err)
		}
	}
}

func testExecCancel(t *testing.T, e *env) {
	e.live(t, e.spec("r1"))
	for _, test := range []struct {
		mark    string
		command []string
		grace   time.Duration
	}{
		{"obeys-mark", e.Tools.Idle("obeys-mark"), limit},
		{"ignores-mark", e.Tools.Stubborn("ignores-mark"), 50 * time.Millisecond},
	} {
		cause := errors.New("cancelled by a user")
		ctx, cancel := context.WithCancelCause(e.context(t))
		done := make(chan error, 1)
		go func() {
			_, err := e.Engine.Exec(ctx, engine.ExecRequest{
				Environment: e.id, Release: "r1", Container: "shop", Command: test.command, StopTimeout: test.grace,
			})
			done <- err
		}()
		e.await(t, func() bool { _, code := e.run(t, "r1", "shop", e.Tools.Running(test.mark)); return code == 0 })
		cancel(cause)
		if err := <-done; !errors.Is(err, cause) {
			t.Errorf("%s: got error %v, want the cause", test.mark, err)
		}
		if _, code := e.run(t, "r1", "shop", e.Tools.Running(test.mark)); code == 0 {
			t.Errorf("%s: a process is left after Exec returned", test.mark)
		}
	}
}

func testExecLeftBehind(t *testing.T, e *env) {
	e.live(t, e.spec("r1"))
	reader, writer := io.Pipe() // never written: nobody types
	defer writer.Close()        //nolint:errcheck // a pipe in memory
	code, err := e.Engine.Exec(e.context(t), engine.ExecRequest{
		Environment: e.id, Release: "r1", Container: "shop", Command: e.Tools.Print("", "", 3), Stdin: reader,
	})
	if code != 3 || err != nil {
		t.Errorf("got status %d, error %v, want 3 while standard input stays open", code, err)
	}
}

// await polls until the condition holds.
func (e *env) await(t *testing.T, condition func() bool) {
	t.Helper()
	ctx := e.context(t)
	for !condition() {
		if ctx.Err() != nil {
			t.Fatal(context.Cause(ctx))
		}
	}
}
