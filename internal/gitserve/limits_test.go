package gitserve_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/internal/gitcmd"
	"sluice/internal/gitrepo"
	"sluice/internal/gitserve"
	"sluice/internal/platform"
)

func (f *fixture) wantRefused(branch string, want ...string) {
	f.t.Helper()
	out, err := f.git("push", f.url("write"), branch)
	if err == nil || f.head(strings.TrimPrefix(branch, "HEAD:")) != "" {
		f.t.Errorf("stored: %s", out)
	}
	for _, w := range want {
		if !strings.Contains(out, w) {
			f.t.Errorf("the pusher did not read %q but\n%s", w, out)
		}
	}
}

// readTree is a Receiver that looks at what is pushed, as the pipeline does.
func (f *fixture) readTree(ctx context.Context, p platform.Push, _ io.Writer) error {
	tree, err := f.repos.Tree(ctx, p.Project, p.Updates[0].New, p.Quarantine)
	if err != nil {
		return err
	}
	return tree.Close()
}

func TestATreeBombIsRefusedInPreReceive(t *testing.T) {
	f := newFixture(t, settings{trees: gitrepo.Limits{Entries: 1000, Bytes: 1 << 20}})
	f.pre = f.readTree
	id, kind, mode := strings.TrimSpace(f.input("x", "hash-object", "-w", "--stdin")), "blob", "100644"
	for range 3 {
		var b strings.Builder
		for i := range 60 {
			fmt.Fprintf(&b, "%s %s %s\tf%03d\n", mode, kind, id, i)
		}
		id, kind, mode = strings.TrimSpace(f.input(b.String(), "mktree")), "tree", "040000"
	}
	commit := f.mustGit("commit-tree", "-m", "bomb", id)
	f.wantRefused(commit+":refs/heads/bomb", "more than 1000 files and directories", "--git-max-files", "(pre-receive hook declined)")
}

func (f *fixture) input(stdin string, args ...string) string {
	f.t.Helper()
	cmd := f.command(f.t.Context(), args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.Output()
	check(f.t, err)
	return string(out)
}

func TestAPushOfTooManyRefsIsRefused(t *testing.T) {
	f := newFixture(t, settings{limits: gitserve.Limits{Refs: 5, Branches: 2}})
	f.commit("a", "1")
	f.mustGit("push", f.url("write"), "main:a", "main:b", "main:refs/tags/c")
	out, err := f.git("push", f.url("write"), "main:1", "main:2", "main:3")
	if err == nil || !strings.Contains(out, "changes 3 branches, and at most 2 are allowed") {
		t.Errorf("got %v: %s", err, out)
	}
	tags := []string{"push", f.url("write")}
	for i := range 6 {
		tags = append(tags, fmt.Sprint("main:refs/tags/", i))
	}
	if out, err := f.git(tags...); err == nil || !strings.Contains(out, "changes 6 refs, and at most 5 are allowed") {
		t.Errorf("got %v: %s", err, out)
	}
	if n := len(f.stored()); n != 1 {
		t.Errorf("%d pushes were stored, want 1", n)
	}
}

func TestARepositoryHasALimitOfRefs(t *testing.T) {
	f := newFixture(t, settings{limits: gitserve.Limits{RepositoryRefs: 3}})
	f.commit("a", "1")
	f.mustGit("push", f.url("write"), "main:a", "main:refs/tags/b")
	out, err := f.git("push", f.url("write"), "main:c", "main:d")
	if err == nil || !strings.Contains(out, "has 4 branches and tags or more, and at most 3 are allowed") {
		t.Errorf("got %v: %s", err, out)
	}
	f.commit("a", "2")
	f.mustGit("push", f.url("write"), "main:a") // changes one
	f.mustGit("push", f.url("write"), "--delete", "b")
	f.mustGit("push", f.url("write"), "main:c")
}

func TestARepositoryHasAQuota(t *testing.T) {
	f := newFixture(t, settings{limits: gitserve.Limits{RepositoryBytes: 1 << 20}})
	f.commit("small", randomBytes(t, 600_000))
	f.mustGit("push", f.url("write"), "main:old")
	f.commit("large", randomBytes(t, 600_000))
	f.wantRefused("HEAD:new", "at most 1 MB are allowed", "--git-max-repository")
	f.mustGit("push", f.url("write"), "--delete", "old") // what frees room is allowed
}

// TestAHugeCommitObjectIsRefused: a pack of some hundred kilobytes that git would need
// several times its unpacked size for.
func TestAHugeCommitObjectIsRefused(t *testing.T) {
	if testing.Short() {
		t.Skip("packs 130 MB")
	}
	f := newFixture(t, settings{})
	f.commit("a", "1")
	head := f.mustGit("cat-file", "commit", "HEAD")
	huge := head + "\n" + strings.Repeat("x", gitcmd.MaxAllocation) + "\n"
	commit := strings.TrimSpace(f.input(huge, "hash-object", "-t", "commit", "-w", "--stdin"))
	f.wantRefused(commit+":refs/heads/huge", "over limit")
}

func TestExpensiveFiltersAreRefused(t *testing.T) {
	f := newFixture(t, settings{})
	f.commit("dir/a", "1")
	f.mustGit("push", f.url("write"), "main")
	for _, filter := range []string{"blob:none", "tree:0"} {
		f.mustGit("clone", "--quiet", "--bare", "--filter="+filter, f.url("read"), t.TempDir())
	}
	for _, filter := range []string{"sparse:oid=main:dir", "combine:blob:none+tree:3", "blob:limit=1k", "tree:3"} {
		if out, err := f.git("clone", "--quiet", "--bare", "--filter="+filter, f.url("read"), t.TempDir()); err == nil {
			t.Errorf("the filter %s was served: %s", filter, out)
		}
	}
}

// TestAProjectWaitsForItsOwnTurn: while two pushes are checked, a third one waits and is
// then told so.
func TestAProjectWaitsForItsOwnTurn(t *testing.T) {
	f := newFixture(t, settings{limits: gitserve.Limits{ProjectPushes: 1, Wait: time.Millisecond}})
	checking, goOn := make(chan struct{}), make(chan struct{})
	f.pre = func(context.Context, platform.Push, io.Writer) error {
		close(checking)
		<-goOn
		return nil
	}
	f.commit("a", "1")
	var first sync.WaitGroup
	first.Go(func() {
		if out, err := f.git("push", f.url("write"), "main:first"); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
	<-checking
	f.wantRefused("HEAD:second", "too many Git operations are running; nothing was stored")
	close(goOn)
	first.Wait()
}
