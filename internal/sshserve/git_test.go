package sshserve_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"

	"sluice/internal/access"
	"sluice/internal/gitrepo"
	"sluice/internal/gitserve"
	"sluice/internal/platform"
	"sluice/internal/sshserve"
)

// gitAdapter joins the two servers as the control plane does.
type gitAdapter struct{ *gitserve.Server }

func (g gitAdapter) Serve(ctx context.Context, s sshserve.GitSession) int {
	return g.ServeSession(ctx, gitserve.Session(s))
}

// receiver keeps the pushes, and refuses those to the branch "invalid".
type receiver struct {
	mu     sync.Mutex
	pushes []platform.Push
}

func (r *receiver) PreReceive(_ context.Context, p platform.Push, _ io.Writer) error {
	if strings.HasSuffix(p.Updates[0].Ref, "/invalid") {
		return platform.Errorf(platform.CodeInvalid, ".magento.app.yaml: no applications").WithHint("add one")
	}
	return nil
}

func (r *receiver) PostReceive(_ context.Context, p platform.Push, out io.Writer) error {
	r.mu.Lock()
	r.pushes = append(r.pushes, p)
	r.mu.Unlock()
	_, err := io.WriteString(out, "the log of the deployment\n")
	return err
}

func (r *receiver) stored() []platform.Push {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.pushes)
}

type gitFixture struct {
	*fixture
	*receiver
	work string
}

func newGitFixture(t *testing.T) *gitFixture {
	t.Helper()
	repos, err := gitrepo.New(filepath.Join(t.TempDir(), "repos"), gitrepo.DefaultLimits())
	check(t, err)
	check(t, repos.Create(t.Context(), "shop", "main"))
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	dir, err := os.MkdirTemp("", "gs") //nolint:usetesting // the path of a socket may have 108 bytes only
	check(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	hooks, err := gitserve.ListenHooks(t.Context(), gitserve.HookConfig{Dir: dir, Command: []string{os.Args[0], "hook"}, Log: log})
	check(t, err)
	var serving sync.WaitGroup
	serving.Go(func() { _ = hooks.Serve() })
	t.Cleanup(func() {
		check(t, hooks.Close())
		serving.Wait()
	})
	g := &gitFixture{receiver: &receiver{}, work: t.TempDir()}
	gate := &rules{denied: map[access.Permission]bool{}}
	server, err := gitserve.New(gitserve.Config{Repositories: repos, Gate: gate, Receiver: g.receiver, Hooks: hooks, Log: log})
	check(t, err)
	g.fixture = newFixture(t, options{git: gitAdapter{server}})
	g.rules = gate
	g.mustGit("init", "--quiet", "--initial-branch=main")
	g.commit("first")
	return g
}

func (g *gitFixture) git(args ...string) (string, error) {
	cmd := exec.CommandContext(g.tb.Context(), "git", args...)
	cmd.Dir = g.work
	var words []string
	for _, w := range append([]string{"ssh"}, g.openssh()...) {
		words = append(words, "'"+w+"'")
	}
	cmd.Env = append(cmd.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_SSH_COMMAND="+strings.Join(words, " "),
		"GIT_AUTHOR_NAME=Jo", "GIT_AUTHOR_EMAIL=jo@example.com", "GIT_COMMITTER_NAME=Jo", "GIT_COMMITTER_EMAIL=jo@example.com")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (g *gitFixture) mustGit(args ...string) string {
	g.tb.Helper()
	out, err := g.git(args...)
	if err != nil {
		g.tb.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func (g *gitFixture) commit(name string) {
	g.tb.Helper()
	check(g.tb, os.WriteFile(filepath.Join(g.work, name), []byte(name), 0o600))
	g.mustGit("add", "--all")
	g.mustGit("commit", "--quiet", "--message", name)
}

const repository = "shop@127.0.0.1:shop.git"

func TestGitPushesAndClones(t *testing.T) {
	g := newGitFixture(t)
	out := g.mustGit("push", "-o", "environment.title=A shop", repository, "main")
	if !strings.Contains(out, "remote: the log of the deployment") {
		t.Errorf("git says %s", out)
	}
	if got := g.stored()[0]; got.Actor.ID != "u-1" || got.Project != "shop" || got.Options["environment.title"] != "A shop" || len(got.Options) != 1 {
		t.Errorf("got %+v", got)
	}
	clone := t.TempDir()
	g.mustGit("clone", "--quiet", "git@127.0.0.1:/shop.git", clone)
	if _, err := os.Stat(filepath.Join(clone, "first")); err != nil {
		t.Error(err)
	}
	g.commit("second")
	g.mustGit("-c", "protocol.version=0", "fetch", repository)
	out = g.mustGit("-c", "core.sshCommand=", "push", repository, "main")
	if !strings.Contains(out, "main -> main") {
		t.Errorf("git says %s", out)
	}
}

// rawPush sends a push of the branch main in a session of its own.
func (g *gitFixture) rawPush(s *ssh.Session) {
	g.tb.Helper()
	in, err := s.StdinPipe()
	check(g.tb, err)
	check(g.tb, s.Start("git-receive-pack 'shop.git'"))
	head := strings.TrimSpace(g.mustGit("rev-parse", "HEAD"))
	pack := exec.CommandContext(g.tb.Context(), "git", "pack-objects", "--all", "--stdout", "-q")
	pack.Dir = g.work
	objects, err := pack.Output()
	check(g.tb, err)
	line := strings.Repeat("0", 40) + " " + head + " refs/heads/main\x00 report-status\n"
	_, err = io.WriteString(in, pkt(line)+"0000"+string(objects))
	check(g.tb, err)
}

func TestAPushThatDoesNotWait(t *testing.T) {
	g := newGitFixture(t)
	s, err := g.dial("shop").NewSession()
	check(t, err)
	check(t, s.Setenv("PLATFORMSH_PUSH_NO_WAIT", "1"))
	out, err := s.StdoutPipe()
	check(t, err)
	g.rawPush(s)
	text, err := io.ReadAll(out)
	check(t, err)
	if !strings.Contains(string(text), "ok refs/heads/main") {
		t.Errorf("got %q", text)
	}
	check(t, s.Wait())
	if got := g.stored()[0].Options; got["deploy.wait"] != "false" {
		t.Errorf("the options are %v", got)
	}
}

// pkt returns a line as git frames it.
func pkt(s string) string { return fmt.Sprintf("%04x%s", len(s)+4, s) }

func TestAnInvalidPushIsRefused(t *testing.T) {
	g := newGitFixture(t)
	out, err := g.git("push", repository, "main:refs/heads/invalid")
	if err == nil || !strings.Contains(out, "E: .magento.app.yaml: no applications") || !strings.Contains(out, "pre-receive hook declined") {
		t.Errorf("%v: %s", err, out)
	}
}

func TestGitRefusesWhatTheRoleDoesNotAllow(t *testing.T) {
	g := newGitFixture(t)
	g.mustGit("push", repository, "main")
	g.rules.deny(access.CodePushSomewhere, true)
	out, err := g.git("push", repository, "main:refs/heads/x")
	if err == nil || !strings.Contains(out, "E: code.push needs the role contributor") {
		t.Errorf("%v: %s", err, out)
	}
	g.mustGit("ls-remote", repository)
	g.rules.deny(access.CodeRead, true)
	if out, err := g.git("ls-remote", repository); err == nil || !strings.Contains(out, "E: code.read needs") {
		t.Errorf("%v: %s", err, out)
	}
	if out, err := g.git("ls-remote", "other@127.0.0.1:other.git"); err == nil || strings.Contains(out, "refs/") {
		t.Errorf("%v: %s", err, out)
	}
}

// TestAnEnvironmentsLoginRunsGitThere: only the login of a project is for its repository.
func TestAnEnvironmentsLoginRunsGitThere(t *testing.T) {
	g := newGitFixture(t)
	_ = g.run("", "ssh", host, "git-upload-pack 'shop.git'")
	if c := g.machine.last(t); !slices.Equal(c.Argv, []string{"/bin/bash", "-c", "git-upload-pack 'shop.git'"}) {
		t.Errorf("it ran %q", c.Argv)
	}
	if r := g.run("", "ssh", "shop@127.0.0.1", "id"); r.code != 255 || !strings.Contains(r.err, "could not connect to service shop") {
		t.Errorf("got %+v", r)
	}
}

// TestAPusherWhoLeavesLeavesThePush: what was accepted is deployed.
func TestAPusherWhoLeavesLeavesThePush(t *testing.T) {
	g := newGitFixture(t)
	c, err := g.tryDial("shop", g.signer)
	check(t, err)
	s, err := c.NewSession()
	check(t, err)
	g.rawPush(s)
	// The request is answered when the server has read what came before.
	_, _, err = c.SendRequest("keepalive@openssh.com", true, nil)
	check(t, err)
	_ = c.Close()
	for range 3000 {
		if len(g.stored()) == 1 {
			return
		}
		_ = g.mustGit("rev-parse", "HEAD") // takes a moment
	}
	t.Error("the push was not received")
}
