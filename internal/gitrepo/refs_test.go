package gitrepo_test

import (
	"testing"

	"sluice/internal/platform"
)

func TestSetBranch(t *testing.T) {
	f := newFixture(t)
	one := f.commit(t, "main", file{path: "a", content: "1"})
	two := f.commit(t, "main", file{path: "a", content: "2"})
	set := func(branch, from, to string) error { return f.SetBranch(t.Context(), "shop", branch, from, to) }
	at := func(want string) {
		t.Helper()
		branches, err := f.Branches(t.Context(), "shop")
		check(t, err)
		got := ""
		for _, b := range branches {
			if b.Name == "feature" {
				got = b.Commit
			}
		}
		if got != want {
			t.Errorf("feature is at %q, want %q", got, want)
		}
	}
	check(t, set("feature", "", one))
	at(one)
	check(t, set("feature", "", one)) // again
	wantCode(t, set("feature", "", two), platform.CodeConflict)
	wantCode(t, set("feature", two, ""), platform.CodeConflict)
	at(one)
	check(t, set("feature", one, two))
	at(two)
	check(t, set("feature", two, ""))
	at("")
	check(t, set("feature", two, "")) // again

	check(t, set("feature/x", "", one))
	wantCode(t, set("-d", "", one), platform.CodeInvalid)
	wantCode(t, set("x", "", "HEAD"), platform.CodeInvalid)
	wantCode(t, set("x", one, "abc"), platform.CodeInvalid)
	if err := set("feature", "", two); err == nil || platform.ErrorCode(err) == platform.CodeConflict {
		t.Errorf("a branch where others have a directory: %v", err)
	}
}
