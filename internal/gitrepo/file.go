package gitrepo

import (
	"bytes"
	"io"
	"io/fs"
	"path"
	"time"
)

// Object is what fs.FileInfo.Sys returns for the files of a Tree.
type Object struct {
	ID   string // Git's id of the blob or tree, or the commit of a submodule
	Mode uint32 // as Git has it, such as 0100644
}

// fileInfo describes a node under the name by which it was found.
type fileInfo struct {
	node *node
	name string
}

func (n *node) info(name string) fileInfo { return fileInfo{node: n, name: path.Base(name)} }

// Name implements fs.FileInfo.
func (i fileInfo) Name() string { return i.name }

// Size implements fs.FileInfo.
func (i fileInfo) Size() int64 { return i.node.size }

// ModTime implements fs.FileInfo. Git keeps no times of files: it is zero.
func (i fileInfo) ModTime() time.Time { return time.Time{} }

// IsDir implements fs.FileInfo.
func (i fileInfo) IsDir() bool { return i.node.isDir() }

// Sys implements fs.FileInfo; it returns an Object.
func (i fileInfo) Sys() any { return Object{ID: i.node.id, Mode: i.node.mode} }

// Mode implements fs.FileInfo.
func (i fileInfo) Mode() fs.FileMode {
	switch i.node.mode {
	case modeTree:
		return fs.ModeDir | 0o755
	case modeGitlink:
		return fs.ModeDir | fs.ModeIrregular | 0o755
	case modeSymlink:
		return fs.ModeSymlink | 0o777
	case modeExecutable:
		return 0o755
	default:
		return 0o644
	}
}

func (n *node) entries() []fs.DirEntry {
	entries := make([]fs.DirEntry, len(n.children))
	for i, c := range n.children {
		entries[i] = fs.FileInfoToDirEntry(c.info(c.name))
	}
	return entries
}

// openFile is an open regular file. Its content is fetched when it is first read.
type openFile struct {
	tree    *Tree
	node    *node
	name    string
	content *bytes.Reader
}

// Stat implements fs.File.
func (f *openFile) Stat() (fs.FileInfo, error) { return f.node.info(f.name), nil }

// Read implements fs.File.
func (f *openFile) Read(p []byte) (int, error) {
	if f.content == nil {
		content, err := f.tree.content(f.node)
		if err != nil {
			return 0, &fs.PathError{Op: "read", Path: f.name, Err: err}
		}
		f.content = bytes.NewReader(content)
	}
	return f.content.Read(p)
}

// Close implements fs.File.
func (f *openFile) Close() error { return nil }

// openDir is an open directory.
type openDir struct {
	node *node
	name string
	next int
}

// Stat implements fs.File.
func (d *openDir) Stat() (fs.FileInfo, error) { return d.node.info(d.name), nil }

// Read implements fs.File; a directory has no content.
func (d *openDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.name, Err: errIsDir}
}

// Close implements fs.File.
func (d *openDir) Close() error { return nil }

// ReadDir implements fs.ReadDirFile.
func (d *openDir) ReadDir(n int) ([]fs.DirEntry, error) {
	entries := d.node.entries()[d.next:]
	if n > 0 {
		if len(entries) == 0 {
			return nil, io.EOF
		}
		entries = entries[:min(n, len(entries))]
	}
	d.next += len(entries)
	return entries, nil
}
