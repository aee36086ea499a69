package gitserve_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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

// tokens is an Authorizer: "write" may push, "read" may clone, "stranger" is known and
// may see nothing.
type tokens struct{}

func (tokens) Authorize(_ context.Context, project, token string, write bool) (platform.Actor, error) {
	switch {
	case token == "write" && project == "shop", token == "read" && !write:
		return platform.Actor{ID: token, Name: "Jo"}, nil
	case token == "read":
		return platform.Actor{}, platform.Errorf(platform.CodeForbidden, "your token may only read").WithHint("ask for a contributor's token")
	case token == "stranger" || token == "write":
		return platform.Actor{}, platform.Errorf(platform.CodeNotFound, "project %s is secret", project)
	}
	return platform.Actor{}, platform.Errorf(platform.CodeUnauthorized, "the token is not valid")
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
	maxPush int64
	command []string
}

func newFixture(t *testing.T, s settings) *fixture {
	t.Helper()
	repos, err := gitrepo.New(filepath.Join(t.TempDir(), "repos"))
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
		Repositories: repos, Authorizer: tokens{}, Receiver: f.receiver, Hooks: hooks, MaxPush: s.maxPush, Log: log,
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

func TestPushCloneFetchAndDelete(t *testing.T) {
	f := newFixture(t, settings{})
	f.post = func(_ context.Context, _ platform.Push, out io.Writer) error {
		_, err := io.WriteString(out, "Redeploying environment main\n")
		return err
	}
	first := f.commit("a", "1")
	f.mustGit("tag", "v1")
	out := f.mustGit("push", "-o", "environment.status=active", "-o", "deploy.wait=a=b", "-o", "flag", f.url("write"), "main", "v1")
	if !strings.Contains(out, "remote: Redeploying environment main") {
		t.Errorf("the pusher read %s", out)
	}
	want := []platform.Push{{
		Project: "shop", Actor: platform.Actor{ID: "write", Name: "Jo"},
		Updates: []platform.RefUpdate{
			{Ref: "refs/heads/main", Old: platform.ZeroCommit, New: first},
			{Ref: "refs/tags/v1", Old: platform.ZeroCommit, New: first},
		},
		Options: map[string]string{"environment.status": "active", "deploy.wait": "a=b", "flag": ""},
	}}
	if diff := cmp.Diff(want, f.stored()); diff != "" {
		t.Error(diff)
	}

	clone := t.TempDir()
	f.mustGit("clone", "--quiet", f.url("read"), clone)
	second := f.commit("a", "2")
	f.mustGit("push", f.url("write"), "main", "main:feature/x")
	f.mustGit("-C", clone, "pull", "--quiet")
	if got := f.mustGit("-C", clone, "rev-parse", "HEAD"); got != second {
		t.Errorf("the clone has %s, want %s", got, second)
	}
	f.mustGit("push", f.url("write"), "--delete", "feature/x")
	last := f.stored()[2].Updates[0]
	if branch, ok := last.Branch(); !ok || branch != "feature/x" || !last.Deletes() || last.Old != second {
		t.Errorf("got %+v", last)
	}
	if out, err := f.git("push", f.url("write"), "--delete", "main"); err == nil || f.head("main") == "" {
		t.Errorf("the default branch was deleted: %s", out)
	}
}

func TestOldProtocolsWork(t *testing.T) {
	f := newFixture(t, settings{})
	head := f.commit("a", "1")
	for _, version := range []string{"0", "1", "2"} {
		f.mustGit("-c", "protocol.version="+version, "push", f.url("write"), "main:v"+version)
		if got := f.mustGit("-c", "protocol.version="+version, "ls-remote", f.url("read"), "refs/heads/v"+version); !strings.HasPrefix(got, head) {
			t.Errorf("version %s: got %q", version, got)
		}
	}
}

func TestARefusedPushStoresNothing(t *testing.T) {
	f := newFixture(t, settings{})
	f.pre = func(context.Context, platform.Push, io.Writer) error {
		return platform.Errorf(platform.CodeInvalid, ".magento.app.yaml:3:1: unknown key\nsecond line").WithHint("remove it")
	}
	f.commit("a", "1")
	out, err := f.git("push", f.url("write"), "main")
	if err == nil || f.head("main") != "" || len(f.stored()) != 0 {
		t.Fatalf("stored: %s", out)
	}
	for _, want := range []string{"remote: E: .magento.app.yaml:3:1: unknown key", "remote: E: second line", "remote:    remove it", "(pre-receive hook declined)"} {
		if !strings.Contains(out, want) {
			t.Errorf("the pusher did not read %q but\n%s", want, out)
		}
	}

	f.pre = func(context.Context, platform.Push, io.Writer) error {
		return errors.New("dial tcp 10.0.0.1: secret detail")
	}
	out, err = f.git("push", f.url("write"), "main")
	if err == nil || strings.Contains(out, "secret") || !strings.Contains(out, "nothing was stored") {
		t.Errorf("an internal error is shown as %s", out)
	}
}

func TestPreReceiveReadsTheQuarantine(t *testing.T) {
	f := newFixture(t, settings{})
	var content []byte
	f.pre = func(ctx context.Context, p platform.Push, _ io.Writer) error {
		if _, err := f.repos.Tree(ctx, p.Project, p.Updates[0].New, nil); err == nil {
			t.Error("the commit is there before it was accepted")
		}
		tree, err := f.repos.Tree(ctx, p.Project, p.Updates[0].New, p.Quarantine)
		if err != nil {
			return err
		}
		content, err = tree.ReadFile("app/.magento.app.yaml")
		return errors.Join(err, tree.Close())
	}
	f.commit("app/.magento.app.yaml", "name: app\n")
	f.mustGit("push", f.url("write"), "main")
	if string(content) != "name: app\n" || f.stored()[0].Quarantine != nil {
		t.Errorf("read %q; then the quarantine was %v", content, f.stored()[0].Quarantine)
	}
}

func TestTokensDecide(t *testing.T) {
	f := newFixture(t, settings{})
	f.commit("a", "1")
	for name, test := range map[string]struct {
		token, repository, service string
		status                     int
	}{
		"no token":          {"", "shop.git", "git-upload-pack", 401},
		"wrong token":       {"wrong", "shop.git", "git-upload-pack", 401},
		"wrong, no project": {"wrong", "nope.git", "git-upload-pack", 401},
		"stranger":          {"stranger", "shop.git", "git-upload-pack", 404},
		"no project":        {"read", "nope.git", "git-upload-pack", 404},
		"no suffix":         {"read", "shop", "git-upload-pack", 404},
		"dot dot":           {"read", "..%2Fshop.git", "git-upload-pack", 404},
		"reader writes":     {"read", "shop.git", "git-receive-pack", 403},
		"reader reads":      {"read", "shop.git", "git-upload-pack", 200},
		"dumb protocol":     {"read", "shop.git", "", 403},
	} {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.http.URL+"/"+test.repository+"/info/refs?service="+test.service, nil)
			check(t, err)
			if test.token != "" {
				req.Header.Set("Authorization", "Bearer "+test.token)
			}
			resp, err := f.http.Client().Do(req)
			check(t, err)
			defer func() { _ = resp.Body.Close() }()
			text, err := io.ReadAll(resp.Body)
			check(t, err)
			if resp.StatusCode != test.status {
				t.Errorf("got %s, want %d", resp.Status, test.status)
			}
			if (resp.Header.Get("WWW-Authenticate") != "") != (test.status == 401) {
				t.Errorf("got WWW-Authenticate %q", resp.Header.Get("WWW-Authenticate"))
			}
			if bytes.Contains(text, []byte("secret")) {
				t.Errorf("tells too much: %s", text)
			}
		})
	}
	out, err := f.git("push", f.url("read"), "main")
	if err == nil || !strings.Contains(out, "remote: your token may only read") || !strings.Contains(out, "remote: ask for a contributor's token") {
		t.Errorf("the pusher read %s", out)
	}
}

func TestCompressedRequests(t *testing.T) {
	f := newFixture(t, settings{})
	head := f.commit("a", "1")
	f.mustGit("push", f.url("write"), "main")
	var body bytes.Buffer
	zw := gzip.NewWriter(&body)
	_, err := io.WriteString(zw, "0014command=ls-refs\n0000")
	check(t, errors.Join(err, zw.Close()))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.url("read")+"/git-upload-pack", &body)
	check(t, err)
	req.Header.Set("Content-Encoding", "gzip")
	req.Header.Set("Content-Type", "application/x-git-upload-pack-request")
	req.Header.Set("Git-Protocol", "version=2")
	resp, err := f.http.Client().Do(req)
	check(t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	check(t, err)
	if resp.StatusCode != http.StatusOK || !strings.Contains(string(text), head+" refs/heads/main") {
		t.Errorf("got %s %s", resp.Status, text)
	}
}

// startPush pushes in the background and returns the lines that the client shows, and
// how to kill it.
func (f *fixture) startPush() (lines *bufio.Scanner, kill func()) {
	f.t.Helper()
	cmd := f.command(f.t.Context(), "push", f.url("write"), "main")
	pr, pw := io.Pipe()
	cmd.Stderr = pw
	check(f.t, cmd.Start())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = cmd.Wait()
		_ = pw.Close()
	}()
	return bufio.NewScanner(pr), func() {
		_ = cmd.Cancel()
		_ = pr.Close()
		<-done
	}
}

func waitForLine(t *testing.T, lines *bufio.Scanner, want string) {
	t.Helper()
	for lines.Scan() {
		if strings.Contains(lines.Text(), want) {
			return
		}
	}
	t.Fatalf("the client ended before it showed %q", want)
}

func TestOutputIsLive(t *testing.T) {
	f := newFixture(t, settings{})
	next := make(chan string)
	f.post = func(_ context.Context, _ platform.Push, out io.Writer) error {
		for line := range next {
			if _, err := io.WriteString(out, line+"\n"); err != nil {
				return err
			}
		}
		return nil
	}
	f.commit("a", "1")
	lines, kill := f.startPush()
	defer kill()
	for i := range 3 {
		line := fmt.Sprint("line ", i)
		next <- line
		waitForLine(t, lines, line) // while the hook runs on
	}
	close(next)
	waitForLine(t, lines, "main -> main")
}

func TestTheStreamEndsWithTheClient(t *testing.T) {
	f := newFixture(t, settings{})
	ended := make(chan error, 1)
	f.post = func(ctx context.Context, _ platform.Push, out io.Writer) error {
		_, err := io.WriteString(out, "deploying\n")
		check(t, err)
		<-ctx.Done()
		ended <- context.Cause(ctx)
		return context.Cause(ctx)
	}
	head := f.commit("a", "1")
	lines, kill := f.startPush()
	waitForLine(t, lines, "deploying")
	kill()
	select {
	case err := <-ended:
		t.Log(err)
	case <-time.After(30 * time.Second):
		t.Fatal("the stream goes on without its client")
	}
	if got := f.head("main"); got != head || len(f.stored()) != 1 {
		t.Errorf("main is %s, want %s; told %d times", got, head, len(f.stored()))
	}
}

func TestAPushOutlivesItsClient(t *testing.T) {
	f := newFixture(t, settings{})
	checking, goOn, told := make(chan struct{}), make(chan struct{}), make(chan struct{})
	f.pre = func(ctx context.Context, _ platform.Push, out io.Writer) error {
		_, _ = io.WriteString(out, "checking\n")
		close(checking)
		<-goOn
		for range 1000 { // more than any buffer on the way holds
			_, _ = io.WriteString(out, strings.Repeat("x", 1000)+"\n")
		}
		return ctx.Err()
	}
	f.post = func(context.Context, platform.Push, io.Writer) error {
		close(told)
		return nil
	}
	head := f.commit("a", "1")
	_, kill := f.startPush()
	<-checking
	kill()
	close(goOn)
	select {
	case <-told:
	case <-time.After(30 * time.Second):
		t.Fatal("the push was lost with its client")
	}
	if got := f.head("main"); got != head {
		t.Errorf("main is %q, want %s", got, head)
	}
}

func TestStopEndsStreamsAndRefusesPushes(t *testing.T) {
	f := newFixture(t, settings{})
	f.post = func(ctx context.Context, _ platform.Push, out io.Writer) error {
		_, err := io.WriteString(out, "deploying\n")
		check(t, err)
		<-ctx.Done()
		if !errors.Is(context.Cause(ctx), gitserve.ErrStopping) {
			t.Errorf("the stream ended with %v", context.Cause(ctx))
		}
		return fmt.Errorf("follow: %w", context.Cause(ctx))
	}
	f.commit("a", "1")
	lines, kill := f.startPush()
	defer kill()
	waitForLine(t, lines, "deploying")
	f.serve.Stop()
	waitForLine(t, lines, "the deployment goes on")
	waitForLine(t, lines, "main -> main")
	f.commit("a", "2")
	if out, err := f.git("push", f.url("write"), "main"); err == nil {
		t.Errorf("a push was accepted after Stop: %s", out)
	}
}

func TestConcurrentPushes(t *testing.T) {
	f := newFixture(t, settings{})
	head := f.commit("a", "1")
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			if out, err := f.git("push", f.url("write"), fmt.Sprint("main:b", i)); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	wg.Wait()
	seen := map[string]bool{}
	for _, p := range f.stored() {
		seen[p.Updates[0].Ref] = p.Updates[0].New == head
	}
	if len(f.stored()) != 6 || len(seen) != 6 {
		t.Errorf("told of %+v", f.stored())
	}
}

// TestTwoPushesOfOneCommit: the second is let through while the first moves the ref. Git
// refuses it then; it must neither count as a push nor wait for what the first one causes.
func TestTwoPushesOfOneCommit(t *testing.T) {
	f := newFixture(t, settings{})
	f.commit("a", "1")
	var asked atomic.Int32
	both, moved, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	f.pre = func(context.Context, platform.Push, io.Writer) error {
		if asked.Add(1) == 1 {
			<-both
			return nil
		}
		close(both)
		<-moved
		return nil
	}
	f.post = func(context.Context, platform.Push, io.Writer) error {
		if len(f.stored()) == 1 {
			close(moved)
			<-ended
		}
		return nil
	}
	results := make(chan error, 2)
	for range 2 {
		go func() {
			_, err := f.git("push", f.url("write"), "main")
			results <- err
		}()
	}
	if <-results == nil {
		t.Error("the refused push succeeded, or had to wait for the other one")
	}
	close(ended)
	if err := <-results; err != nil {
		t.Error(err)
	}
	if n := len(f.stored()); n != 1 {
		t.Errorf("told of %d pushes, want 1", n)
	}
}

func TestAHookThatDiesLosesNoPush(t *testing.T) {
	script := filepath.Join(t.TempDir(), "hook")
	check(t, os.WriteFile(script, []byte("#!/bin/sh\n[ $2 = pre-receive ] || exit 1\nexec '"+os.Args[0]+"' \"$@\"\n"), 0o700))
	f := newFixture(t, settings{command: []string{script, "hook"}})
	head := f.commit("a", "1")
	f.mustGit("push", f.url("write"), "main")
	if pushes := f.stored(); len(pushes) != 1 || pushes[0].Updates[0].New != head || pushes[0].Quarantine != nil {
		t.Errorf("told of %+v", pushes)
	}
}
