package enginetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"sluice/internal/engine"
)

func testExec(e *env) {
	e.live(e.spec("r1"))
	var stdout, stderr bytes.Buffer
	request := engine.ExecRequest{
		Environment: e.id, Release: "r1", Container: "shop",
		Command: e.Tools.Print("to out", "to err", 7), Stdout: &stdout, Stderr: &stderr,
	}
	code, err := e.Engine.Exec(e.context(), request)
	if code != 7 || err != nil || stdout.String() != "to out" || stderr.String() != "to err" {
		e.Errorf("got status %d, error %v, %q and %q", code, err, &stdout, &stderr)
	}
	if got := e.must("r1", "shop", e.Tools.Env("COLOR")); got != "blue" {
		e.Errorf("COLOR is %q, want the container's own", got)
	}
	if got := e.must("r1", "shop", e.Tools.Self()); got != user+" /tmp" {
		e.Errorf("runs as %q, want the container's own user and directory", got)
	}

	stdout.Reset()
	request.Command, request.Env = e.Tools.Env("COLOR"), map[string]string{"COLOR": "red"}
	if code, err := e.Engine.Exec(e.context(), request); code != 0 || err != nil || stdout.String() != "red" {
		e.Errorf("got status %d, error %v, COLOR=%s; want the request's", code, err, &stdout)
	}
	stdout.Reset()
	request.Command, request.User, request.Dir = e.Tools.Self(), "1234:1234", "/etc"
	if code, err := e.Engine.Exec(e.context(), request); code != 0 || err != nil || stdout.String() != "1234:1234 /etc" {
		e.Errorf("got status %d, error %v, %q; want the request's user and directory", code, err, &stdout)
	}
	stdout.Reset()
	text := strings.Repeat("a line of input\n", 20_000)
	request.Command, request.Stdin = e.Tools.Copy(), strings.NewReader(text)
	if code, err := e.Engine.Exec(e.context(), request); code != 0 || err != nil || stdout.String() != text {
		e.Errorf("got status %d, error %v, %d bytes; want %d", code, err, stdout.Len(), len(text))
	}
}

func testExecTTY(e *env) {
	e.live(e.spec("r1"))
	var stdout, stderr bytes.Buffer
	code, err := e.Engine.Exec(e.context(), engine.ExecRequest{
		Environment: e.id, Release: "r1", Container: "shop",
		Command: e.Tools.Print("to out,", "to err", 5), Stdout: &stdout, Stderr: &stderr, TTY: true,
		Stdin: strings.NewReader(""), // its end takes no output away
	})
	if code != 5 || err != nil || stdout.String() != "to out,to err" || stderr.Len() != 0 {
		e.Errorf("got status %d, error %v, %q and %q", code, err, &stdout, &stderr)
	}
}

func testExecSizes(e *env) {
	if !e.Engine.Capabilities().Resize {
		e.Skip("the engine has terminals of one size")
	}
	e.live(e.spec("r1"))
	sizes := make(chan engine.TerminalSize, 2)
	sizes <- engine.TerminalSize{Columns: 80, Rows: 24}
	sizes <- engine.TerminalSize{Columns: 101, Rows: 33}
	code, err := e.Engine.Exec(e.context(), engine.ExecRequest{
		Environment: e.id, Release: "r1", Container: "shop", TTY: true, Sizes: sizes, Command: e.Tools.AwaitSize(101, 33),
	})
	if code != 0 || err != nil {
		e.Errorf("got status %d, error %v", code, err)
	}
}

func testExecSignals(e *env) {
	e.live(e.spec("r1"))
	signals := make(chan string, 2)
	signals <- "NOSUCH" // is ignored
	signals <- "TERM"
	code, err := e.Engine.Exec(e.context(), engine.ExecRequest{
		Environment: e.id, Release: "r1", Container: "shop", Signals: signals, Command: e.Tools.Idle("signalled"),
	})
	if code != 128+15 || err != nil {
		e.Errorf("got status %d, error %v", code, err)
	}
}

func testExecNotFound(e *env) {
	spec := e.spec("r1")
	spec.Apps[0].Warm = false
	e.prepare(spec) // the web container exists and does not run
	for _, container := range []string{"shop", "nobody"} {
		_, err := e.Engine.Exec(e.context(), engine.ExecRequest{
			Environment: e.id, Release: "r1", Container: container, Command: e.Tools.Self(),
		})
		if !errors.Is(err, engine.ErrNotFound) {
			e.Errorf("Exec in %s: got %v, want ErrNotFound", container, err)
		}
	}
}

func testExecCancel(e *env) {
	e.live(e.spec("r1"))
	for _, test := range []struct {
		mark    string
		command []string
		grace   time.Duration
	}{
		{"obeys-mark", e.Tools.Idle("obeys-mark"), limit},
		{"ignores-mark", e.Tools.Stubborn("ignores-mark"), 50 * time.Millisecond},
	} {
		cause := errors.New("cancelled by a user")
		ctx, cancel := context.WithCancelCause(e.context())
		done := make(chan error, 1)
		go func() {
			_, err := e.Engine.Exec(ctx, engine.ExecRequest{
				Environment: e.id, Release: "r1", Container: "shop", Command: test.command, StopTimeout: test.grace,
			})
			done <- err
		}()
		e.await(func() bool { _, code := e.run("r1", "shop", e.Tools.Running(test.mark)); return code == 0 })
		cancel(cause)
		if err := <-done; !errors.Is(err, cause) {
			e.Errorf("%s: got error %v, want the cause", test.mark, err)
		}
		if _, code := e.run("r1", "shop", e.Tools.Running(test.mark)); code == 0 {
			e.Errorf("%s: a process is left after Exec returned", test.mark)
		}
	}
}

func testExecLeftBehind(e *env) {
	e.live(e.spec("r1"))
	reader, writer := io.Pipe() // never written to, as by a user who does not type
	defer writer.Close()        //nolint:errcheck // a pipe in memory
	code, err := e.Engine.Exec(e.context(), engine.ExecRequest{
		Environment: e.id, Release: "r1", Container: "shop", Command: e.Tools.Print("", "", 3), Stdin: reader,
	})
	if code != 3 || err != nil {
		e.Errorf("got status %d, error %v, want 3 while standard input stays open", code, err)
	}
	if out, code := e.run("r1", "shop", e.Tools.Leave(4)); code != 4 {
		e.Errorf("got status %d (%s), want 4 while a process is left", code, out)
	}
}

// await polls until the condition holds.
func (e *env) await(condition func() bool) {
	e.Helper()
	ctx := e.context()
	for !condition() {
		if ctx.Err() != nil {
			e.Fatal(context.Cause(ctx))
		}
	}
}
