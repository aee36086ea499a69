package tree

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Tree is the application's directory. Names given to its methods are slash-separated and
// relative to it; one that leads outside, also over a link, is an error.
type Tree struct {
	dir    string
	root   *os.Root
	locked lockFile
}

// Open opens the directory.
func Open(dir string) (*Tree, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("the application's directory: %w", err)
	}
	root, err := os.OpenRoot(abs)
	if err != nil {
		return nil, fmt.Errorf("the application's directory: %w", err)
	}
	return &Tree{dir: abs, root: root}, nil
}

// Close releases the directory.
func (t *Tree) Close() error { return t.root.Close() }

// Dir returns the absolute path of the directory.
func (t *Tree) Dir() string { return t.dir }

// Path returns the absolute path of a name.
func (t *Tree) Path(name string) string { return filepath.Join(t.dir, filepath.FromSlash(name)) }

// Root returns the bounded directory for operations that Tree does not have.
func (t *Tree) Root() *os.Root { return t.root }

// Exists reports whether the name exists; links are followed.
func (t *Tree) Exists(name string) bool {
	_, err := t.root.Stat(name)
	return err == nil
}

// IsDir reports whether the name is a directory; links are followed.
func (t *Tree) IsDir(name string) bool {
	info, err := t.root.Stat(name)
	return err == nil && info.IsDir()
}

// IsLink reports whether the name is itself a symbolic link.
func (t *Tree) IsLink(name string) bool {
	info, err := t.root.Lstat(name)
	return err == nil && info.Mode()&fs.ModeSymlink != 0
}

// Read returns the content of a file.
func (t *Tree) Read(name string) ([]byte, error) {
	b, err := t.root.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("Cannot read contents from file %q: %w", name, err)
	}
	return b, nil
}

// ReadOrNothing returns the content of a file; one that does not exist has none.
func (t *Tree) ReadOrNothing(name string) ([]byte, error) {
	b, err := t.Read(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

// Write replaces a file at once: a reader sees the old content or the new, never a part,
// and a failure leaves the old. The directory is made when it is missing. An existing
// file keeps its mode; a new one has 0644.
func (t *Tree) Write(name string, content []byte) error {
	if err := t.write(name, content); err != nil {
		return fmt.Errorf("The specified %q file could not be written: %w", name, err)
	}
	return nil
}

func (t *Tree) write(name string, content []byte) error {
	mode := fs.FileMode(0o644)
	if info, err := t.root.Stat(name); err == nil {
		mode = info.Mode().Perm()
	}
	if err := t.Mkdir(filepath.Dir(name)); err != nil {
		return err
	}
	temp := fmt.Sprintf("%s.%d.new", name, os.Getpid())
	if err := t.writeNew(temp, content, mode); err != nil {
		_ = t.root.Remove(temp) // the first error is the one to tell
		return err
	}
	if err := t.root.Rename(temp, name); err != nil {
		_ = t.root.Remove(temp)
		return err
	}
	return nil
}

func (t *Tree) writeNew(name string, content []byte, mode fs.FileMode) error {
	f, err := t.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// Append adds to the end of a file and makes it and its directory when they are missing.
func (t *Tree) Append(name string, content []byte) error {
	f, err := t.OpenAppend(name)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Close())
}

// OpenAppend opens a file for appending and makes it and its directory.
func (t *Tree) OpenAppend(name string) (*os.File, error) {
	if err := t.Mkdir(filepath.Dir(name)); err != nil {
		return nil, err
	}
	return t.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
}

// Mkdir makes a directory and those above it; an existing one is fine.
func (t *Tree) Mkdir(name string) error {
	if name == "." || t.IsDir(name) {
		return nil
	}
	return t.root.MkdirAll(name, 0o755)
}

// Touch makes an empty file or sets the times of an existing one.
func (t *Tree) Touch(name string) error { return t.Append(name, nil) }

// Remove deletes a file, a link or an empty directory; an absent one is fine.
func (t *Tree) Remove(name string) error {
	err := t.root.Remove(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// RemoveAll deletes a name and everything below it; links are deleted, not followed.
func (t *Tree) RemoveAll(name string) error { return t.root.RemoveAll(name) }

// Entries returns the names in a directory, sorted.
func (t *Tree) Entries(name string) ([]fs.DirEntry, error) {
	return fs.ReadDir(t.root.FS(), filepath.ToSlash(filepath.Clean(name)))
}

// Clear deletes everything in a directory and keeps the directory, which may be a mount.
func (t *Tree) Clear(name string) error {
	entries, err := t.Entries(name)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		errs = append(errs, t.RemoveAll(filepath.Join(name, e.Name())))
	}
	return errors.Join(errs...)
}
