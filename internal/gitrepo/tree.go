package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"sluice/internal/gitcmd"
	"sluice/internal/platform"
)

// MaxFileSize is the size of the largest file that a Tree reads, in bytes.
const MaxFileSize = 16 << 20

const (
	maxLinkSize = 4 << 10 // bytes of a symbolic link's target
	maxLinks    = 40      // followed for one path, as Linux does
)

var (
	errTooLarge    = fmt.Errorf("the file is larger than %d MiB", MaxFileSize>>20)
	errEscapes     = errors.New("the symbolic link leads out of the repository")
	errTooManyHops = errors.New("too many levels of symbolic links")
	errIsDir       = errors.New("is a directory")
	errNotDir      = errors.New("not a directory")
)

// Tree is the tree of one commit as a file system. Paths are slash-separated and
// relative to the root of the repository. It is safe for concurrent use, and must be closed.
//
// Symbolic links are reported as such and followed inside the tree; one that leads out of
// it is an error. A submodule is an empty directory with the mode fs.ModeDir|fs.ModeIrregular.
type Tree struct {
	root  *node
	blobs *blobs
}

var (
	_ fs.ReadDirFS  = (*Tree)(nil)
	_ fs.ReadFileFS = (*Tree)(nil)
	_ fs.StatFS     = (*Tree)(nil)
	_ fs.ReadLinkFS = (*Tree)(nil)
)

// Tree opens the tree of a commit. quarantine holds the GIT_* variables by which objects
// of a push are found before it is accepted (platform.Push.Quarantine); it is empty for
// accepted commits. The tree can be read until ctx ends or it is closed. It returns
// CodeNotFound when there is no such project or commit, and CodeInvalid for a tree that
// exceeds the limits or that only a crafted push can hold.
func (r *Repos) Tree(ctx context.Context, project, commit string, quarantine []string) (*Tree, error) {
	dir, err := r.Path(project)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(checkObject(commit), checkQuarantine(quarantine)); err != nil {
		return nil, err
	}
	id, err := r.treeID(ctx, dir, quarantine, project, commit)
	if err != nil {
		return nil, err
	}
	root, err := r.list(ctx, dir, quarantine, id)
	if err != nil {
		return nil, fmt.Errorf("read tree of %s: %w", commit, err)
	}
	blobs, err := r.openBlobs(ctx, dir, quarantine)
	if err != nil {
		return nil, fmt.Errorf("read tree of %s: %w", commit, err)
	}
	return &Tree{root: root, blobs: blobs}, nil
}

// treeID returns the tree of a commit.
func (r *Repos) treeID(ctx context.Context, dir string, env []string, project, commit string) (string, error) {
	out, err := r.output(ctx, dir, env, "rev-parse", "--verify", "--quiet", commit+"^{tree}")
	if code := gitcmd.ExitCode(err); code == 1 || code == 128 {
		return "", platform.Errorf(platform.CodeNotFound, "project %q has no commit %s", project, commit)
	}
	return strings.TrimSpace(out), err
}

// Close ends the reading of files. Closing twice is not an error.
func (t *Tree) Close() error { return t.blobs.close() }

// Open implements fs.FS.
func (t *Tree) Open(name string) (fs.File, error) {
	n, err := t.find("open", name, true)
	if err != nil {
		return nil, err
	}
	if n.isDir() {
		return &openDir{node: n, name: name}, nil
	}
	return &openFile{tree: t, node: n, name: name}, nil
}

// ReadFile implements fs.ReadFileFS. Files larger than MaxFileSize are an error.
func (t *Tree) ReadFile(name string) ([]byte, error) {
	n, err := t.find("read", name, true)
	if err != nil {
		return nil, err
	}
	content, err := t.content(n)
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: name, Err: err}
	}
	return content, nil
}

func (t *Tree) content(n *node) ([]byte, error) {
	if n.isDir() {
		return nil, errIsDir
	}
	return t.blobs.read(n.id, n.size, MaxFileSize)
}

// ReadDir implements fs.ReadDirFS.
func (t *Tree) ReadDir(name string) ([]fs.DirEntry, error) {
	n, err := t.find("readdir", name, true)
	if err != nil {
		return nil, err
	}
	if !n.isDir() {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errNotDir}
	}
	return n.entries(), nil
}

// Stat implements fs.StatFS; it follows symbolic links.
func (t *Tree) Stat(name string) (fs.FileInfo, error) {
	n, err := t.find("stat", name, true)
	if err != nil {
		return nil, err
	}
	return n.info(name), nil
}

// Lstat implements fs.ReadLinkFS; it describes a symbolic link itself.
func (t *Tree) Lstat(name string) (fs.FileInfo, error) {
	n, err := t.find("lstat", name, false)
	if err != nil {
		return nil, err
	}
	return n.info(name), nil
}

// ReadLink implements fs.ReadLinkFS.
func (t *Tree) ReadLink(name string) (string, error) {
	n, err := t.find("readlink", name, false)
	if err != nil {
		return "", err
	}
	if n.mode != modeSymlink {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
	}
	target, err := t.blobs.read(n.id, n.size, maxLinkSize)
	if err != nil {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: err}
	}
	return string(target), nil
}

// find looks a path up.
func (t *Tree) find(op, name string, follow bool) (*node, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	n, err := t.resolve(name, follow)
	if err != nil {
		return nil, &fs.PathError{Op: op, Path: name, Err: err}
	}
	return n, nil
}

// resolve walks to a path part by part, following symbolic links on the way and, when
// follow is set, at its end.
func (t *Tree) resolve(name string, follow bool) (*node, error) {
	trail := []*node{t.root}
	parts := strings.Split(name, "/")
	for hops := 0; len(parts) > 0; {
		part := parts[0]
		parts = parts[1:]
		here := trail[len(trail)-1]
		switch {
		case !here.isDir():
			return nil, errNotDir
		case part == "" || part == ".":
			continue
		case part == ".." && len(trail) == 1:
			return nil, errEscapes
		case part == "..":
			trail = trail[:len(trail)-1]
			continue
		}
		next := here.child(part)
		if next == nil {
			return nil, fs.ErrNotExist
		}
		if next.mode != modeSymlink || (!follow && len(parts) == 0) {
			trail = append(trail, next)
			continue
		}
		if hops++; hops > maxLinks {
			return nil, errTooManyHops
		}
		target, err := t.target(next)
		if err != nil {
			return nil, err
		}
		parts = slices.Concat(target, parts)
	}
	return trail[len(trail)-1], nil
}

func (t *Tree) target(link *node) ([]string, error) {
	target, err := t.blobs.read(link.id, link.size, maxLinkSize)
	if err != nil {
		return nil, err
	}
	if len(target) > 0 && target[0] == '/' {
		return nil, errEscapes
	}
	return strings.Split(string(target), "/"), nil
}
