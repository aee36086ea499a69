package shell

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Log is where the runner tells what it runs.
type Log interface {
	Debug(message string)
}

// Redactor hides secrets in what a Failure says.
type Redactor interface {
	Redact(text string) string
}

// Local runs commands on this machine.
type Local struct {
	Dir      string   // the application's root
	Env      []string // the whole environment of the commands
	Log      Log
	Redactor Redactor
}

// grace is what a command has between being asked to end and being killed.
const grace = 30 * time.Second

// maxOutput bounds what is kept of stdout and of stderr, in bytes each; Command.Output is
// given everything.
const maxOutput = 8 << 20

// Run runs the command and waits for it.
func (l *Local) Run(ctx context.Context, c Command) (Result, error) {
	if c.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, c.Timeout, &timeoutError{c.Timeout})
		defer cancel()
	}
	line := Line(c)
	l.Log.Debug(line)
	cmd := l.command(ctx, c)
	stdout, stderr := &capped{}, &capped{}
	output := shared(c.Output)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.Stdin, tee(stdout, output), tee(stderr, output)
	start := time.Now()
	err := cmd.Run()
	result := Result{
		Stdout:  strings.Trim(stdout.String(), "\r\n"),
		Stderr:  strings.TrimRight(stderr.String(), "\r\n"),
		Code:    exitCode(cmd, err),
		Elapsed: time.Since(start),
	}
	if result.Stdout != "" && !c.Quiet {
		l.Log.Debug(result.Stdout)
	}
	if err == nil {
		return result, nil
	}
	if result.Stderr != "" && !c.Quiet {
		l.Log.Debug(result.Stderr)
	}
	return result, l.failure(ctx, cmd, line, result, err)
}

func (l *Local) command(ctx context.Context, c Command) *exec.Cmd {
	args := c.Args
	if c.Script != "" {
		args = append([]string{"/bin/sh", "-c", c.Script, "sh"}, args...)
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...) //nolint:gosec // steps build their own argument lists
	cmd.Dir = c.Dir
	if cmd.Dir == "" {
		cmd.Dir = l.Dir
	}
	cmd.Env = append(append([]string{}, l.Env...), c.Env...)
	// A group of its own, so that what the command started ends with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = grace
	return cmd
}

func (l *Local) failure(ctx context.Context, cmd *exec.Cmd, line string, r Result, err error) error {
	output := excerpt(r.Stdout, r.Stderr)
	if ctx.Err() != nil {
		if cmd.Process != nil { // what is left of the group after its grace
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		}
		err = context.Cause(ctx)
		output = strings.TrimLeft(output+"\n"+err.Error(), "\n")
	}
	if r.Code == notFound && output == "" {
		output = err.Error()
	}
	if l.Redactor != nil {
		line, output = l.Redactor.Redact(line), l.Redactor.Redact(output)
	}
	return &Failure{Line: line, Output: output, Code: r.Code, Err: err}
}

// notFound is the status that a shell gives a program that it cannot start.
const notFound = 127

func exitCode(cmd *exec.Cmd, err error) int {
	if err == nil {
		return 0
	}
	if cmd.ProcessState == nil {
		return notFound
	}
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return cmd.ProcessState.ExitCode()
}

// IsNotFound reports whether the program itself is missing.
func IsNotFound(err error) bool { return errors.Is(err, exec.ErrNotFound) }

type timeoutError struct{ after time.Duration }

func (e *timeoutError) Error() string { return "ended after its time limit of " + e.after.String() }

// oneAtATime is a writer that two streams may write to.
type oneAtATime struct {
	mu sync.Mutex
	w  io.Writer
}

// shared makes a writer that stdout and stderr may both be copied to; nil stays nil.
func shared(w io.Writer) io.Writer {
	if w == nil {
		return nil
	}
	return &oneAtATime{w: w}
}

func (o *oneAtATime) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.w.Write(p)
}

func tee(keep, also io.Writer) io.Writer {
	if also == nil {
		return keep
	}
	return io.MultiWriter(keep, also)
}

// capped keeps the end of what is written: errors are at the end.
type capped struct{ buf bytes.Buffer }

func (c *capped) Write(p []byte) (int, error) {
	n := len(p)
	if over := c.buf.Len() + n - maxOutput; over > 0 {
		c.buf.Next(min(over, c.buf.Len()))
		p = p[max(0, len(p)-maxOutput):]
	}
	c.buf.Write(p)
	return n, nil
}

func (c *capped) String() string { return c.buf.String() }
