package gitrepo_test

import (
	"errors"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"sluice/internal/plan"
	"sluice/internal/topology"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/gitrepo"
	"sluice/internal/platform"
)

func (f fixture) open(tb testing.TB, commit string, quarantine ...string) *gitrepo.Tree {
	tb.Helper()
	tree, err := f.Tree(tb.Context(), "shop", commit, quarantine)
	check(tb, err)
	tb.Cleanup(func() { check(tb, tree.Close()) })
	return tree
}

func TestTreeIsAFileSystem(t *testing.T) {
	f := newFixture(t)
	tree := f.open(t, f.commit(
		t, "main",
		file{path: "README", content: "hello\n"},
		file{path: "bin/run", mode: "100755", content: "#!/bin/sh\n"},
		file{path: "bin.txt", content: "sorts between bin and bin/ in Git"},
		file{path: "empty"},
		file{path: "app/.magento.app.yaml", content: "name: app\n"},
		file{path: "with space/tab\tquote\"", content: "x"},
	))
	if err := fstest.TestFS(tree, "README", "bin/run", "bin.txt", "empty", "app/.magento.app.yaml", "with space/tab\tquote\""); err != nil {
		t.Error(err)
	}
	info, err := fs.Stat(tree, "bin/run")
	check(t, err)
	if info.Mode() != 0o755 || info.Size() != 10 {
		t.Errorf("got mode %v and size %d", info.Mode(), info.Size())
	}
	if _, err := tree.ReadFile("nope"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if _, err := tree.ReadFile("bin"); err == nil {
		t.Error("read a directory")
	}
	if _, err := tree.ReadDir("README"); err == nil {
		t.Error("listed a file")
	}
}

func TestSymbolicLinksStayInTheTree(t *testing.T) {
	f := newFixture(t)
	link := func(path, target string) file { return file{mode: "120000", path: path, content: target} }
	tree := f.open(t, f.commit(
		t, "main",
		file{path: "dir/file", content: "content"},
		link("link", "dir/file"), link("dirlink", "dir"), link("deep/up", "../dir/./file"), link("chain", "link"),
		link("loop", "loop"), link("absolute", "/etc/passwd"), link("out", "../../etc/passwd"), link("dangling", "nope"),
		link("through", "dir/file/../file"), link("huge", strings.Repeat("x", 5000)),
	))
	for _, name := range []string{"link", "dirlink/file", "deep/up", "chain"} {
		content, err := tree.ReadFile(name)
		if err != nil || string(content) != "content" {
			t.Errorf("%s: got %q, %v", name, content, err)
		}
	}
	for _, name := range []string{"loop", "absolute", "out", "dangling", "through", "huge", "link/x", "../x", "/link", ""} {
		if content, err := tree.ReadFile(name); err == nil {
			t.Errorf("%s: got %q", name, content)
		}
	}
	if target, err := tree.ReadLink("out"); err != nil || target != "../../etc/passwd" {
		t.Errorf("got %q, %v", target, err)
	}
	entries, err := tree.ReadDir(".")
	check(t, err)
	i := slices.IndexFunc(entries, func(e fs.DirEntry) bool { return e.Name() == "link" })
	if entries[i].Type() != fs.ModeSymlink {
		t.Errorf("got type %v for a link", entries[i].Type())
	}
}

func TestSubmodulesAreListed(t *testing.T) {
	f := newFixture(t)
	commit := strings.Repeat("12", 20)
	tree := f.open(t, f.commit(t, "main", file{mode: "160000", path: "sub", content: commit}, file{path: "a"}))
	info, err := tree.Stat("sub")
	check(t, err)
	object, ok := info.Sys().(gitrepo.Object)
	if !ok || object.ID != commit || info.Mode().Type() != fs.ModeDir|fs.ModeIrregular {
		t.Errorf("got %v, %+v", info.Mode(), info.Sys())
	}
	if entries, err := tree.ReadDir("sub"); err != nil || len(entries) != 0 {
		t.Errorf("got %v, %v", entries, err)
	}
}

func TestLargeFilesAreNotRead(t *testing.T) {
	f := newFixture(t)
	tree := f.open(t, f.commit(t, "main", file{path: "large", content: strings.Repeat("x", gitrepo.MaxFileSize+1)}, file{path: "small", content: "y"}))
	if _, err := tree.ReadFile("large"); err == nil {
		t.Error("read a file over the limit")
	}
	if content, err := tree.ReadFile("small"); err != nil || string(content) != "y" {
		t.Errorf("then got %q, %v", content, err)
	}
}

func TestCraftedTreesAreRefused(t *testing.T) {
	f := newFixture(t)
	for name, entries := range map[string][]file{
		"dot dot":     {{mode: "100644", path: ".."}},
		"dot":         {{mode: "100644", path: "."}},
		"git":         {{mode: "100644", path: ".GiT"}},
		"slash":       {{mode: "100644", path: "a/../../b"}},
		"rooted":      {{mode: "100644", path: "/etc/passwd"}},
		"twins":       {{mode: "100644", path: "a"}, {mode: "120000", path: "a", content: "/etc"}},
		"long name":   {{mode: "100644", path: strings.Repeat("x", 300)}},
		"longer path": {{mode: "100644", path: strings.Repeat("x/", 5000)}},
	} {
		t.Run(name, func(t *testing.T) {
			tree, err := f.Tree(t.Context(), "shop", f.rawCommit(t, entries...), nil)
			if err == nil {
				_ = tree.Close()
				t.Fatal("accepted")
			}
			t.Log(err)
		})
	}
}

func TestNamesNeedNotBeText(t *testing.T) {
	f := newFixture(t)
	tree := f.open(t, f.rawCommit(t, file{mode: "100664", path: "caf\xe9\n"}, file{mode: "100644", path: "z", content: "z"}))
	entries, err := tree.ReadDir(".")
	check(t, err)
	if len(entries) != 2 || entries[0].Name() != "caf\xe9\n" {
		t.Errorf("got %v", entries)
	}
}

func TestDigestAndTreeID(t *testing.T) {
	f := newFixture(t)
	base := []file{{path: "app/a", content: "1"}, {path: "app/pub/media/x", content: "1"}, {path: "app/pub/index.php"}, {path: "other", content: "1"}}
	exclude := []string{"pub/media", "/not-there/"}
	digests := func(files ...file) (digest, id string) {
		t.Helper()
		tree := f.open(t, f.commit(t, "main", files...))
		digest, err := tree.Digest("app", exclude)
		check(t, err)
		id, err = tree.TreeID("/app/")
		check(t, err)
		return digest, id
	}
	digest, id := digests(base...)
	change := func(i int, x file) []file {
		files := slices.Clone(base)
		files[i] = x
		return files
	}
	for name, test := range map[string]struct {
		files []file
		same  bool
	}{
		"same":         {base, true},
		"excluded":     {change(1, file{path: "app/pub/media/y", content: "2"}), true},
		"outside":      {change(3, file{path: "other", content: "2"}), true},
		"content":      {change(0, file{path: "app/a", content: "2"}), false},
		"mode":         {change(0, file{path: "app/a", mode: "100755", content: "1"}), false},
		"name":         {change(0, file{path: "app/b", content: "1"}), false},
		"similar name": {append(slices.Clone(base), file{path: "app/pub/media2/x"}), false},
	} {
		if got, _ := digests(test.files...); (got == digest) != test.same {
			t.Errorf("%s: got digest %s, before %s, want same = %v", name, got, digest, test.same)
		}
	}
	if want := f.git(t, "", "rev-parse", "main:app"); len(id) != len(want) {
		t.Errorf("got tree %q", id)
	}
	tree := f.open(t, f.git(t, "", "rev-parse", "main"))
	for _, root := range []string{"nope", "../x/nope", "app/a"} {
		if _, err := tree.Digest(root, nil); err == nil {
			t.Errorf("got a digest of %q", root)
		}
		if _, err := tree.TreeID(root); err == nil {
			t.Errorf("got an id of %q", root)
		}
	}
	top, err := tree.TreeID("")
	check(t, err)
	if diff := cmp.Diff(f.git(t, "", "rev-parse", "main^{tree}"), top); diff != "" {
		t.Error(diff)
	}
}

func TestTreesThatAreNotThere(t *testing.T) {
	f := newFixture(t)
	_, err := f.Tree(t.Context(), "shop", strings.Repeat("1", 40), nil)
	wantCode(t, err, platform.CodeNotFound)
	_, err = f.Tree(t.Context(), "nope", strings.Repeat("1", 40), nil)
	wantCode(t, err, platform.CodeNotFound)
	_, err = f.Tree(t.Context(), "shop", strings.Repeat("1", 40), []string{"GIT_EXEC_PATH=/tmp/evil"})
	wantCode(t, err, platform.CodeInvalid)
}

func TestQuarantinedObjectsAreReadWithTheirVariables(t *testing.T) {
	f := newFixture(t)
	hidden := t.TempDir()
	objects := f.dir + "/objects"
	blob := f.git(t, "secret", "hash-object", "--stdin")
	inner := fixture{Repos: f.Repos, dir: f.dir}
	t.Setenv("GIT_OBJECT_DIRECTORY", hidden)
	t.Setenv("GIT_ALTERNATE_OBJECT_DIRECTORIES", objects)
	inner.git(t, "secret", "hash-object", "-w", "--stdin")
	tree := inner.git(t, "100644 blob "+blob+"\tfile\n", "mktree")
	commit := inner.git(t, "quarantined", "commit-tree", tree)

	_, err := f.Tree(t.Context(), "shop", commit, nil)
	wantCode(t, err, platform.CodeNotFound)
	opened := f.open(t, commit, "GIT_OBJECT_DIRECTORY="+hidden, "GIT_ALTERNATE_OBJECT_DIRECTORIES="+objects)
	if content, err := opened.ReadFile("file"); err != nil || string(content) != "secret" {
		t.Errorf("got %q, %v", content, err)
	}
}

func TestAClosedTreeSaysSo(t *testing.T) {
	f := newFixture(t)
	tree := f.open(t, f.commit(t, "main", file{path: "a", content: "1"}))
	check(t, tree.Close())
	if _, err := tree.ReadFile("a"); err == nil {
		t.Error("read from a closed tree")
	}
}

// TestDigestIsThatOfThePlan: the client computes the same digest of its working tree.
func TestDigestIsThatOfThePlan(t *testing.T) {
	f := newFixture(t)
	files := []file{
		{path: "shop/.magento.app.yaml", content: "name: shop"},
		{path: "shop/a-b", content: "1"},
		{path: "shop/a/b", mode: "100755", content: "2"},
		{path: "shop/a.b", content: "3"},
		{path: "shop/link", mode: "120000", content: "a.b"},
		{path: "shop/.magentox/y", content: "4"},
		{path: ".magento/routes.yaml", content: "{}"},
		{path: "zz", content: "5"},
	}
	tree := f.open(t, f.commit(t, "main", files...))
	var listed []plan.File
	for entry := range strings.SplitSeq(strings.TrimSuffix(f.git(t, "", "ls-tree", "-r", "-z", "main"), "\x00"), "\x00") {
		head, name, _ := strings.Cut(entry, "\t")
		fields := strings.Fields(head)
		mode, err := strconv.ParseUint(fields[0], 8, 32)
		check(t, err)
		listed = append(listed, plan.File{Path: name, Mode: uint32(mode), ID: fields[2]})
	}
	slices.Reverse(listed)
	for _, root := range []string{".", "shop"} {
		want, err := tree.Digest(root, topology.ConfigFiles())
		check(t, err)
		if got := plan.SourceDigest(listed, root); got != want {
			t.Errorf("%s: got %s, want %s", root, got, want)
		}
	}
}
