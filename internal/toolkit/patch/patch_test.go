package patch_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"sluice/internal/toolkit/patch"
	"sluice/internal/toolkit/shell"
)

// TestApply runs each case of testdata: the files below "tree", the patch, and what comes
// of it: the outcome of Apply, a second time, and the tree. <CR> and <NO NEWLINE> stand for
// what is not seen.
func TestApply(t *testing.T) {
	cases, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { runCase(t, file) })
	}
}

func runCase(t *testing.T, file string) {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	marks := strings.NewReplacer("<CR>\n", "\r\n", "<NO NEWLINE>\n", "")
	for i, f := range archive.Files {
		archive.Files[i].Data = []byte(marks.Replace(string(f.Data)))
	}
	root := openTree(t, archive)
	var text []byte
	want := map[string]string{}
	for _, f := range archive.Files {
		switch {
		case f.Name == "patch":
			text = f.Data
		case !strings.HasPrefix(f.Name, "tree/"):
			want[f.Name] = string(f.Data)
		}
	}
	tool := toolIn(t, root)
	got := map[string]string{"first": outcome(tool.Apply(t.Context(), text)), "second": outcome(tool.Apply(t.Context(), text))}
	err = fs.WalkDir(root.FS(), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := fs.ReadFile(root.FS(), name)
		got["want/"+name] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("%s is\n%s\nwant\n%s", name, got[name], want[name])
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok && name != "second" {
			t.Errorf("%s is there too:\n%s", name, got[name])
		}
	}
}

func openTree(t *testing.T, archive *txtar.Archive) *os.Root {
	t.Helper()
	dir := t.TempDir()
	for _, f := range archive.Files {
		name, ok := strings.CutPrefix(f.Name, "tree/")
		if !ok {
			continue
		}
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	return root
}

// toolIn is a tool that runs the machine's git.
func toolIn(t *testing.T, root *os.Root) patch.Tool {
	t.Helper()
	return patch.Tool{Root: root, Shell: &shell.Local{Dir: root.Name(), Env: []string{"PATH=/usr/local/bin:/usr/bin:/bin"}, Log: noLog{}}}
}

type noLog struct{}

func (noLog) Debug(string) {}

func outcome(o patch.Outcome, err error) string {
	switch {
	case err != nil:
		return fmt.Sprintln(err)
	case o == patch.Applied:
		return "applied\n"
	case o == patch.Already:
		return "already\n"
	}
	return "nothing\n"
}

func TestFilesAreInOrderOfTheirNames(t *testing.T) {
	root := openTree(t, txtar.Parse([]byte("-- tree/m2-hotfixes/b.patch --\n-- tree/m2-hotfixes/a.patch --\n-- tree/m2-hotfixes/readme.txt --\n-- tree/m2-hotfixes/sub/c.patch --\n")))
	names, err := patch.Files(root)
	if got := strings.Join(names, " "); got != "m2-hotfixes/a.patch m2-hotfixes/b.patch" || err != nil {
		t.Errorf("found %s, %v", got, err)
	}
	none, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = none.Close() })
	if names, err := patch.Files(none); len(names) > 0 || err != nil {
		t.Errorf("found %v, %v", names, err)
	}
}

func TestNothingOutsideTheRootIsTouched(t *testing.T) {
	outside := t.TempDir()
	secret := filepath.Join(outside, "secret")
	if err := os.WriteFile(secret, []byte("one\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	root := openTree(t, txtar.Parse([]byte("-- tree/a --\none\n")))
	if err := os.Symlink(outside, filepath.Join(root.Name(), "link")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"../secret", "link/secret", "/etc/hostname"} {
		text := fmt.Sprintf("--- a/%[1]s\n+++ b/%[1]s\n@@ -1 +1 @@\n-one\n+two\n", name)
		if got, err := toolIn(t, root).Apply(t.Context(), []byte(text)); err == nil {
			t.Errorf("%s: outcome %d", name, got)
		}
	}
	if b, err := os.ReadFile(secret); string(b) != "one\n" || err != nil {
		t.Errorf("the file outside is %q, %v", b, err)
	}
}

func TestFileModesStay(t *testing.T) {
	root := openTree(t, txtar.Parse([]byte("-- tree/bin/magento --\none\n")))
	if err := root.Chmod("bin/magento", 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := toolIn(t, root).Apply(t.Context(), []byte("--- a/bin/magento\n+++ b/bin/magento\n@@ -1 +1 @@\n-one\n+two\n")); err != nil {
		t.Fatal(err)
	}
	if info, err := root.Stat("bin/magento"); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("%v, %v", info, err)
	}
}

func TestWithoutGit(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	root := openTree(t, txtar.Parse([]byte("-- tree/a --\none\n")))
	_, err := toolIn(t, root).Apply(t.Context(), []byte("--- a/a\n+++ b/a\n@@ -1 +1 @@\n-one\n+two\n"))
	if err == nil || !strings.HasPrefix(err.Error(), "git was not found") {
		t.Errorf("error %v", err)
	}
}

// A repository around the tree has no part in it: names are those of the tree, and its settings are not read.
func TestARepositoryAboveIsNotAsked(t *testing.T) {
	root := openTree(t, txtar.Parse([]byte("-- tree/.git/HEAD --\nref: refs/heads/main\n-- tree/.git/config --\n[apply]\n\twhitespace = error-all\n-- tree/sub/a --\none\n")))
	sub, err := root.OpenRoot("sub")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sub.Close() })
	tool := toolIn(t, sub)
	tool.Shell = &shell.Local{Dir: filepath.Join(root.Name(), "sub"), Env: []string{"PATH=/usr/local/bin:/usr/bin:/bin"}, Log: noLog{}}
	if got := outcome(tool.Apply(t.Context(), []byte("--- a/a\n+++ b/a\n@@ -1 +1 @@\n-one\n+two \n"))); got != "applied\n" {
		t.Error(got)
	}
}
