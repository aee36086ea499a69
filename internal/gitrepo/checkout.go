package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"sluice/internal/platform"
)

// indexSuffix makes the name of the file, beside a checkout, in which git remembers the
// state of its files.
const indexSuffix = ".index"

// Checkout makes dir hold the files of the directory root of the commit and nothing
// else. Files that did not change since the last Checkout into dir keep their times. dir
// belongs to the Repos: what else is in it is removed. A file dir.index is kept beside
// it; without it, all files are written again.
//
// Files get the bytes that were committed: no attribute converts or filters them.
// Submodules become empty directories. It returns CodeNotFound when there is no such
// commit, or no such directory in it, and CodeInvalid for a commit whose tree exceeds the
// limits; then nothing was written.
func (r *Repos) Checkout(ctx context.Context, project, commit, root, dir string) error {
	repo, err := r.Path(project)
	if err != nil {
		return err
	}
	if err := checkObject(commit); err != nil {
		return err
	}
	dir, err = filepath.Abs(dir)
	if err != nil {
		return err
	}
	defer r.lockCheckout(dir)()
	if err := r.checkout(ctx, repo, project, commit, root, dir); err != nil {
		return fmt.Errorf("check out %s: %w", commit, err)
	}
	return nil
}

// lockCheckout waits for other checkouts into dir and returns how to end this one.
func (r *Repos) lockCheckout(dir string) (unlock func()) {
	r.mu.Lock()
	turn, ok := r.checkouts[dir]
	if !ok {
		turn = &sync.Mutex{}
		r.checkouts[dir] = turn
	}
	r.mu.Unlock()
	turn.Lock()
	return turn.Unlock
}

func (r *Repos) checkout(ctx context.Context, repo, project, commit, root, dir string) error {
	tree, err := r.treeID(ctx, repo, nil, project, commit)
	if err != nil {
		return err
	}
	if err := r.checkLimits(ctx, repo, tree); err != nil {
		return err
	}
	if tree, err = r.subtree(ctx, repo, tree, commit, root); err != nil {
		return err
	}
	err = r.fill(ctx, repo, tree, dir)
	if err == nil || ctx.Err() != nil {
		return err
	}
	// A crash may have left an index that git cannot read. It is a cache: do without.
	if again := errors.Join(os.RemoveAll(dir), remove(dir+indexSuffix)); again != nil {
		return errors.Join(err, again)
	}
	return r.fill(ctx, repo, tree, dir)
}

// maxChecked is how many trees are remembered as checked.
const maxChecked = 1000

// noteChecked remembers that a tree is within the limits.
func (r *Repos) noteChecked(tree string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.checked) >= maxChecked {
		clear(r.checked)
	}
	r.checked[tree] = true
}

// checkLimits refuses a tree that exceeds the limits, before anything is written: it may
// have been stored when they were higher. Usually the tree was read before.
func (r *Repos) checkLimits(ctx context.Context, repo, tree string) error {
	r.mu.Lock()
	known := r.checked[tree]
	r.mu.Unlock()
	if known {
		return nil
	}
	_, err := r.list(ctx, repo, nil, tree)
	return err
}

// subtree returns Git's id of a directory of the commit, whose tree is given.
func (r *Repos) subtree(ctx context.Context, repo, tree, commit, root string) (string, error) {
	root = cleanRoot(root)
	if root == "." {
		return tree, nil
	}
	out, err := r.output(ctx, repo, []string{"GIT_LITERAL_PATHSPECS=1"}, "ls-tree", "-d", "-z", "--full-tree", tree, "--", root)
	if err != nil {
		return "", err
	}
	meta, _, _ := strings.Cut(out, "\t")
	if f := strings.Fields(meta); len(f) == 3 && f[1] == "tree" {
		return f[2], nil
	}
	return "", platform.Errorf(platform.CodeNotFound, "commit %s has no directory %q", commit, root)
}

// fill brings dir to the tree: first the files of the tree, then away with all others.
func (r *Repos) fill(ctx context.Context, repo, tree, dir string) error {
	index := dir + indexSuffix
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // the build's user reads it
		return err
	}
	// Checkouts into dir run one at a time, so a lock was left by a crash.
	if err := remove(index + ".lock"); err != nil {
		return err
	}
	env := []string{"GIT_WORK_TREE=" + dir, "GIT_INDEX_FILE=" + index}
	// Like reset --hard: compares every file's times and size with the index, so it also
	// restores what a crash or someone else changed.
	if _, err := r.output(ctx, repo, env, "read-tree", "--reset", "-u", tree); err != nil {
		return err
	}
	_, err := r.output(ctx, repo, env, "-C", dir, "clean", "-ffdxq")
	return err
}

func remove(name string) error {
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
