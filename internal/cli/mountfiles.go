package cli

import (
	"archive/tar"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// pathFilter chooses paths below a mount. A pattern without a slash is for names, any other
// for paths from the mount on; what a pattern excludes is excluded with all below it, unless
// an include names it.
type pathFilter struct {
	exclude []string
	include []string
}

// check returns an error for a pattern that can never match.
func (f pathFilter) check() error {
	for _, pattern := range slices.Concat(f.exclude, f.include) {
		if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
			return usageError("in a pattern, * stands for any characters but /, ? for one and [a-z] for one of a range", "%q is not a pattern", pattern)
		}
	}
	return nil
}

// keeps reports whether a slash-separated path is chosen.
func (f pathFilter) keeps(name string) bool {
	for p := name; p != "." && p != "/"; p = path.Dir(p) {
		if matchesAny(f.include, p) {
			return true
		}
		if matchesAny(f.exclude, p) {
			return false
		}
	}
	return true
}

func matchesAny(patterns []string, name string) bool {
	for _, pattern := range patterns {
		subject := name
		if pattern = strings.TrimSuffix(pattern, "/"); !strings.Contains(pattern, "/") {
			subject = path.Base(name)
		}
		if ok, err := path.Match(strings.TrimPrefix(pattern, "/"), subject); ok && err == nil {
			return true
		}
	}
	return false
}

// remote returns options with which tar leaves out most of what the filter does.
func (f pathFilter) remote() []string {
	if len(f.include) > 0 {
		return nil
	}
	var out []string
	for _, pattern := range f.exclude {
		if pattern = strings.TrimSuffix(pattern, "/"); strings.Contains(pattern, "/") {
			out = append(out, "--anchored", "--no-wildcards-match-slash", "--exclude=./"+strings.TrimPrefix(pattern, "/"))
		} else {
			out = append(out, "--no-anchored", "--no-wildcards-match-slash", "--exclude="+pattern)
		}
	}
	return out
}

// transfer is one copy between a mount and a local directory.
type transfer struct {
	root   *os.Root // everything local goes through it, so nothing outside is touched
	filter pathFilter
	note   func(format string, args ...any)

	files int
	bytes int64
	seen  map[string]bool // paths that the other side has
}

// unpack writes what a tar stream holds. The stream comes from an application and may be
// hostile: a path or a link that leads out of the directory is refused.
func (t *transfer) unpack(r io.Reader) error {
	t.seen = map[string]bool{}
	for in := tar.NewReader(r); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			_, err = io.Copy(io.Discard, r) // the padding after the end
			return err
		}
		if err != nil {
			return fmt.Errorf("read the files: %w", err)
		}
		if err := t.unpackOne(h, in); err != nil {
			return err
		}
	}
}

func (t *transfer) unpackOne(h *tar.Header, r io.Reader) error {
	name := path.Clean(h.Name)
	if name == "." {
		return nil
	}
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return fail(ExitFailure, "look for it in the application: sluice ssh", "the server sent the path %q, which leads out of the directory; it was not written", h.Name)
	}
	t.seen[name] = true
	if !t.filter.keeps(name) {
		return nil
	}
	var err error
	switch local := filepath.FromSlash(name); h.Typeflag {
	case tar.TypeDir:
		err = t.root.MkdirAll(local, 0o755)
	case tar.TypeReg:
		err = t.unpackFile(local, h, r)
	case tar.TypeSymlink:
		err = t.unpackLink(name, h.Linkname)
	default:
		t.note("Skipped %s: it is neither a file nor a directory", printable(name))
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", printable(name), err)
	}
	return nil
}

// unpackFile replaces a file whole: whatever was there, a link too, goes only when the new
// content is complete.
func (t *transfer) unpackFile(name string, h *tar.Header, r io.Reader) error {
	dir := filepath.Dir(name)
	if err := t.root.MkdirAll(dir, 0o755); err != nil {
		return err //nolint:wrapcheck // by the caller
	}
	partial := filepath.Join(dir, ".sluice-partial")
	f, err := t.root.OpenFile(partial, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, h.FileInfo().Mode().Perm()&0o755|0o600)
	if err != nil {
		return err //nolint:wrapcheck // by the caller
	}
	n, err := io.Copy(f, r)
	if err = errors.Join(err, f.Close()); err == nil {
		err = t.root.Chtimes(partial, h.ModTime, h.ModTime)
	}
	if err == nil {
		err = t.root.Rename(partial, name)
	}
	if err != nil {
		return errors.Join(err, t.root.Remove(partial))
	}
	t.files++
	t.bytes += n
	return nil
}

func (t *transfer) unpackLink(name, target string) error {
	if path.IsAbs(target) || !filepath.IsLocal(filepath.FromSlash(path.Join(path.Dir(name), target))) {
		t.note("Skipped the link %s: it leads to %s, outside of the mount", printable(name), printable(target))
		return nil
	}
	local := filepath.FromSlash(name)
	if err := t.root.MkdirAll(filepath.Dir(local), 0o755); err != nil {
		return err //nolint:wrapcheck // by the caller
	}
	if err := t.root.Remove(local); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err //nolint:wrapcheck // by the caller
	}
	return t.root.Symlink(target, local) //nolint:wrapcheck // by the caller
}

// pack writes the directory to a tar stream.
func (t *transfer) pack(w io.Writer) error {
	t.seen = map[string]bool{}
	out := tar.NewWriter(w)
	err := fs.WalkDir(t.root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		t.seen[name] = true
		if !t.filter.keeps(name) {
			return nil // an include may name something below
		}
		if err := t.packOne(out, name, d); err != nil {
			return fmt.Errorf("read %s: %w", printable(name), err)
		}
		return nil
	})
	if err != nil {
		return err //nolint:wrapcheck // has the path
	}
	return out.Close() //nolint:wrapcheck // of the stream
}

func (t *transfer) packOne(out *tar.Writer, name string, d fs.DirEntry) error {
	info, err := d.Info()
	if err != nil {
		return err //nolint:wrapcheck // by the caller
	}
	var target string
	switch {
	case d.IsDir(), info.Mode().IsRegular():
	case info.Mode()&fs.ModeSymlink != 0:
		if target, err = t.root.Readlink(filepath.FromSlash(name)); err != nil {
			return err //nolint:wrapcheck // by the caller
		}
	default:
		t.note("Skipped %s: it is neither a file nor a directory", printable(name))
		return nil
	}
	h, err := tar.FileInfoHeader(info, target)
	if err != nil {
		return err //nolint:wrapcheck // by the caller
	}
	h.Name, h.Uid, h.Gid, h.Uname, h.Gname = name, 0, 0, "", ""
	if err := out.WriteHeader(h); err != nil || !info.Mode().IsRegular() {
		return err //nolint:wrapcheck // by the caller
	}
	f, err := t.root.Open(filepath.FromSlash(name))
	if err != nil {
		return err //nolint:wrapcheck // by the caller
	}
	defer func() { _ = f.Close() }() // only read
	n, err := io.CopyN(out, f, h.Size)
	t.files++
	t.bytes += n
	return err //nolint:wrapcheck // by the caller
}

// prune removes local files that the other side does not have, but for those that the filter
// leaves out.
func (t *transfer) prune() error {
	var gone []string
	err := fs.WalkDir(t.root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == "." || t.seen[name] || !t.filter.keeps(name) {
			return err
		}
		gone = append(gone, name)
		if d.IsDir() {
			return fs.SkipDir
		}
		return nil
	})
	for _, name := range gone {
		err = cmp.Or(err, t.root.RemoveAll(filepath.FromSlash(name)))
	}
	if err != nil {
		return fmt.Errorf("delete what the mount does not have: %w", err)
	}
	return nil
}
