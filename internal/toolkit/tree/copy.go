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
// links, files over files and links of the same name. An empty directory is fine. The
// target may be a volume with data of visitors, so a directory in it is never removed: an
// entry that cannot be copied, because a file or link meets a directory or the reverse, is
// reported, the rest is copied, and the error names all of them, one a line.
func (t *Tree) CopyContents(from, to string) error {
	if err := errors.Join(t.copyContents(from, to)...); err != nil {
		return fmt.Errorf("The content of path %q cannot be copied to %q: %w", from, to, err)
	}
	return nil
}

func (t *Tree) copyContents(from, to string) (failed []error) {
	entries, err := t.Entries(from)
	if err != nil {
		return []error{err}
	}
	if _, err := t.root.Lstat(to); err == nil && !t.IsDir(to) { // a link to a directory is one
		return []error{t.conflict(from, to)}
	}
	if err := t.Mkdir(to); err != nil {
		return []error{err}
	}
	for _, e := range entries {
		from, to := path.Join(from, e.Name()), path.Join(to, e.Name())
		if e.IsDir() {
			failed = append(failed, t.copyContents(from, to)...)
			continue
		}
		if err := t.copyEntry(from, to, e.Type()); err != nil {
			failed = append(failed, err)
		}
	}
	return failed
}

// copyEntry copies what is not a directory.
func (t *Tree) copyEntry(from, to string, kind fs.FileMode) error {
	if info, err := t.root.Lstat(to); err == nil && info.IsDir() {
		return t.conflict(from, to)
	}
	switch {
	case kind&fs.ModeSymlink != 0:
		target, err := t.root.Readlink(from)
		if err != nil {
			return err
		}
		if err := t.Remove(to); err != nil {
			return err
		}
		return t.root.Symlink(target, to)
	case kind.IsRegular():
		return t.CopyFile(from, to)
	}
	return nil // sockets and pipes belong to processes that are gone
}

// conflict is the error that what is at to was kept because from is of another kind.
func (t *Tree) conflict(from, to string) error {
	return fmt.Errorf("%q is %s and was kept; %q is %s", to, t.kind(to), from, t.kind(from))
}

// kind names what is at a name, for people.
func (t *Tree) kind(name string) string {
	info, err := t.root.Lstat(name)
	switch {
	case err != nil:
		return "unreadable"
	case info.IsDir():
		return "a directory"
	case info.Mode()&fs.ModeSymlink != 0:
		return "a link"
	case info.Mode().IsRegular():
		return "a file"
	}
	return "neither a file nor a directory"
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
// nothing, at leisure. A directory that is itself a link is deleted.
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
