package tree

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"
)

// CopyFile copies a file over another and makes the directory of the target.
func (t *Tree) CopyFile(from, to string) (err error) {
	src, err := t.root.Open(from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	info, err := src.Stat()
	if err != nil {
		return err
	}
	if err := t.Mkdir(filepath.Dir(to)); err != nil {
		return err
	}
	if t.IsLink(to) { // a link is replaced, not written through
		if err := t.Remove(to); err != nil {
			return err
		}
	}
	dst, err := t.root.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, info.Mode().Perm()|0o200)
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, src)
	return errors.Join(err, dst.Close())
}

// CopyContents copies everything in a directory into another: hidden files too, links as
// links, files over those of the same name. An empty directory is fine (spec: ece-tools
// A.2 and G 7).
func (t *Tree) CopyContents(from, to string) error {
	if err := t.copyContents(from, to); err != nil {
		return fmt.Errorf("The content of path %q cannot be copied to %q: %w", from, to, err)
	}
	return nil
}

func (t *Tree) copyContents(from, to string) error {
	if err := t.Mkdir(to); err != nil {
		return err
	}
	entries, err := t.Entries(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := t.copyEntry(path.Join(from, e.Name()), path.Join(to, e.Name()), e.Type()); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tree) copyEntry(from, to string, kind fs.FileMode) error {
	switch {
	case kind.IsDir():
		return t.copyContents(from, to)
	case kind&fs.ModeSymlink != 0:
		target, err := t.root.Readlink(from)
		if err != nil {
			return err
		}
		if err := t.RemoveAll(to); err != nil {
			return err
		}
		return t.root.Symlink(target, to)
	case kind.IsRegular():
		return t.CopyFile(from, to)
	}
	return nil // sockets and pipes belong to processes that are gone
}

// Link makes a relative symbolic link at name to target; both are names in the tree, so
// that the link works wherever the tree is.
func (t *Tree) Link(target, name string) error {
	relative, err := filepath.Rel(filepath.Dir(name), target)
	if err != nil {
		return err
	}
	if err := t.root.Symlink(relative, name); err != nil {
		return fmt.Errorf("Cannot create a symlink for %q and place it to %q: %w", target, name, err)
	}
	return nil
}

// Rename moves a name.
func (t *Tree) Rename(from, to string) error {
	if err := t.root.Rename(from, to); err != nil {
		return fmt.Errorf("The path %q cannot be renamed into %q: %w", from, to, err)
	}
	return nil
}

// SetAside empties a directory for its users at once and returns what is left to delete:
// entries move into a directory DELETING_<name>_<unix time> below it, links are deleted.
// Entries named in keep stay. The caller deletes the returned name, "" when there is
// nothing, at leisure (spec: ece-tools A.3). A directory that is itself a link is deleted.
func (t *Tree) SetAside(name string, now time.Time, keep ...string) (rest string, err error) {
	if t.IsLink(name) {
		return "", t.Remove(name)
	}
	entries, err := t.Entries(name)
	if err != nil {
		return "", err
	}
	aside := path.Join(name, fmt.Sprintf("DELETING_%s_%d", path.Base(name), now.Unix()))
	for _, e := range entries {
		at := path.Join(name, e.Name())
		switch {
		case slices.Contains(keep, e.Name()) || at == aside:
			continue
		case e.Type()&fs.ModeSymlink != 0:
			err = t.Remove(at)
		default:
			if err = t.Mkdir(aside); err == nil {
				err = t.Rename(at, path.Join(aside, e.Name()))
			}
		}
		if err != nil {
			return "", err
		}
	}
	if !t.Exists(aside) {
		return "", nil
	}
	return aside, nil
}
