package tree_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/internal/toolkit/toolkittest"
	"sluice/internal/toolkit/tree"
)

func TestFlags(t *testing.T) {
	w := toolkittest.New(t, "")
	root, log := w.Kit.Tree, w.Kit.Log
	if root.HasFlag(tree.FlagDeployFailed) || !root.DeleteFlag(tree.FlagDeployFailed, log) {
		t.Error("an absent flag cannot be deleted")
	}
	if !root.SetFlag(tree.FlagDeployFailed, log) || !root.HasFlag(tree.FlagDeployFailed) || !root.DeleteFlag(tree.FlagDeployFailed, log) || root.HasFlag(tree.FlagDeployFailed) {
		t.Error("the flag does not come and go")
	}
	w.Write(t, "-- var/.regenerate/x --\n-- file --\n")
	if root.DeleteFlag(tree.FlagRegenerate, log) {
		t.Error("a directory with files was deleted as a flag")
	}
	if root.SetFlag(tree.Flag("file/flag"), log) {
		t.Error("a flag below a file was set")
	}
	want := `DEBUG: Flag var/.deploy_is_failed has already been deleted.
INFO: Set flag: var/.deploy_is_failed
INFO: Deleting flag: var/.deploy_is_failed
NOTICE: Cannot create flag file/flag
`
	if got := w.Log(); got != want {
		t.Errorf("%s", got)
	}
}

func TestWriteReplacesAtOnceAndKeepsTheMode(t *testing.T) {
	w := toolkittest.New(t, "-- app/etc/env.php --\nold\n")
	name := filepath.Join(w.Dir, "app/etc/env.php")
	if err := os.Chmod(name, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := w.Kit.Tree.Write(tree.EnvPHP, []byte("new")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(name)
	if err != nil || info.Mode().Perm() != 0o640 || w.File(t, tree.EnvPHP) != "new" {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if entries, err := w.Kit.Tree.Entries(tree.Etc); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
	err = w.Kit.Tree.Write("app/etc/env.php/below", []byte("x"))
	if err == nil || !strings.HasPrefix(err.Error(), `The specified "app/etc/env.php/below" file could not be written`) {
		t.Errorf("%v", err)
	}
}

func TestNothingLeadsOutside(t *testing.T) {
	w := toolkittest.New(t, "-- in --\n")
	outside := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(w.Dir, "link")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"../x", "link", "/etc/passwd"} {
		if _, err := w.Kit.Tree.Read(name); err == nil {
			t.Errorf("%s was read", name)
		}
		if err := w.Kit.Tree.Append(name, []byte("y")); err == nil {
			t.Errorf("%s was written", name)
		}
	}
	if err := w.Kit.Tree.RemoveAll("link"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(outside); err != nil {
		t.Error("what a link leads to was deleted")
	}
}

func TestCopyContents(t *testing.T) {
	w := toolkittest.New(t, "-- a/.hidden --\nh\n-- a/sub/f --\nnew\n-- b/sub/f --\nold\n-- b/keep --\nk\n-- empty/ --\n")
	if err := os.Symlink("sub/f", filepath.Join(w.Dir, "a/link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../b/keep", filepath.Join(w.Dir, "b/link")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := w.Kit.Tree.CopyContents("a", "b"); err != nil {
			t.Fatal(err)
		}
	}
	if w.File(t, "b/.hidden") != "h\n" || w.File(t, "b/sub/f") != "new\n" || w.File(t, "b/keep") != "k\n" {
		t.Error("files are wrong")
	}
	if target, err := os.Readlink(filepath.Join(w.Dir, "b/link")); err != nil || target != "sub/f" {
		t.Errorf("%s, %v", target, err)
	}
	if err := w.Kit.Tree.CopyContents("empty", "to"); err != nil {
		t.Errorf("an empty directory: %v", err)
	}
	if err := w.Kit.Tree.CopyContents("missing", "to"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing directory: %v", err)
	}
}

// TestCopyKeepsDirectories copies over every pair of kinds: a directory of the target is
// never removed, a conflict names both, and everything else arrives.
func TestCopyKeepsDirectories(t *testing.T) {
	w := toolkittest.New(t, `
-- from/dir-on-file/f --
-- from/dir-on-broken-link/f --
-- from/dir-on-link/f --
new
-- from/file-on-dir --
-- from/file-on-link --
new
-- from/target --
-- from/zz/last --
last
-- to/dir-on-file --
kept
-- to/link-on-dir/upload --
kept
-- to/link-on-empty/ --
-- to/link-on-file --
old
-- to/file-on-dir/upload --
kept
-- to/elsewhere/upload --
kept
`)
	link := func(target, name string) {
		if err := os.Symlink(target, filepath.Join(w.Dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"link-on-dir", "link-on-empty", "link-on-file", "link-on-link"} {
		link("target", "from/"+name)
	}
	link("missing", "to/dir-on-broken-link")
	link("elsewhere", "to/dir-on-link")
	link("elsewhere", "to/file-on-link")
	link("elsewhere", "to/link-on-link")
	err := w.Kit.Tree.CopyContents("from", "to")
	want := `The content of path "from" cannot be copied to "to": "to/dir-on-broken-link" is a link and was kept; "from/dir-on-broken-link" is a directory
"to/dir-on-file" is a file and was kept; "from/dir-on-file" is a directory
"to/file-on-dir" is a directory and was kept; "from/file-on-dir" is a file
"to/link-on-dir" is a directory and was kept; "from/link-on-dir" is a link
"to/link-on-empty" is a directory and was kept; "from/link-on-empty" is a link`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	for name, content := range map[string]string{
		"dir-on-file": "kept\n", "link-on-dir/upload": "kept\n", "file-on-dir/upload": "kept\n", "elsewhere/upload": "kept\n",
		"elsewhere/f": "new\n", "file-on-link": "new\n", "zz/last": "last\n", "link-on-file": "", "link-on-link": "",
	} {
		if got := w.File(t, "to/"+name); got != content {
			t.Errorf("%s has %q", name, got)
		}
	}
	if !w.Kit.Tree.IsDir("to/link-on-empty") {
		t.Error("an empty directory was removed")
	}
}

// FuzzCopyContents copies one generated tree over another. Each byte of the inputs makes one
// entry: its path is made of the low bits, its kind of the two highest.
func FuzzCopyContents(f *testing.F) {
	f.Add([]byte{0x01, 0x41, 0x82, 0xc3}, []byte{0x41, 0x01, 0xc2, 0x83})
	f.Add([]byte{0x80, 0x11, 0x95}, []byte{0x40, 0x00, 0x51, 0xd5})
	f.Fuzz(func(t *testing.T, from, to []byte) {
		dir := t.TempDir()
		plant(t, filepath.Join(dir, "from"), from)
		plant(t, filepath.Join(dir, "to"), to)
		root, err := tree.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = root.Close() }()
		before, brought := kinds(t, filepath.Join(dir, "to")), kinds(t, filepath.Join(dir, "from"))
		copyErr := root.CopyContents("from", "to")
		after := kinds(t, filepath.Join(dir, "to"))
		for name, kind := range before {
			if kind.IsDir() && !after[name].IsDir() {
				t.Errorf("%s was a directory and is %v", name, after[name])
			}
			if _, ok := after[name]; !ok {
				t.Errorf("%s is gone", name)
			}
		}
		for name, kind := range brought {
			if got, ok := after[name]; copyErr == nil && kind&fs.ModeSymlink != 0 && ok && got != kind {
				t.Errorf("%s is %v, should be %v", name, got, kind)
			}
		}
	})
}

// plant makes entries below a directory: files, directories, links within it and dangling.
func plant(t *testing.T, dir string, entries []byte) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, b := range entries[:min(len(entries), 64)] {
		name := filepath.Join(dir, string('a'+b&3))
		if b&4 != 0 {
			name = filepath.Join(name, string('a'+b>>3&3))
		}
		_ = os.Mkdir(filepath.Dir(name), 0o700) // what cannot be planted is left out
		switch b >> 6 {
		case 0:
			_ = os.Mkdir(name, 0o700)
		case 1:
			_ = os.WriteFile(name, []byte{b}, 0o600)
		case 2:
			_ = os.Symlink(string('a'+b>>3&3), name)
		default:
			_ = os.Symlink("missing", name)
		}
	}
}

func kinds(t *testing.T, dir string) map[string]fs.FileMode {
	t.Helper()
	all := map[string]fs.FileMode{}
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err == nil {
			all[strings.TrimPrefix(name, dir)] = e.Type()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestSetAside(t *testing.T) {
	w := toolkittest.New(t, "-- pub/static/.htaccess --\n-- pub/static/frontend/a --\n-- pub/static/file --\n")
	if err := os.Symlink("frontend", filepath.Join(w.Dir, "pub/static/link")); err != nil {
		t.Fatal(err)
	}
	rest, err := w.Kit.Tree.SetAside(tree.Static, time.Unix(1700000000, 0), ".htaccess")
	if err != nil || rest != "pub/static/DELETING_static_1700000000" {
		t.Fatalf("%s, %v", rest, err)
	}
	if got := names(t, w.Kit.Tree, tree.Static); !slices.Equal(got, []string{".htaccess", "DELETING_static_1700000000"}) {
		t.Errorf("%v", got)
	}
	if got := names(t, w.Kit.Tree, rest); !slices.Equal(got, []string{"file", "frontend"}) {
		t.Errorf("%v", got)
	}
	if rest, err := w.Kit.Tree.SetAside("pub/static/DELETING_static_1700000000/frontend", time.Unix(1, 0), "a"); err != nil || rest != "" {
		t.Errorf("%s, %v", rest, err)
	}
	if _, err := w.Kit.Tree.SetAside("missing", time.Unix(1, 0)); err == nil {
		t.Error("a missing directory is not an error")
	}
}

func names(t *testing.T, root *tree.Tree, dir string) []string {
	t.Helper()
	entries, err := root.Entries(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func TestLinkIsRelative(t *testing.T) {
	w := toolkittest.New(t, "-- init/pub/static/frontend/a --\nx\n-- pub/static/ --\n")
	if err := w.Kit.Tree.Link("init/pub/static/frontend", "pub/static/frontend"); err != nil {
		t.Fatal(err)
	}
	if target, err := os.Readlink(filepath.Join(w.Dir, "pub/static/frontend")); err != nil || target != "../../init/pub/static/frontend" {
		t.Errorf("%s, %v", target, err)
	}
	if b, err := w.Kit.Tree.Read("pub/static/frontend/a"); err != nil || string(b) != "x\n" {
		t.Errorf("%s, %v", b, err)
	}
}

func TestMagentoVersion(t *testing.T) {
	for name, c := range map[string]struct {
		files, fromGit, version string
		git                     bool
		err                     string
	}{
		"locked":   {files: "-- composer.lock --\n{\"packages\": [{\"name\": \"magento/magento2-base\", \"version\": \"2.4.3-p2\"}]}\n-- composer.json --\n{\"version\": \"9\"}\n", version: "2.4.3.0-patch2"},
		"variable": {files: "-- composer.json --\n{\"version\": \"2.4.5\"}\n", fromGit: "2.4.6", version: "2.4.6.0", git: true},
		"root":     {files: "-- composer.json --\n{\"name\": \"magento/project\", \"version\": \"2.4.5\"}\n", version: "2.4.5.0", git: true},
		"nothing":  {err: "Magento version cannot be resolved"},
	} {
		t.Run(name, func(t *testing.T) {
			root := toolkittest.New(t, c.files).Kit.Tree
			v, err := root.MagentoVersion(c.fromGit)
			if c.err != "" {
				if err == nil || err.Error() != c.err {
					t.Errorf("%v", err)
				}
				if _, err := root.GitInstallation(""); err == nil || err.Error() != "Version cannot be determined" {
					t.Errorf("%v", err)
				}
				return
			}
			git, gitErr := root.GitInstallation(c.fromGit)
			if err != nil || gitErr != nil || v.String() != c.version || git != c.git {
				t.Errorf("%s, %t, %v, %v", v, git, err, gitErr)
			}
		})
	}
}
