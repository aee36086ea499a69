package buildkit

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestArchiveHoldsTheTree: files, directories and links in the order of their names, as
// they are; a link is not followed wherever it leads; Git's directory is left out.
func TestArchiveHoldsTheTree(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		".git/HEAD": "ref: refs/heads/main", "a/b/c.php": "<?php", "a/.gitignore": "x", "a.txt": "text",
	} {
		write(t, filepath.Join(dir, name), content)
	}
	if err := errors.Join(
		os.Chmod(filepath.Join(dir, "a/b/c.php"), 0o755),
		os.Mkdir(filepath.Join(dir, "empty"), 0o700),
		os.Symlink("b/c.php", filepath.Join(dir, "a/link")),
		os.Symlink("/etc", filepath.Join(dir, "z")),
	); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"0755 a/",
		"0644 a/.gitignore: x",
		"0755 a/b/",
		"0755 a/b/c.php: <?php",
		"0777 a/link -> b/c.php",
		"0644 a.txt: text",
		"0755 empty/",
		"0777 z -> /etc",
	}
	if diff := cmp.Diff(want, entries(t, archiveOf(t, dir))); diff != "" {
		t.Error(diff)
	}
}

// TestEqualTreesMakeEqualArchives: BuildKit compares archives by their content.
func TestEqualTreesMakeEqualArchives(t *testing.T) {
	one, other := t.TempDir(), t.TempDir()
	for _, name := range []string{"b/y", "b/x", "a"} {
		write(t, filepath.Join(one, name), name)
	}
	for _, name := range []string{"a", "b/x", "b/y"} {
		write(t, filepath.Join(other, name), name)
	}
	if !bytes.Equal(archiveOf(t, one), archiveOf(t, other)) {
		t.Error("the archives of equal trees differ")
	}
	write(t, filepath.Join(other, "b/x"), "y")
	if bytes.Equal(archiveOf(t, one), archiveOf(t, other)) {
		t.Error("the archives of different trees are equal")
	}
}

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o750), os.WriteFile(name, []byte(content), 0o600), os.Chmod(name, 0o644)); err != nil {
		t.Fatal(err)
	}
}

// archiveOf returns what a session sends of a directory.
func archiveOf(t *testing.T, dir string) []byte {
	t.Helper()
	tree, err := openTree(dir)
	if err != nil {
		t.Fatal(err)
	}
	r, err := tree.Open(archiveName)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close(), tree.Close()); err != nil {
		t.Fatal(err)
	}
	return content
}

// entries describes what is in an archive, one line each.
func entries(t *testing.T, archive []byte) []string {
	t.Helper()
	var out []string
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		content, readErr := io.ReadAll(r)
		if err := errors.Join(err, readErr); err != nil {
			t.Fatal(err)
		}
		line := fmt.Sprintf("%04o %s", h.Mode, h.Name)
		switch h.Typeflag {
		case tar.TypeReg:
			line += ": " + string(content)
		case tar.TypeSymlink:
			line += " -> " + h.Linkname
		}
		out = append(out, line)
	}
}
