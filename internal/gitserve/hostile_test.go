package gitserve_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sluice/internal/gitserve"
	"sluice/internal/platform"
)

func TestPushesHaveALimit(t *testing.T) {
	f := newFixture(t, settings{limits: gitserve.Limits{PushBytes: 100_000}})
	f.commit("noise", strings.Repeat(rand.Text(), 1)+randomBytes(t, 3_000_000))
	out, err := f.git("push", f.url("write"), "main")
	if err == nil || f.head("main") != "" || len(f.stored()) != 0 {
		t.Fatalf("stored: %s", out)
	}
	if !strings.Contains(out, "exceeds maximum allowed size") {
		t.Errorf("the pusher read %s", out)
	}
	left, err := filepath.Glob(filepath.Join(repositoryOf(t, f), "objects", "tmp_objdir*"))
	check(t, err)
	if len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func repositoryOf(t *testing.T, f *fixture) string {
	t.Helper()
	dir, err := f.repos.Path("shop")
	check(t, err)
	return dir
}

func randomBytes(t *testing.T, n int) string {
	t.Helper()
	b := make([]byte, n)
	_, err := rand.Read(b)
	check(t, err)
	return string(b)
}

func TestCraftedTreesAreNotStored(t *testing.T) {
	f := newFixture(t, settings{})
	blob := f.hash(t, "blob", "x")
	for name, entry := range map[string]string{
		"dot dot": "100644 ..", "git": "40000 .git", "slash": "100644 a/../../b", "HFS git": "100644 .g\u200cit", "absolute": "100644 /etc/passwd",
	} {
		t.Run(name, func(t *testing.T) {
			tree := f.hash(t, "tree", entry+"\x00"+string(blob))
			commit := f.mustGit("commit-tree", "-m", "crafted", hex.EncodeToString(tree))
			out, err := f.git("push", f.url("write"), commit+":refs/heads/crafted")
			if err == nil || f.head("crafted") != "" {
				t.Errorf("stored: %s", out)
			}
		})
	}
}

// hash stores an object that git would refuse to make, and returns its id in binary.
func (f *fixture) hash(t *testing.T, kind, content string) []byte {
	t.Helper()
	cmd := f.command(t.Context(), "hash-object", "-t", kind, "--literally", "-w", "--stdin")
	cmd.Stdin = strings.NewReader(content)
	out, err := cmd.Output()
	check(t, err)
	id, err := hex.DecodeString(strings.TrimSpace(string(out)))
	check(t, err)
	return id
}

func TestOddNamesAndLinksAreStored(t *testing.T) {
	f := newFixture(t, settings{})
	check(t, os.Symlink("/etc/passwd", filepath.Join(f.work, "out")))
	head := f.commit("name with \"quotes\", $(touch x), `y` and\nnewline", "x")
	f.mustGit("push", f.url("write"), "main:refs/heads/-we;ird$(x)")
	tree, err := f.repos.Tree(t.Context(), "shop", head, nil)
	check(t, err)
	if _, err := tree.ReadFile("out"); err == nil {
		t.Error("read a file of this machine through a link")
	}
	check(t, tree.Close())
	if got := f.stored()[0].Updates[0].Ref; got != "refs/heads/-we;ird$(x)" {
		t.Errorf("told of %q", got)
	}
}

func TestHooksOfThePusherAndOfTheRepositoryDoNotRun(t *testing.T) {
	f := newFixture(t, settings{})
	hooks := filepath.Join(repositoryOf(t, f), "hooks")
	mark := filepath.Join(t.TempDir(), "ran")
	check(t, os.MkdirAll(hooks, 0o700))
	for _, hook := range []string{"pre-receive", "update", "post-receive", "post-update", "reference-transaction"} {
		check(t, os.WriteFile(filepath.Join(hooks, hook), []byte("#!/bin/sh\ntouch "+mark+"\n"), 0o700))
	}
	f.commit("a", "1")
	f.mustGit("push", f.url("write"), "main")
	if _, err := os.Stat(mark); err == nil {
		t.Error("a hook of the repository ran")
	}
}

func TestAHookTokenEndsWithItsPush(t *testing.T) {
	record := filepath.Join(t.TempDir(), "env")
	script := filepath.Join(t.TempDir(), "hook")
	check(t, os.WriteFile(script, []byte("#!/bin/sh\nenv >'"+record+"'\nexec '"+os.Args[0]+"' \"$@\"\n"), 0o700))
	f := newFixture(t, settings{command: []string{script, "hook"}})
	f.commit("a", "1")
	f.mustGit("push", f.url("write"), "main")
	recorded, err := os.ReadFile(record)
	check(t, err)
	env := strings.Split(string(recorded), "\n")
	if !strings.Contains(string(recorded), "SLUICE_HOOK_TOKEN=") || strings.Contains(string(recorded), "GIT_PUSH_OPTION_COUNT=x") {
		t.Fatalf("the hook had %s", recorded)
	}
	for name, env := range map[string][]string{"old token": env, "no socket": nil} {
		var out bytes.Buffer
		update := platform.ZeroCommit + " " + strings.Repeat("1", 40) + " refs/heads/main\n"
		if status := gitserve.RunHook(t.Context(), []string{"pre-receive"}, env, strings.NewReader(update), &out); status != 1 {
			t.Errorf("%s: got status %d: %s", name, status, &out)
		}
		if !strings.Contains(out.String(), "nothing was stored") {
			t.Errorf("%s: the pusher reads %s", name, &out)
		}
	}
	if len(f.stored()) != 1 {
		t.Errorf("told of %+v", f.stored())
	}
	if status := gitserve.RunHook(t.Context(), []string{"update"}, env, strings.NewReader(""), io.Discard); status == 0 {
		t.Error("an unknown hook succeeds")
	}
}

func TestTheSocketIsPrivate(t *testing.T) {
	dir := t.TempDir()
	hooks, err := gitserve.ListenHooks(t.Context(), gitserve.HookConfig{Dir: dir, Command: []string{"/bin/it's", "hook"}})
	check(t, err)
	defer func() { check(t, hooks.Close()) }()
	info, err := os.Stat(filepath.Join(dir, "hook.sock"))
	check(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the socket has mode %v", info.Mode())
	}
	if out, err := exec.CommandContext(t.Context(), "sh", "-n", filepath.Join(dir, "hooks", "pre-receive")).CombinedOutput(); err != nil {
		t.Errorf("the script is broken: %s", out)
	}
}

func TestUnfinishedUploadsStoreNothing(t *testing.T) {
	f := newFixture(t, settings{})
	f.commit("noise", randomBytes(t, 8_000_000))
	ctx, cancel := context.WithCancelCause(t.Context())
	// The client is killed when it has begun to send.
	cmd := f.command(ctx, "-c", "http.postBuffer=65536", "push", "--progress", f.url("write"), "main")
	cmd.Stderr = killer(func() { cancel(nil) })
	if err := cmd.Run(); err == nil {
		t.Skip("the push was faster than the kill")
	}
	f.serve.Stop()
	f.http.Close() // waits for the handler
	if head := f.head("main"); (head != "") != (len(f.stored()) == 1) {
		t.Errorf("main is %q, and the receiver was told of %+v", head, f.stored())
	}
}

// killer calls itself when git says that it writes objects.
type killer func()

func (k killer) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte("Writing")) {
		k()
	}
	return len(p), nil
}
