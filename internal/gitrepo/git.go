package gitrepo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/internal/platform"
)

// stopDelay is how long a git process whose context has ended may keep its pipes open.
const stopDelay = 5 * time.Second

// maxOutput is how much of a short answer of git is read, in bytes.
const maxOutput = 4 << 20

// config is the whole configuration that git works with: no file of the machine or of a
// user counts, and a repository's own file holds nothing of weight.
func config() [][2]string {
	return [][2]string{
		{"safe.directory", "*"},              // the data directory may belong to another user than we
		{"core.hooksPath", "/dev/null"},      // reading runs no hook
		{"core.attributesFile", "/dev/null"}, // nor a driver that someone configured
		{"core.fsmonitor", "false"},
		{"core.symlinks", "true"},
		{"core.protectHFS", "true"}, // a tree must not write into .git under another spelling
		{"core.protectNTFS", "true"},
		{"core.precomposeUnicode", "false"},
		{"core.quotePath", "false"},
		{"gc.auto", "0"},
		{"checkout.workers", "0"}, // as many as there are processors
		{"advice.detachedHead", "false"},
	}
}

// environment returns the variables of a git process. Nothing is inherited.
func environment(dir string, extra []string) []string {
	env := []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"LC_ALL=C.UTF-8",
		"HOME=/nonexistent",
		"GIT_DIR=" + dir,
		"GIT_CONFIG_NOSYSTEM=1",
		"GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_ATTR_NOSYSTEM=1",
		"GIT_TERMINAL_PROMPT=0",
		"GIT_NO_REPLACE_OBJECTS=1", // a pushed refs/replace must not change what a commit means
	}
	pairs := config()
	env = append(env, "GIT_CONFIG_COUNT="+strconv.Itoa(len(pairs)))
	for i, kv := range pairs {
		env = append(env, fmt.Sprintf("GIT_CONFIG_KEY_%d=%s", i, kv[0]), fmt.Sprintf("GIT_CONFIG_VALUE_%d=%s", i, kv[1]))
	}
	return append(env, extra...)
}

// command prepares a git process on the repository in dir.
func (r *Repos) command(ctx context.Context, dir string, env []string, args ...string) (*exec.Cmd, *tail) {
	cmd := exec.CommandContext(ctx, r.git, args...) //nolint:gosec // no shell; callers pass verbs, checked names and object ids
	cmd.Dir = "/"
	cmd.Env = environment(dir, env)
	cmd.WaitDelay = stopDelay
	errOut := &tail{}
	cmd.Stderr = errOut
	return cmd, errOut
}

// output runs a git command that answers shortly.
func (r *Repos) output(ctx context.Context, dir string, env []string, args ...string) (string, error) {
	cmd, errOut := r.command(ctx, dir, env, args...)
	var out bytes.Buffer
	cmd.Stdout = &limitedWriter{w: &out, left: maxOutput}
	if err := cmd.Run(); err != nil {
		return "", gitError(ctx, verb(args), err, errOut)
	}
	return out.String(), nil
}

// verb returns the subcommand after git's own options, which all take a value here.
func verb(args []string) string {
	for len(args) > 2 && strings.HasPrefix(args[0], "-") {
		args = args[2:]
	}
	return args[0]
}

// gitError says which command failed, and what git said about it.
func gitError(ctx context.Context, subcommand string, err error, errOut *tail) error {
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if text := strings.TrimSpace(errOut.String()); text != "" {
		return fmt.Errorf("git %s: %w: %s", subcommand, err, text)
	}
	return fmt.Errorf("git %s: %w", subcommand, err)
}

// exitCode returns the status with which git ended, or -1 when it did not end by itself.
func exitCode(err error) int {
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		return e.ExitCode()
	}
	return -1
}

var objectPattern = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// checkObject refuses everything that is not a full object id: it could be an option, or
// name something else tomorrow.
func checkObject(id string) error {
	if !objectPattern.MatchString(id) || strings.Trim(id, "0") == "" {
		return platform.Errorf(platform.CodeInvalid, "%q is not the full identifier of a commit", id)
	}
	return nil
}

// checkQuarantine lets only those variables through by which git finds quarantined objects.
func checkQuarantine(env []string) error {
	known := []string{"GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH"}
	for _, kv := range env {
		name, _, _ := strings.Cut(kv, "=")
		if !slices.Contains(known, name) {
			return platform.Errorf(platform.CodeInvalid, "%s has nothing to do with a quarantine", name)
		}
	}
	return nil
}

var errTooMuchOutput = errors.New("more output than expected")

// limitedWriter fails when more is written to it than expected.
type limitedWriter struct {
	w    io.Writer
	left int
}

// Write implements io.Writer.
func (l *limitedWriter) Write(p []byte) (int, error) {
	if len(p) > l.left {
		return 0, errTooMuchOutput
	}
	l.left -= len(p)
	return l.w.Write(p)
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
func (t *tail) String() string { return strings.ToValidUTF8(string(t.buf), "\uFFFD") }
