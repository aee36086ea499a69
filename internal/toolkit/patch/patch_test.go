package patch

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// TestApply runs each case of testdata: the files below "tree", the patch, and what comes
// of it: the outcome of Apply, a second time, and the tree.
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
	root := openTree(t, archive)
	var patch []byte
	want := map[string]string{}
	for _, f := range archive.Files {
		switch {
		case f.Name == "patch":
			patch = f.Data
		case !strings.HasPrefix(f.Name, "tree/"):
			want[f.Name] = string(f.Data)
		}
	}
	got := map[string]string{"first": outcome(Apply(root, patch)), "second": outcome(Apply(root, patch))}
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

func outcome(o Outcome, err error) string {
	switch {
	case err != nil:
		return fmt.Sprintln(err)
	case o == Applied:
		return "applied\n"
	case o == Already:
		return "already\n"
	}
	return "nothing\n"
}

func TestFilesAreInOrderOfTheirNames(t *testing.T) {
	root := openTree(t, txtar.Parse([]byte("-- tree/m2-hotfixes/b.patch --\n-- tree/m2-hotfixes/a.patch --\n-- tree/m2-hotfixes/readme.txt --\n-- tree/m2-hotfixes/sub/c.patch --\n")))
	names, err := Files(root)
	if got := strings.Join(names, " "); got != "m2-hotfixes/a.patch m2-hotfixes/b.patch" || err != nil {
		t.Errorf("found %s, %v", got, err)
	}
	none, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = none.Close() })
	if names, err := Files(none); len(names) > 0 || err != nil {
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
		patch := fmt.Sprintf("--- a/%[1]s\n+++ b/%[1]s\n@@ -1 +1 @@\n-one\n+two\n", name)
		if got, err := Apply(root, []byte(patch)); err == nil {
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
	if _, err := Apply(root, []byte("--- a/bin/magento\n+++ b/bin/magento\n@@ -1 +1 @@\n-one\n+two\n")); err != nil {
		t.Fatal(err)
	}
	if info, err := root.Stat("bin/magento"); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("%v, %v", info, err)
	}
}

func FuzzApply(f *testing.F) {
	f.Add("--- a/a\n+++ b/a\n@@ -1,2 +1,3 @@\n one\n+half\n two\n", "one\ntwo\n")
	f.Add("diff --git a/a b/b\nsimilarity index 100%\nrename from a\nrename to b\n", "x")
	f.Fuzz(func(t *testing.T, patch, content string) {
		root := openTree(t, &txtar.Archive{Files: []txtar.File{{Name: "tree/a", Data: []byte(content)}}})
		first, err := Apply(root, []byte(patch))
		if b, readErr := root.ReadFile("a"); err != nil && (readErr != nil || string(b) != content) {
			t.Errorf("refused with %v, but the file became %q, %v", err, b, readErr)
		}
		_ = first
	})
}
