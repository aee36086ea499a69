package cli

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// remoteName is the git remote by which a directory belongs to a project.
const remoteName = "sluice"

// git runs git in the checkout (the current directory, unless a command names another one)
// and returns what it prints, without the last newline.
func (c *program) git(ctx context.Context, args ...string) (string, error) {
	out, err := c.gitIn(ctx, c.checkout, "", args...)
	return strings.TrimRight(out, "\n"), err
}

// gitIn runs git in a directory and returns what it prints.
func (c *program) gitIn(ctx context.Context, dir, input string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...) //nolint:gosec // our own arguments, no shell
	cmd.Dir, cmd.Env, cmd.Stdin = dir, c.environ, strings.NewReader(input)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if text := strings.TrimSpace(stderr.String()); text != "" {
			return "", fmt.Errorf("git %s: %s", args[0], text)
		}
		return "", fmt.Errorf("git %s: %w", args[0], err)
	}
	return stdout.String(), nil
}

// remoteProject returns the project of the checkout's git remote, or "".
func (c *program) remoteProject(ctx context.Context) string {
	address, err := c.git(ctx, "config", "--get", "remote."+remoteName+".url")
	if err != nil {
		return ""
	}
	return projectOfURL(address)
}

// projectOfURL returns the last part of a repository's address without ".git".
func projectOfURL(address string) string {
	address = strings.TrimSuffix(strings.TrimRight(address, "/"), ".git")
	if i := strings.LastIndexAny(address, "/:"); i >= 0 {
		return address[i+1:]
	}
	return ""
}

// branch returns the environment that the current branch belongs to: its upstream's name
// on our remote, or its own. It is "" outside a branch.
func (c *program) branch(ctx context.Context) string {
	upstream, err := c.git(ctx, "rev-parse", "--abbrev-ref", "--symbolic-full-name", "@{upstream}")
	if name, ok := strings.CutPrefix(upstream, remoteName+"/"); err == nil && ok {
		return name
	}
	name, err := c.git(ctx, "symbolic-ref", "--short", "-q", "HEAD")
	if err != nil {
		return ""
	}
	return name
}

// credentialHelper is the git setting that makes git ask this program for the token, which
// so is in no command line and in no repository.
func credentialHelper() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find this program: %w", err)
	}
	return "!'" + strings.ReplaceAll(self, "'", `'\''`) + "' auth:git-credential", nil
}
