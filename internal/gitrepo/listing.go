package gitrepo

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"

	"sluice/internal/platform"
)

// maxPathSize is how long one line of a listing may be, in bytes; Linux allows paths of 4096.
const maxPathSize = 8 << 10

// Limits bound what the tree of one commit may hold. A pack of some kilobytes can name
// the same file a million times, and a checkout would write it as often.
type Limits struct {
	Entries int   // files and directories
	Bytes   int64 // sum of the sizes of all files, as a checkout writes them
}

// DefaultLimits fit a shop with its dependencies and media committed several times over:
// such a shop has some 100,000 files and 1 GB.
func DefaultLimits() Limits { return Limits{Entries: 500_000, Bytes: 8 << 30} }

// spend takes one entry off the budget.
func (l *Limits) spend(n *node, all Limits) error {
	if l.Entries--; l.Entries < 0 {
		return platform.Errorf(platform.CodeInvalid, "the tree has more than %d files and directories, the limit of this server", all.Entries).
			WithHint("do not commit generated files (var, generated, pub/static, node_modules), or ask the operator to raise --git-max-files")
	}
	if n.size > l.Bytes {
		return platform.Errorf(platform.CodeInvalid, "the files of the tree have more than %d MB in all, the limit of this server", all.Bytes>>20).
			WithHint("keep media and dumps out of the repository, or ask the operator to raise --git-max-tree")
	}
	l.Bytes -= n.size
	return nil
}

// The kinds of entries in a Git tree, by their mode.
const (
	modeTree       = 0o040000
	modeFile       = 0o100644
	modeExecutable = 0o100755
	modeSymlink    = 0o120000
	modeGitlink    = 0o160000
)

// node is one entry of a tree.
type node struct {
	name     string
	mode     uint32 // as Git has it
	id       string
	size     int64   // of a blob, bytes
	children []*node // of a tree, by name
}

func (n *node) isDir() bool { return n.mode == modeTree || n.mode == modeGitlink }

func (n *node) child(name string) *node {
	i, ok := slices.BinarySearchFunc(n.children, name, func(c *node, name string) int { return cmp.Compare(c.name, name) })
	if !ok {
		return nil
	}
	return n.children[i]
}

// list reads all entries of a tree and notes that it is within the limits.
func (r *Repos) list(ctx context.Context, dir string, env []string, tree string) (*node, error) {
	cmd := r.command(ctx, dir, env, "ls-tree", "-r", "-t", "-z", "-l", "--full-tree", tree)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, gitError(ctx, "ls-tree", err, cmd)
	}
	root, parseErr := parseListing(out, tree, r.limits)
	if parseErr != nil {
		cmd.Kill() // the rest of the listing is not read
	}
	err = cmd.Wait()
	if parseErr != nil {
		return nil, parseErr
	}
	if err != nil {
		return nil, gitError(ctx, "ls-tree", err, cmd)
	}
	r.noteChecked(tree)
	return root, nil
}

// parseListing builds the tree that git ls-tree -r -t -z -l lists.
// It returns CodeInvalid for a tree that exceeds the limits.
func parseListing(r io.Reader, id string, limits Limits) (*node, error) {
	left := limits
	root := &node{mode: modeTree, id: id}
	dirs := map[string]*node{".": root}
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 64<<10), maxPathSize)
	lines.Split(scanNul)
	for lines.Scan() {
		name, n, err := parseEntry(lines.Text())
		if err == nil {
			err = left.spend(n, limits)
		}
		if err != nil {
			return nil, err
		}
		parent, ok := dirs[path.Dir(name)]
		if !ok {
			return nil, fmt.Errorf("git ls-tree: %q comes before its directory", name)
		}
		n.name = path.Base(name)
		parent.children = append(parent.children, n)
		if n.mode == modeTree {
			dirs[name] = n
		}
	}
	if err := lines.Err(); err != nil {
		return nil, platform.Errorf(platform.CodeInvalid, "the tree has a path of more than %d bytes", maxPathSize)
	}
	for name, dir := range dirs {
		if err := dir.sort(name); err != nil {
			return nil, err
		}
	}
	return root, nil
}

// sort orders the children by name; Git orders directories as if their names ended in "/".
func (n *node) sort(name string) error {
	slices.SortFunc(n.children, func(a, b *node) int { return cmp.Compare(a.name, b.name) })
	for i := 1; i < len(n.children); i++ {
		if twin := n.children[i].name; twin == n.children[i-1].name {
			return platform.Errorf(platform.CodeInvalid, "the tree has two entries %q", path.Join(name, twin))
		}
	}
	return nil
}

// parseEntry reads one line, "mode SP type SP id SP size TAB path", with the size padded
// to the right and "-" for other objects than blobs.
func parseEntry(line string) (name string, n *node, err error) {
	meta, name, ok := strings.Cut(line, "\t")
	f := strings.Fields(meta)
	if !ok || len(f) != 4 {
		return "", nil, fmt.Errorf("git ls-tree: malformed line %q", line)
	}
	if err := checkPath(name); err != nil {
		return "", nil, err
	}
	mode, err := strconv.ParseUint(f[0], 8, 32)
	if err != nil {
		return "", nil, fmt.Errorf("git ls-tree: malformed mode %q", f[0])
	}
	n = &node{mode: canonicalMode(uint32(mode)), id: f[2]}
	if f[3] != "-" {
		if n.size, err = strconv.ParseInt(f[3], 10, 64); err != nil || n.size < 0 {
			return "", nil, fmt.Errorf("git ls-tree: malformed size %q", f[3])
		}
	}
	return name, n, nil
}

// canonicalMode maps the modes that old versions of Git wrote to the five of today.
func canonicalMode(mode uint32) uint32 {
	switch mode & 0o170000 {
	case modeTree, modeSymlink, modeGitlink:
		return mode & 0o170000
	}
	if mode&0o100 != 0 {
		return modeExecutable
	}
	return modeFile
}

// checkPath refuses names that only a crafted tree can have. Names need not be UTF-8.
func checkPath(name string) error {
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part == "." || part == ".." || strings.EqualFold(part, ".git") || len(part) > 255 {
			return platform.Errorf(platform.CodeInvalid, "the tree has an entry with the name %.300q", name).
				WithHint("such a tree cannot be checked out; remove the entry and push again")
		}
	}
	return nil
}

// scanNul is a bufio.SplitFunc for texts that end in a NUL byte.
func scanNul(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if i := bytes.IndexByte(data, 0); i >= 0 {
		return i + 1, data[:i], nil
	}
	if atEOF && len(data) > 0 {
		return 0, nil, io.ErrUnexpectedEOF
	}
	return 0, nil, nil
}
