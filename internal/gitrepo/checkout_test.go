package gitrepo_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/platform"
)

// contents reads a directory: path to mode and content.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	got := map[string]string{}
	check(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, err := filepath.Rel(dir, path)
		check(t, err)
		info, err := d.Info()
		check(t, err)
		switch {
		case d.IsDir():
			got[name] = "dir"
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			check(t, err)
			got[name] = "-> " + target
		default:
			content, err := os.ReadFile(path)
			check(t, err)
			got[name] = string(content)
			if info.Mode()&0o100 != 0 {
				got[name] += " x"
			}
		}
		return nil
	}))
	return got
}

func TestCheckoutHoldsTheFilesAndNothingElse(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	dir := filepath.Join(t.TempDir(), "work")
	first := f.commit(
		t, "main",
		file{path: "app/a", content: "1"}, file{path: "app/bin/run", mode: "100755", content: "run"},
		file{path: "app/gone/x", content: "x"}, file{path: "app/link", mode: "120000", content: "/etc/passwd"},
		file{path: "outside", content: "o"}, file{path: "app/.gitignore", content: "ignored\n"},
	)
	check(t, f.Checkout(ctx, "shop", first, "app", dir))
	want := map[string]string{"a": "1", "bin": "dir", "bin/run": "run x", "gone": "dir", "gone/x": "x", "link": "-> /etc/passwd", ".gitignore": "ignored\n"}
	if diff := cmp.Diff(want, contents(t, dir)); diff != "" {
		t.Fatal(diff)
	}

	past := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	check(t, os.MkdirAll(filepath.Join(dir, "stray", ".git"), 0o755))
	check(t, os.WriteFile(filepath.Join(dir, "ignored"), nil, 0o600))
	check(t, os.WriteFile(filepath.Join(dir, "bin", "run"), []byte("tampered"), 0o600))
	before, err := os.Stat(filepath.Join(dir, "a"))
	check(t, err)
	check(t, os.Chtimes(dir, past, past))

	second := f.commit(t, "main", file{path: "app/a", content: "1"}, file{path: "app/bin/run", mode: "100755", content: "run"}, file{path: "app/link/b", content: "was a link"})
	check(t, f.Checkout(ctx, "shop", second, "app", dir))
	want = map[string]string{"a": "1", "bin": "dir", "bin/run": "run x", "link": "dir", "link/b": "was a link"}
	if diff := cmp.Diff(want, contents(t, dir)); diff != "" {
		t.Fatal(diff)
	}
	after, err := os.Stat(filepath.Join(dir, "a"))
	check(t, err)
	if !after.ModTime().Equal(before.ModTime()) {
		t.Errorf("an unchanged file's time went from %v to %v", before.ModTime(), after.ModTime())
	}
	check(t, f.Checkout(ctx, "shop", second, "", dir))
	if _, err := os.Stat(filepath.Join(dir, "app", "link", "b")); err != nil {
		t.Error("the root of the repository:", err)
	}
}

func TestCheckoutRepairsWhatACrashLeft(t *testing.T) {
	f := newFixture(t)
	dir := filepath.Join(t.TempDir(), "work")
	commit := f.commit(t, "main", file{path: "a", content: "1"}, file{path: "b/c", content: "2"})
	want := map[string]string{"a": "1", "b": "dir", "b/c": "2"}
	for name, damage := range map[string]func() error{
		"stale lock":   func() error { return os.WriteFile(dir+".index.lock", nil, 0o600) },
		"broken index": func() error { return os.WriteFile(dir+".index", []byte("DIRCgarbage"), 0o600) },
		"lost index":   func() error { return os.RemoveAll(dir + ".index") },
		"lost files":   func() error { return os.RemoveAll(dir) },
		"changed kind": func() error { return os.Rename(filepath.Join(dir, "b"), filepath.Join(dir, "d")) },
		"file for dir": func() error {
			return errJoin(os.RemoveAll(filepath.Join(dir, "b")), os.WriteFile(filepath.Join(dir, "b"), nil, 0o600))
		},
		"link for file": func() error {
			return errJoin(os.Remove(filepath.Join(dir, "a")), os.Symlink("/etc/passwd", filepath.Join(dir, "a")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			check(t, f.Checkout(t.Context(), "shop", commit, "", dir))
			check(t, damage())
			check(t, f.Checkout(t.Context(), "shop", commit, "", dir))
			if diff := cmp.Diff(want, contents(t, dir)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func errJoin(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func TestCheckoutDoesNotConvertOrFilter(t *testing.T) {
	f := newFixture(t)
	dir := filepath.Join(t.TempDir(), "work")
	mark := filepath.Join(t.TempDir(), "ran")
	// A driver that someone configured in the repository must not run either.
	f.git(t, "", "config", "filter.evil.smudge", "touch "+mark+"; cat")
	f.git(t, "", "config", "filter.evil.required", "true")
	check(t, f.Checkout(t.Context(), "shop", f.commit(
		t, "main",
		file{path: ".gitattributes", content: "* text eol=crlf\n*.id ident\n*.evil filter=evil\n*.lfs filter=lfs -text\n*.utf working-tree-encoding=UTF-16\nskip export-ignore\n"},
		file{path: "a.txt", content: "1\n2\n"}, file{path: "b.id", content: "$Id$"}, file{path: "c.evil", content: "x"},
		file{path: "d.lfs", content: "pointer"}, file{path: "e.utf", content: "ä"}, file{path: "skip", content: "kept"},
	), "", dir))
	got := contents(t, dir)
	delete(got, ".gitattributes")
	want := map[string]string{"a.txt": "1\n2\n", "b.id": "$Id$", "c.evil": "x", "d.lfs": "pointer", "e.utf": "ä", "skip": "kept"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := os.Stat(mark); err == nil {
		t.Error("a filter ran")
	}
}

func TestCheckoutOfCraftedTreesWritesNothingOutside(t *testing.T) {
	f := newFixture(t)
	base := t.TempDir()
	dir := filepath.Join(base, "work")
	for name, entries := range map[string][]file{
		"dot dot": {{mode: "100644", path: "..", content: "x"}},
		"slash":   {{mode: "100644", path: "a/../../evil", content: "x"}},
		"git":     {{mode: "100644", path: ".git", content: "x"}},
		"twins":   {{mode: "120000", path: "a", content: base}, {mode: "100644", path: "a/evil", content: "x"}},
	} {
		t.Run(name, func(t *testing.T) {
			// Refused or not: Tree refuses them all before they are accepted.
			t.Log(f.Checkout(t.Context(), "shop", f.rawCommit(t, entries...), "", dir))
			if _, err := os.Lstat(filepath.Join(base, "evil")); err == nil {
				t.Error("written outside")
			}
		})
	}
}

func TestCheckoutOfWhatIsNotThere(t *testing.T) {
	f := newFixture(t)
	dir := filepath.Join(t.TempDir(), "work")
	commit := f.commit(t, "main", file{path: "a", content: "1"})
	wantCode(t, f.Checkout(t.Context(), "shop", commit, "nope", dir), platform.CodeNotFound)
	wantCode(t, f.Checkout(t.Context(), "shop", commit, "a", dir), platform.CodeNotFound)
	wantCode(t, f.Checkout(t.Context(), "shop", commit, ":(glob)*", dir), platform.CodeNotFound)
	wantCode(t, f.Checkout(t.Context(), "shop", strings.Repeat("1", 40), "", dir), platform.CodeNotFound)
}

func TestCheckoutsIntoOneDirectoryTakeTurns(t *testing.T) {
	f := newFixture(t)
	dir := filepath.Join(t.TempDir(), "work")
	commits := []string{f.commit(t, "main", file{path: "a", content: "1"}), f.commit(t, "main", file{path: "a", content: "2"})}
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			if err := f.Checkout(t.Context(), "shop", commits[i%2], "", dir); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// BenchmarkCheckout measures a tree of 20,000 files.
func BenchmarkCheckout(b *testing.B) {
	f := newFixture(b)
	var files []file
	for i := range 20_000 {
		files = append(files, file{path: fmt.Sprintf("vendor/pkg%d/src/f%d.php", i/40, i), content: strings.Repeat(strconv.Itoa(i), 400)})
	}
	one := f.commit(b, "main", files...)
	files[77].content = "changed"
	two := f.commit(b, "main", files...)
	dir := filepath.Join(b.TempDir(), "work")
	checkout := func(b *testing.B, commit string) {
		b.Helper()
		check(b, f.Checkout(b.Context(), "shop", commit, "", dir))
	}
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			check(b, errJoin(os.RemoveAll(dir), os.RemoveAll(dir+".index")))
			checkout(b, one)
		}
	})
	b.Run("unchanged", func(b *testing.B) {
		for b.Loop() {
			checkout(b, one)
		}
	})
	b.Run("one-changed", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			checkout(b, []string{two, one}[i%2])
		}
	})
	b.Run("tree", func(b *testing.B) {
		for b.Loop() {
			tree, err := f.Tree(b.Context(), "shop", one, nil)
			check(b, err)
			_, err = tree.Digest("", []string{"vendor/pkg1"})
			check(b, err)
			check(b, tree.Close())
		}
	})
}
