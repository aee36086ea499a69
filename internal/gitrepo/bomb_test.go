package gitrepo_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/internal/gitrepo"
	"sluice/internal/platform"
)

// bomb stores a tree of width^depth files with one content and returns its commit.
func (f fixture) bomb(t *testing.T, content string, width, depth int) string {
	t.Helper()
	id, kind, mode := f.git(t, content, "hash-object", "-w", "--stdin"), "blob", "100644"
	for range depth {
		var b strings.Builder
		for i := range width {
			fmt.Fprintf(&b, "%s %s %s\tf%03d\n", mode, kind, id, i)
		}
		id, kind, mode = f.git(t, b.String(), "mktree"), "tree", "040000"
	}
	return f.git(t, "", "commit-tree", "-m", "bomb", id)
}

func TestTreesHaveABudget(t *testing.T) {
	f := newFixtureWith(t, gitrepo.Limits{Entries: 2000, Bytes: 1 << 20})
	for name, test := range map[string]struct {
		content      string
		width, depth int
		want         string
	}{
		"files": {"x", 60, 3, "more than 2000 files and directories"},
		"bytes": {strings.Repeat("\x00", 100<<10), 20, 1, "more than 1 MB in all"},
	} {
		t.Run(name, func(t *testing.T) {
			commit := f.bomb(t, test.content, test.width, test.depth)
			_, err := f.Tree(t.Context(), "shop", commit, nil)
			wantCode(t, err, platform.CodeInvalid)
			if err == nil || !strings.Contains(err.Error(), test.want) || platform.ErrorHint(err) == "" {
				t.Errorf("got %v, want %q and a hint", err, test.want)
			}
			dir := filepath.Join(t.TempDir(), "work")
			err = f.Checkout(t.Context(), "shop", commit, "", dir)
			wantCode(t, err, platform.CodeInvalid)
			if _, err := os.Stat(dir); !os.IsNotExist(err) {
				t.Errorf("the checkout was begun: %v", err)
			}
		})
	}
}

// TestDefaultLimitsRefuseABillionFiles: the push has about a kilobyte; reading stops at
// the budget, long before git has listed what it names.
func TestDefaultLimitsRefuseABillionFiles(t *testing.T) {
	f := newFixture(t)
	commit := f.bomb(t, "x", 100, 5) // 10^10 files
	_, err := f.Tree(t.Context(), "shop", commit, nil)
	wantCode(t, err, platform.CodeInvalid)
}

func TestACheckedTreeIsCheckedOut(t *testing.T) {
	f := newFixtureWith(t, gitrepo.Limits{Entries: 10, Bytes: 100})
	commit := f.bomb(t, "x", 3, 1)
	tree, err := f.Tree(t.Context(), "shop", commit, nil)
	check(t, err)
	check(t, tree.Close())
	dir := filepath.Join(t.TempDir(), "work")
	check(t, f.Checkout(t.Context(), "shop", commit, "", dir))
	if names, err := os.ReadDir(dir); err != nil || len(names) != 3 {
		t.Errorf("checked out %v, %v", names, err)
	}
}
