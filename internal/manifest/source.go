package manifest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
)

// The bounds of what is read from a pushed tree. A real project's files have some
// thousand values and nest 8 deep.
const (
	maxFileSize    = 1 << 20  // bytes of one configuration file
	maxTotalSize   = 16 << 20 // bytes of all files of one run, includes and archives too
	maxDepth       = 64       // maps and lists in each other
	maxIncludes    = 8        // includes in each other
	maxDirectories = 20_000   // directories searched for applications
)

var (
	errTooLarge = errors.New("too large")
	errLink     = errors.New("a symbolic link")
	errNotFile  = errors.New("not a regular file")
)

// source reads documents from the tree of one commit and collects what is wrong with them.
type source struct {
	findings

	fsys    fs.FS
	partial bool  // files that others name may be missing
	read    int64 // bytes so far
	peeked  int64 // bytes of other files so far
	budget  budget
	listed  map[string][]fs.DirEntry // directories, by path
	onRead  func(name string, content []byte)
}

// file reads a regular file of at most maxFileSize bytes; it follows no symbolic link.
func (s *source) file(name string) ([]byte, error) {
	if info, err := s.stat(name); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, errNotFile
	}
	f, err := s.fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // opened for reading
	limit := min(maxFileSize, maxTotalSize-s.read)
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	s.read += int64(len(data))
	switch {
	case err != nil:
		return nil, err
	case int64(len(data)) > limit:
		return nil, errTooLarge
	}
	if s.onRead != nil {
		s.onRead(name, data)
	}
	return data, nil
}

// stat describes a path in the tree proper: no part of it may be a symbolic link, which
// could point outside.
func (s *source) stat(name string) (fs.FileInfo, error) {
	if !fs.ValidPath(name) {
		return nil, fs.ErrInvalid
	}
	var info fs.FileInfo
	parts := strings.Split(name, "/")
	for i := range parts {
		var err error
		info, err = fs.Lstat(s.fsys, path.Join(parts[:i+1]...))
		switch {
		case err != nil:
			return nil, err
		case info.Mode()&fs.ModeSymlink != 0:
			return nil, errLink
		}
	}
	return info, nil
}

// exists reports whether a path is in the tree.
func (s *source) exists(name string) bool {
	_, err := fs.Lstat(s.fsys, name)
	return err == nil
}

// directory lists a directory, once however often it is asked for: every mount and location
// does. It is empty when there is none.
func (s *source) directory(name string) []fs.DirEntry {
	entries, ok := s.listed[name]
	if !ok {
		entries, _ = fs.ReadDir(s.fsys, name) // no directory, or none that can be read
		s.listed[name] = entries
	}
	return entries
}

// document reads a YAML file. It returns nil when the file is missing or cannot be used;
// the second case is reported.
func (s *source) document(name string) *node {
	data, err := s.file(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		s.add(unreadable(Position{File: name}, name, err))
		return nil
	}
	c := &converter{source: s, file: name, base: path.Dir(name), constants: path.Base(name) == envFile}
	return c.document(data)
}

func unreadable(pos Position, name string, err error) Diagnostic {
	d := Diagnostic{Pos: pos, Severity: SeverityError, Rule: "unreadable-file", Message: name + " cannot be read", Why: err.Error()}
	switch {
	case errors.Is(err, errTooLarge):
		d.Rule = "file-too-large"
		d.Message = name + " is too large"
		d.Why = fmt.Sprintf("a file may have %d KiB and all of them together %d MiB", maxFileSize>>10, maxTotalSize>>20)
	case errors.Is(err, errLink):
		d.Rule = "symbolic-link"
		d.Message = name + " is reached through a symbolic link"
		d.Why, d.Fix = "a link could point outside the repository", "commit the file itself"
	case errors.Is(err, fs.ErrNotExist):
		d.Rule = "missing-file"
		d.Message = name + " does not exist"
		d.Why, d.Fix = "", "commit the file or fix the path"
	case errors.Is(err, fs.ErrInvalid):
		d.Rule = "path-outside"
		d.Message = show(name) + " is not a path inside the repository"
		d.Why, d.Fix = "", "write a relative path without \"..\""
	}
	return d
}
