package gitrepo_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/gitrepo"
	"sluice/internal/platform"
)

// fixture is a repository "shop" and git commands to work on it.
type fixture struct {
	*gitrepo.Repos
	dir string // of the bare repository
}

func newFixture(tb testing.TB) fixture {
	tb.Helper()
	return newFixtureWith(tb, gitrepo.DefaultLimits())
}

func newFixtureWith(tb testing.TB, limits gitrepo.Limits) fixture {
	tb.Helper()
	repos, err := gitrepo.New(filepath.Join(tb.TempDir(), "repos"), limits)
	check(tb, err)
	check(tb, repos.Create(tb.Context(), "shop", "main"))
	dir, err := repos.Path("shop")
	check(tb, err)
	return fixture{Repos: repos, dir: dir}
}

func check(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func wantCode(t *testing.T, err error, want platform.Code) {
	t.Helper()
	if got := platform.ErrorCode(err); got != want {
		t.Errorf("got error %v (code %q), want code %q", err, got, want)
	}
}

// git runs a command on the bare repository.
func (f fixture) git(tb testing.TB, stdin string, args ...string) string {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), "git", append([]string{"--git-dir=" + f.dir}, args...)...)
	cmd.Env = append(cmd.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=Jo", "GIT_AUTHOR_EMAIL=jo@example.com", "GIT_AUTHOR_DATE=2026-05-04T12:00:00+02:00",
		"GIT_COMMITTER_NAME=Jo", "GIT_COMMITTER_EMAIL=jo@example.com", "GIT_COMMITTER_DATE=2026-05-04T12:00:00+02:00")
	cmd.Stdin = strings.NewReader(stdin)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		tb.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, &errOut)
	}
	return strings.TrimSpace(out.String())
}

// file is an entry of a commit that a test makes. The zero mode is a regular file.
type file struct {
	mode    string
	path    string
	content string
}

// commit makes a commit with these files on a branch and returns its id.
func (f fixture) commit(tb testing.TB, branch string, files ...file) string {
	tb.Helper()
	var in strings.Builder
	fmt.Fprintf(&in, "commit refs/heads/%s\ncommitter Jo <jo@example.com> 1700000000 +0000\ndata 7\nSubject\n", branch)
	if f.git(tb, "", "for-each-ref", "refs/heads/"+branch) != "" {
		fmt.Fprintf(&in, "from refs/heads/%s^0\n", branch)
	}
	in.WriteString("deleteall\n")
	for _, x := range files {
		if x.mode == "160000" {
			fmt.Fprintf(&in, "M 160000 %s %s\n", x.content, x.path)
			continue
		}
		if x.mode == "" {
			x.mode = "100644"
		}
		fmt.Fprintf(&in, "M %s inline %q\ndata %d\n%s\n", x.mode, x.path, len(x.content), x.content)
	}
	f.git(tb, in.String(), "fast-import", "--quiet")
	return f.git(tb, "", "rev-parse", "refs/heads/"+branch)
}

// rawCommit makes a commit of a tree whose entries git itself would refuse to make.
func (f fixture) rawCommit(tb testing.TB, entries ...file) string {
	tb.Helper()
	var tree bytes.Buffer
	for _, e := range entries {
		id, err := hex.DecodeString(f.git(tb, e.content, "hash-object", "-w", "--stdin"))
		check(tb, err)
		fmt.Fprintf(&tree, "%s %s\x00%s", e.mode, e.path, id)
	}
	id := f.git(tb, tree.String(), "hash-object", "-t", "tree", "--literally", "-w", "--stdin")
	return f.git(tb, "crafted", "commit-tree", id)
}

func TestCreateAndDelete(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	wantCode(t, f.Create(ctx, "shop", "main"), platform.CodeConflict)
	wantCode(t, f.Create(ctx, "../evil", "main"), platform.CodeInvalid)
	wantCode(t, f.Create(ctx, "other", "a..b"), platform.CodeInvalid)
	wantCode(t, f.Create(ctx, "other", "--x"), platform.CodeInvalid)
	if head := f.git(t, "", "symbolic-ref", "HEAD"); head != "refs/heads/main" {
		t.Errorf("got HEAD %q, want main", head)
	}
	check(t, f.Delete("shop"))
	check(t, f.Delete("shop"))
	if f.Exists("shop") {
		t.Error("it is still there")
	}
	wantCode(t, f.Delete("../x"), platform.CodeInvalid)
	left, err := os.ReadDir(filepath.Dir(f.dir))
	check(t, err)
	if len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestNewRemovesWhatACrashLeft(t *testing.T) {
	dir := t.TempDir()
	check(t, os.MkdirAll(filepath.Join(dir, ".sluice-123", "repository"), 0o700))
	_, err := gitrepo.New(dir, gitrepo.DefaultLimits())
	check(t, err)
	left, err := os.ReadDir(dir)
	check(t, err)
	if len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestBranches(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	if branches, err := f.Branches(ctx, "shop"); err != nil || len(branches) != 0 {
		t.Errorf("got %v, %v in an empty repository", branches, err)
	}
	f.commit(t, "main", file{path: "a", content: "1"})
	second := f.commit(t, "main", file{path: "a", content: "2"})
	x := f.commit(t, "feature/x", file{path: "b"})
	branches, err := f.Branches(ctx, "shop")
	check(t, err)
	if diff := cmp.Diff([]gitrepo.Branch{{Name: "feature/x", Commit: x}, {Name: "main", Commit: second}}, branches); diff != "" {
		t.Error(diff)
	}
	for _, id := range []string{"main", "--all", "", platform.ZeroCommit, second[:10], second + "\n"} {
		_, err := f.Tree(ctx, "shop", id, nil)
		wantCode(t, err, platform.CodeInvalid)
	}
	check(t, f.Tidy(ctx, "shop"))
}
