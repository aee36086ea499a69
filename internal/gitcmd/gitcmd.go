package gitcmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// Limits of one git process. A file of 100 MB, the largest that the big hosts take, can
// still be pushed as the difference to another one; larger files are streamed.
const (
	MaxAllocation = 128 << 20        // bytes that git asks for at once, such as a whole commit
	MaxMemory     = 768 << 20        // bytes of private memory of a process
	MaxCPU        = 15 * time.Minute // processor time of a process
)

// stopDelay is how long the pipes of a git process may stay open after its end.
const stopDelay = 5 * time.Second

// Setting is one key of git's configuration and its value.
type Setting [2]string

// Git is the git binary. It is safe for concurrent use.
type Git struct{ path string }

// ErrNotInstalled is returned when there is no git on this machine.
var ErrNotInstalled = errors.New("git is not installed")

// Find looks for git in the PATH of this process.
func Find() (*Git, error) {
	path, err := exec.LookPath("git")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotInstalled, err)
	}
	return &Git{path: path}, nil
}

// base is the configuration of every git process.
func base() []Setting {
	return []Setting{
		{"safe.directory", "*"},         // the data directory may belong to another user
		{"core.hooksPath", "/dev/null"}, // nothing in a repository runs
		{"core.attributesFile", "/dev/null"},
		{"core.fsmonitor", "false"},
		{"core.bigFileThreshold", "16m"}, // larger blobs are streamed, not held
		{"core.packedGitWindowSize", "32m"},
		{"core.packedGitLimit", "256m"},
		{"core.deltaBaseCacheLimit", "64m"},
		{"pack.windowMemory", "128m"},
		{"pack.deltaCacheSize", "64m"},
		{"pack.threads", "1"},
		{"index.threads", "1"},
		{"gc.auto", "0"},
	}
}

// environment returns the variables of a git process. Nothing is inherited.
func environment(settings []Setting, extra []string) []string {
	settings = append(base(), settings...) // of two values the last counts
	env := []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"LC_ALL=C.UTF-8",
		"HOME=/nonexistent",
		"GIT_CONFIG_NOSYSTEM=1",
		"GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_ATTR_NOSYSTEM=1",
		"GIT_TERMINAL_PROMPT=0",
		"GIT_NO_REPLACE_OBJECTS=1", // a pushed refs/replace must not change what a commit means
		"GIT_ALLOC_LIMIT=" + strconv.Itoa(MaxAllocation),
		"GIT_CONFIG_COUNT=" + strconv.Itoa(len(settings)),
	}
	for i, kv := range settings {
		env = append(env, fmt.Sprintf("GIT_CONFIG_KEY_%d=%s", i, kv[0]), fmt.Sprintf("GIT_CONFIG_VALUE_%d=%s", i, kv[1]))
	}
	return append(env, extra...)
}

// Cmd is one git process that is prepared or runs. Of the methods of exec.Cmd it has
// those that start the process within its limits.
type Cmd struct {
	cmd    *exec.Cmd
	stderr tail
}

// Command prepares git. Its working directory is "/"; settings are added to the
// configuration and env to the variables. When ctx ends, git is killed.
func (g *Git) Command(ctx context.Context, settings []Setting, env []string, args ...string) *Cmd {
	c := &Cmd{cmd: exec.CommandContext(ctx, g.path, args...)} //nolint:gosec // no shell; callers pass verbs, checked names and object ids
	c.cmd.Dir = "/"
	c.cmd.Env = environment(settings, env)
	c.cmd.WaitDelay = stopDelay
	c.cmd.Stderr = &c.stderr
	return c
}

// StdinPipe returns git's input. It is called before Start.
func (c *Cmd) StdinPipe() (io.WriteCloser, error) { return c.cmd.StdinPipe() }

// StdoutPipe returns git's output. It is called before Start, and read before Wait.
func (c *Cmd) StdoutPipe() (io.ReadCloser, error) { return c.cmd.StdoutPipe() }

// SetStdout sends git's output to w.
func (c *Cmd) SetStdout(w io.Writer) { c.cmd.Stdout = w }

// SetStdin has the process read what r has.
func (c *Cmd) SetStdin(r io.Reader) { c.cmd.Stdin = r }

// Start starts git. The limits hold from before git has read anything: they are set while
// it is still being loaded.
func (c *Cmd) Start() error {
	if err := c.cmd.Start(); err != nil {
		return err
	}
	if err := limit(c.cmd.Process.Pid); err != nil {
		c.Kill()
		_ = c.cmd.Wait() // it was killed
		return fmt.Errorf("limit git: %w", err)
	}
	return nil
}

// Wait waits for the end of git.
func (c *Cmd) Wait() error { return c.cmd.Wait() }

// Run starts git and waits for its end.
func (c *Cmd) Run() error {
	if err := c.Start(); err != nil {
		return err
	}
	return c.Wait()
}

// Output runs git and returns what it prints.
func (c *Cmd) Output() ([]byte, error) {
	var out bytes.Buffer
	c.cmd.Stdout = &out
	err := c.Run()
	return out.Bytes(), err
}

// Kill ends a git that was started.
func (c *Cmd) Kill() { _ = c.cmd.Process.Kill() } // it may have ended

// Pid returns the identifier of a process that was started.
func (c *Cmd) Pid() int { return c.cmd.Process.Pid }

// Stderr returns the end of what git printed to its standard error, as valid UTF-8.
func (c *Cmd) Stderr() string { return c.stderr.String() }

// ExitCode returns the status with which git ended, or -1 when it did not end by itself.
func ExitCode(err error) int {
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		return e.ExitCode()
	}
	return -1
}

// tail keeps the end of what is written to it.
type tail struct{ buf []byte }

const maxTail = 4 << 10

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.buf = append(t.buf, p...)
	if len(t.buf) > maxTail {
		t.buf = append(t.buf[:0], t.buf[len(t.buf)-maxTail:]...)
	}
	return len(p), nil
}

// String returns what was kept.
func (t *tail) String() string {
	return strings.TrimSpace(strings.ToValidUTF8(string(t.buf), "\uFFFD"))
}
