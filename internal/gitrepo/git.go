package gitrepo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"sluice/internal/gitcmd"
	"sluice/internal/platform"
)

// maxOutput is how much of a short output of git is read, in bytes.
const maxOutput = 4 << 20

// settings is what reading and checking out need on top of gitcmd's configuration.
func settings() []gitcmd.Setting {
	return []gitcmd.Setting{
		{"core.symlinks", "true"},
		{"core.protectHFS", "true"}, // a tree must not write into .git under another spelling
		{"core.protectNTFS", "true"},
		{"core.precomposeUnicode", "false"},
		{"core.quotePath", "false"},
		{"checkout.workers", "0"}, // as many as there are processors
		{"advice.detachedHead", "false"},
	}
}

// command prepares a git process on the repository in dir.
func (r *Repos) command(ctx context.Context, dir string, env []string, args ...string) *gitcmd.Cmd {
	return r.git.Command(ctx, settings(), append([]string{"GIT_DIR=" + dir}, env...), args...)
}

// output runs a git command whose output is short.
func (r *Repos) output(ctx context.Context, dir string, env []string, args ...string) (string, error) {
	return collect(ctx, r.command(ctx, dir, env, args...), verb(args))
}

// collect runs a prepared command and returns its output.
func collect(ctx context.Context, cmd *gitcmd.Cmd, subcommand string) (string, error) {
	var out bytes.Buffer
	cmd.SetStdout(&limitedWriter{w: &out, left: maxOutput})
	if err := cmd.Run(); err != nil {
		return "", gitError(ctx, subcommand, err, cmd)
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
func gitError(ctx context.Context, subcommand string, err error, cmd *gitcmd.Cmd) error {
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if text := cmd.Stderr(); text != "" {
		return fmt.Errorf("git %s: %w: %s", subcommand, err, text)
	}
	return fmt.Errorf("git %s: %w", subcommand, err)
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

// checkQuarantine allows only the variables by which git finds quarantined objects.
func checkQuarantine(env []string) error {
	known := []string{"GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH"}
	for _, kv := range env {
		name, _, _ := strings.Cut(kv, "=")
		if !slices.Contains(known, name) {
			return platform.Errorf(platform.CodeInvalid, "unexpected quarantine variable %s", name)
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
