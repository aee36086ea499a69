package gitrepo_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/gitrepo"
	"sluice/internal/platform"
)

// TestObjectsAreShown reads what Git itself says about a commit, its directories and its files.
func TestObjectsAreShown(t *testing.T) {
	f := newFixture(t)
	first := f.commit(t, "main", file{path: "README", content: "hello\n"})
	id := f.commit(
		t, "main",
		file{path: "README", content: "hello\n"},
		file{path: "bin/run", mode: "100755", content: "#!/bin/sh\n"},
		file{path: "link", mode: "120000", content: "README"},
	)
	refs, err := f.Refs(t.Context(), "shop")
	check(t, err)
	if diff := cmp.Diff([]platform.Ref{{Name: "refs/heads/main", Commit: id}}, refs); diff != "" {
		t.Errorf("refs (-want +got):\n%s", diff)
	}
	c, err := f.Commit(t.Context(), "shop", id)
	check(t, err)
	format := strings.TrimSpace(f.git(t, "", "show", "-s", "--format=%T%n%P%n%an%n%ae%n%aI%n%cn%n%B", id))
	got := strings.TrimSpace(strings.Join([]string{
		c.Tree, strings.Join(c.Parents, " "), c.Author.Name, c.Author.Email, c.Author.Time.Format("2006-01-02T15:04:05-07:00"), c.Committer.Name, c.Message,
	}, "\n"))
	if diff := cmp.Diff(format, got); diff != "" {
		t.Errorf("commit (-git +got):\n%s", diff)
	}
	if len(c.Parents) > 0 && c.Parents[0] != first {
		t.Errorf("parents %v, want %s", c.Parents, first)
	}
	for _, tree := range []string{c.Tree, strings.TrimSpace(f.git(t, "", "rev-parse", id+":bin"))} {
		entries, err := f.Directory(t.Context(), "shop", tree)
		check(t, err)
		var b strings.Builder
		for _, e := range entries {
			b.WriteString(e.Mode + " " + e.Type + " " + e.ID + "\t" + e.Name + "\n")
		}
		if diff := cmp.Diff(f.git(t, "", "ls-tree", tree), strings.TrimSpace(b.String())); diff != "" {
			t.Errorf("directory (-git +got):\n%s", diff)
		}
	}
	content, err := f.Blob(t.Context(), "shop", strings.TrimSpace(f.git(t, "", "rev-parse", id+":bin/run")))
	if err != nil || string(content) != "#!/bin/sh\n" {
		t.Errorf("blob %q, %v", content, err)
	}
}

// TestOnlyObjectsOfTheTypeAreShown: an identifier is never an option, a range or another type.
func TestOnlyObjectsOfTheTypeAreShown(t *testing.T) {
	f := newFixture(t)
	id := f.commit(t, "main", file{path: "README", content: "hello\n"}, file{path: "dump", content: strings.Repeat("x", gitrepo.MaxShownBlob+1)})
	blob := strings.TrimSpace(f.git(t, "", "rev-parse", id+":README"))
	for _, wrong := range []string{"main", "--all", id + "^", id[:12], blob, strings.Repeat("0", 40), strings.Repeat("e", 40), ""} {
		_, err := f.Commit(t.Context(), "shop", wrong)
		wantCode(t, err, platform.CodeNotFound)
		_, err = f.Directory(t.Context(), "shop", wrong)
		wantCode(t, err, platform.CodeNotFound)
	}
	_, err := f.Blob(t.Context(), "shop", id)
	wantCode(t, err, platform.CodeNotFound)
	_, err = f.Blob(t.Context(), "shop", strings.TrimSpace(f.git(t, "", "rev-parse", id+":dump")))
	wantCode(t, err, platform.CodeInvalid)
	_, err = f.Commit(t.Context(), "../shop", id)
	if err == nil {
		t.Error("a project outside of the repositories was read")
	}
}
