package gitrepo

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"path"
)

// Digest returns a digest over mode, path and content of every file below root but for
// the excluded paths (slash-separated, relative to root; a directory excludes what is
// below it). Contents count by their Git id, so nothing is read. It returns
// fs.ErrNotExist when there is no such directory; symbolic links are not followed.
func (t *Tree) Digest(root string, exclude []string) (string, error) {
	dir, err := t.directory("digest", root)
	if err != nil {
		return "", err
	}
	skip := map[string]bool{}
	for _, name := range exclude {
		skip[path.Clean(name)] = true
	}
	h := sha256.New()
	digest(h, dir, "", skip)
	return hex.EncodeToString(h.Sum(nil)), nil
}

func digest(w io.Writer, dir *node, prefix string, skip map[string]bool) {
	for _, c := range dir.children {
		name := prefix + c.name
		switch {
		case skip[name]:
		case c.mode == modeTree:
			digest(w, c, name+"/", skip)
		default:
			_, _ = fmt.Fprintf(w, "%06o %s %s\x00", c.mode, c.id, name) // a hash takes everything
		}
	}
}

// TreeID returns Git's id of the directory. It returns fs.ErrNotExist when there is none;
// symbolic links are not followed.
func (t *Tree) TreeID(root string) (string, error) {
	dir, err := t.directory("tree", root)
	if err != nil {
		return "", err
	}
	return dir.id, nil
}

// directory finds a directory; "" and "/" are the root, as in a manifest.
func (t *Tree) directory(op, root string) (*node, error) {
	n, err := t.find(op, cleanRoot(root), false)
	if err != nil {
		return nil, err
	}
	if n.mode != modeTree {
		return nil, &fs.PathError{Op: op, Path: root, Err: errNotDir}
	}
	return n, nil
}

// cleanRoot turns the ways to write a directory of the repository into one that
// fs.ValidPath knows: "", "/" and "." are the root, "/app/" is "app".
func cleanRoot(root string) string {
	if clean := path.Clean("/" + root)[1:]; clean != "" {
		return clean
	}
	return "."
}
