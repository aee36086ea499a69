package gitrepo_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/internal/platform"
)

func (f fixture) merge(t *testing.T, into, from string, rebase bool) (string, error) {
	t.Helper()
	return f.Merge(t.Context(), platform.MergeRequest{
		Project: "shop", Into: into, From: from, Rebase: rebase, Message: "Merge x\n", By: platform.Actor{ID: "jane", Name: "Jane <D>\n"},
		At: time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC),
	})
}

// split is a repository whose branches main and x both have commits of their own.
func split(t *testing.T) (f fixture, base, main, x string) {
	t.Helper()
	f = newFixture(t)
	base = f.commit(t, "main", file{path: "a", content: "1"}, file{path: "b", content: "1"})
	check(t, f.SetBranch(t.Context(), "shop", "x", "", base))
	main = f.commit(t, "main", file{path: "a", content: "2"}, file{path: "b", content: "1"})
	x = f.commit(t, "x", file{path: "a", content: "1"}, file{path: "b", content: "2"})
	return f, base, main, x
}

func (f fixture) at(t *testing.T, commit, path string) string {
	t.Helper()
	return f.git(t, "", "show", commit+":"+path)
}

func TestMerge(t *testing.T) {
	f, base, main, x := split(t)
	if got, err := f.merge(t, base, x, false); err != nil || got != x {
		t.Errorf("fast forward: %q, %v", got, err)
	}
	if got, err := f.merge(t, x, base, false); err != nil || got != x {
		t.Errorf("nothing to merge: %q, %v", got, err)
	}
	merged, err := f.merge(t, main, x, false)
	check(t, err)
	if f.at(t, merged, "a") != "2" || f.at(t, merged, "b") != "2" {
		t.Error("the files are not those of both")
	}
	if got := f.git(t, "", "log", "-1", "--format=%P %an %ae %cn %s", merged); got != main+" "+x+" Jane D jane@localhost Jane D Merge x" {
		t.Errorf("the commit is %q", got)
	}
	if again, err := f.merge(t, main, x, false); err != nil || again != merged {
		t.Errorf("the same request made %q, %v", again, err)
	}
	if ahead, behind, err := f.Distance(t.Context(), "shop", main, x); err != nil || ahead != 1 || behind != 1 {
		t.Errorf("%d ahead, %d behind, %v", ahead, behind, err)
	}
}

func TestRebase(t *testing.T) {
	f, _, main, _ := split(t)
	x := f.commit(t, "x", file{path: "a", content: "1"}, file{path: "b", content: "3"}, file{path: "c", content: "new"})
	rebased, err := f.merge(t, x, main, true)
	check(t, err)
	if f.at(t, rebased, "a") != "2" || f.at(t, rebased, "b") != "3" || f.at(t, rebased, "c") != "new" {
		t.Error("the files are not those of both")
	}
	if got := f.git(t, "", "rev-list", "--count", main+".."+rebased); got != "2" {
		t.Errorf("%s commits on top", got)
	}
	if got := f.git(t, "", "log", "-1", "--format=%an|%cn|%s", rebased); got != "Jo|Jane D|Subject" {
		t.Errorf("the commit is %q", got)
	}
	merged, err := f.merge(t, main, x, false)
	check(t, err)
	check(t, f.SetBranch(t.Context(), "shop", "m", "", merged))
	other := f.commit(t, "main", file{path: "a", content: "5"}, file{path: "b", content: "1"})
	if _, err := f.merge(t, merged, other, true); platform.ErrorCode(err) != platform.CodeConflict || !strings.Contains(err.Error(), "is a merge") {
		t.Errorf("a merge commit: %v", err)
	}
}

func TestConflictsNameTheFiles(t *testing.T) {
	for _, rebase := range []bool{false, true} {
		f, _, _, _ := split(t)
		x := f.commit(t, "x", file{path: "a", content: "9"}, file{path: "b", content: "2"}, file{path: "na\tme", content: "x"})
		main := f.commit(t, "main", file{path: "a", content: "2"}, file{path: "b", content: "1"}, file{path: "na\tme", content: "y"})
		_, err := f.merge(t, x, main, rebase)
		conflict, ok := errors.AsType[*platform.ConflictError](err)
		if !ok || !slices.Equal(conflict.Files, []string{"a", "na\tme"}) {
			t.Errorf("rebase %t: %v", rebase, err)
		}
		if ok && conflict.Error() != `both sides changed a, "na\tme"` {
			t.Errorf("it says %q", conflict)
		}
	}
}

func TestWhatCannotBeMerged(t *testing.T) {
	f, _, main, _ := split(t)
	other := f.commit(t, "other", file{path: "z", content: "1"})
	_, err := f.merge(t, main, other, false)
	wantCode(t, err, platform.CodeConflict)
	_, err = f.merge(t, main, "HEAD", false)
	wantCode(t, err, platform.CodeInvalid)
	_, err = f.merge(t, main, strings.Repeat("1", 40), false)
	if err == nil {
		t.Error("a commit that does not exist was merged")
	}
}

// TestAttributesOfARepositoryRunNothing: a pushed file names a merge driver.
func TestAttributesOfARepositoryRunNothing(t *testing.T) {
	f := newFixture(t)
	attributes := file{path: ".gitattributes", content: "* merge=evil\n"}
	base := f.commit(t, "main", attributes, file{path: "a", content: "1"})
	check(t, f.SetBranch(t.Context(), "shop", "x", "", base))
	main := f.commit(t, "main", attributes, file{path: "a", content: "2"})
	x := f.commit(t, "x", attributes, file{path: "a", content: "3"})
	if _, err := f.merge(t, main, x, false); err == nil {
		t.Error("a conflict was resolved")
	}
}
