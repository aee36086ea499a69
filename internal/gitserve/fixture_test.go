package gitserve_test

import (
	"context"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"sluice/internal/access"
	"sluice/internal/gitrepo"
	"sluice/internal/gitserve"
	"sluice/internal/platform"
)

// TestMain lets the test binary be the program behind the hooks.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "hook" {
		os.Exit(gitserve.RunHook(context.Background(), os.Args[2:], os.Environ(), os.Stdin, os.Stderr)) //nolint:forbidigo // a main
	}
	os.Exit(m.Run()) //nolint:forbidigo // a main
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// tokens is a Gate: "write" may push, "read" may clone, "dev" may push to branches that
// begin with "dev", "stranger" is known and may see nothing.
type tokens struct{}

func (tokens) Authenticate(_ context.Context, token string) (access.Subject, error) {
	if !slices.Contains([]string{"write", "read", "dev", "stranger"}, token) {
		return access.Subject{}, platform.Errorf(platform.CodeUnauthorized, "the token is not valid")
	}
	return access.Subject{Actor: platform.Actor{ID: token, Name: "Jo"}}, nil
}

func (tokens) Authorize(_ context.Context, by access.Subject, p access.Permission, project, _ string) error {
	switch {
	case by.ID == "read" && p == access.CodeRead, project == "shop" && (by.ID == "write" || by.ID == "dev"):
		return nil
	case by.ID == "read":
		return platform.Errorf(platform.CodeForbidden, "your token may only read").WithHint("ask for a contributor's token")
	}
	return platform.Errorf(platform.CodeNotFound, "project %s is secret", project)
}

func (tokens) AuthorizePush(_ context.Context, by access.Subject, push platform.Push) error {
	for _, u := range push.Updates {
		if branch, ok := u.Branch(); ok && by.ID == "dev" && !strings.HasPrefix(branch, "dev") {
			return access.Subject{}.Require(access.CodePush, push.Project, platform.Production)
		}
	}
	return nil
}

// receiver records pushes; a test may replace what it does.
type receiver struct {
	pre, post func(context.Context, platform.Push, io.Writer) error

	mu     sync.Mutex
	pushes []platform.Push // of PostReceive
}

func (r *receiver) PreReceive(ctx context.Context, p platform.Push, out io.Writer) error {
	if r.pre == nil {
		return nil
	}
	return r.pre(ctx, p, out)
}

func (r *receiver) PostReceive(ctx context.Context, p platform.Push, out io.Writer) error {
	r.mu.Lock()
	r.pushes = append(r.pushes, p)
	r.mu.Unlock()
	if r.post == nil {
		return nil
	}
	return r.post(ctx, p, out)
}

func (r *receiver) stored() []platform.Push {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.pushes
}

// fixture is a server with the repository "shop" and a work tree to push from.
type fixture struct {
	*receiver
	t     *testing.T
	repos *gitrepo.Repos
	serve *gitserve.Server
	http  *httptest.Server
	work  string
}

type settings struct {
	limits  gitserve.Limits
	trees   gitrepo.Limits
	command []string
}

func newFixture(t *testing.T, s settings) *fixture {
	t.Helper()
	if s.trees == (gitrepo.Limits{}) {
		s.trees = gitrepo.DefaultLimits()
	}
	repos, err := gitrepo.New(filepath.Join(t.TempDir(), "repos"), s.trees)
	check(t, err)
	check(t, repos.Create(t.Context(), "shop", "main"))
	if s.command == nil {
		s.command = []string{os.Args[0], "hook"}
	}
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	dir, err := os.MkdirTemp("", "gs") //nolint:usetesting // the path of a socket may have 108 bytes only
	check(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	hooks, err := gitserve.ListenHooks(t.Context(), gitserve.HookConfig{Dir: dir, Command: s.command, Log: log})
	check(t, err)
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := hooks.Serve(); err != nil {
			t.Error(err)
		}
	})
	f := &fixture{receiver: &receiver{}, t: t, repos: repos, work: t.TempDir()}
	f.serve, err = gitserve.New(gitserve.Config{
		Repositories: repos, Gate: tokens{}, Receiver: f.receiver, Hooks: hooks, Limits: s.limits, Log: log,
	})
	check(t, err)
	f.http = httptest.NewServer(f.serve)
	t.Cleanup(func() {
		f.serve.Stop()
		f.http.Close() // waits for the handlers
		check(t, hooks.Close())
		serving.Wait()
	})
	f.mustGit("init", "--quiet", "--initial-branch=main")
	return f
}

// url returns the address of the repository for the owner of a token.
func (f *fixture) url(token string) string {
	return strings.Replace(f.http.URL, "http://", "http://git:"+token+"@", 1) + "/shop.git"
}

// command prepares git in the work tree.
func (f *fixture) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = f.work
	cmd.Env = append(cmd.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=Jo", "GIT_AUTHOR_EMAIL=jo@example.com", "GIT_COMMITTER_NAME=Jo", "GIT_COMMITTER_EMAIL=jo@example.com")
	// The connection belongs to git-remote-http, a child that outlives a killed git.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	return cmd
}

// git runs git in the work tree and returns all that it says.
func (f *fixture) git(args ...string) (string, error) {
	out, err := f.command(f.t.Context(), args...).CombinedOutput()
	return string(out), err
}

func (f *fixture) mustGit(args ...string) string {
	f.t.Helper()
	out, err := f.git(args...)
	if err != nil {
		f.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(out)
}

// commit changes a file and returns the new commit.
func (f *fixture) commit(name, content string) string {
	f.t.Helper()
	check(f.t, os.MkdirAll(filepath.Dir(filepath.Join(f.work, name)), 0o700))
	check(f.t, os.WriteFile(filepath.Join(f.work, name), []byte(content), 0o600))
	f.mustGit("add", "--all")
	f.mustGit("commit", "--quiet", "--message", "change "+name)
	return f.mustGit("rev-parse", "HEAD")
}

// head returns what a branch points at on the server, "" when it does not exist.
func (f *fixture) head(branch string) string {
	f.t.Helper()
	branches, err := f.repos.Branches(f.t.Context(), "shop")
	check(f.t, err)
	for _, b := range branches {
		if b.Name == branch {
			return b.Commit
		}
	}
	return ""
}
