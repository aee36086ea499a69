package cli

import (
	"context"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"strings"

	"sluice/internal/manifest"
	"sluice/internal/plan"
)

const (
	// maxChanges is how many changed files are looked into; more change every step anyway.
	maxChanges = 2000
	// maxChanged bounds what is read of one of them, in bytes.
	maxChanged = 4 << 20
)

// changes returns the files in which a checkout differs from the commit that is served,
// uncommitted changes included. ok is false when that cannot be told: the commit may be
// unknown here.
func (c *program) changes(ctx context.Context, dir string, m *manifest.Manifest, commit string) (changes plan.Changes, ok bool) {
	if _, err := hex.DecodeString(commit); m == nil || commit == "" || err != nil {
		return changes, false
	}
	tracked, err := c.gitIn(ctx, dir, "", "diff", "--name-only", "--no-renames", "-z", commit, "--")
	if err != nil {
		return changes, false
	}
	others, err := c.gitIn(ctx, dir, "", "ls-files", "-z", "--others", "--exclude-standard")
	if err != nil {
		return changes, false
	}
	names := strings.FieldsFunc(tracked+others, func(r rune) bool { return r == 0 })
	root, err := os.OpenRoot(dir)
	if err != nil || len(names) > maxChanges {
		return changes, false
	}
	defer func() { _ = root.Close() }() // it was only read
	changes.Files = map[string]plan.FileChange{}
	for _, name := range names {
		if changes.Files[name], err = c.change(ctx, root, dir, name, commit, plan.WantsContent(m, name)); err != nil {
			return changes, false
		}
	}
	changes.Static, err = c.changesStatic(ctx, root, dir, m)
	return changes, err == nil
}

// change reads a file as it is and as it was. Without contents, what is told apart is only
// whether there is one.
func (c *program) change(ctx context.Context, root *os.Root, dir, name, commit string, contents bool) (plan.FileChange, error) {
	change := plan.FileChange{Before: []byte("before"), After: []byte("after")}
	info, err := root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		change.After = nil
	case err != nil:
		return change, err
	case contents && info.Mode().IsRegular() && info.Size() <= maxChanged:
		if change.After, err = root.ReadFile(name); err != nil {
			return change, err
		}
	}
	listed, err := c.gitIn(ctx, dir, "", "ls-tree", "-z", "--full-tree", commit, "--", name)
	switch {
	case err != nil:
		return change, err
	case listed == "":
		change.Before = nil
	case contents:
		before, err := c.gitIn(ctx, dir, "", "cat-file", "blob", commit+":"+name)
		if err != nil {
			return change, err
		}
		change.Before = []byte(before)
	}
	return change, nil
}

// changesStatic reports whether a di.xml of the checkout changes how static content is made.
func (c *program) changesStatic(ctx context.Context, root *os.Root, dir string, m *manifest.Manifest) (bool, error) {
	listed, err := c.gitIn(ctx, dir, "", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "*di.xml", ":!vendor/")
	if err != nil {
		return false, err
	}
	for name := range strings.SplitSeq(listed, "\x00") {
		info, err := root.Lstat(name)
		if name == "" || err != nil || !info.Mode().IsRegular() || info.Size() > maxChanged {
			continue
		}
		content, err := root.ReadFile(name)
		if err != nil {
			return false, err
		}
		if plan.ChangesStatic(m, name, content) {
			return true, nil
		}
	}
	return false, nil
}
