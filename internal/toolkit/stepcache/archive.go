package stepcache

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/klauspost/compress/gzip"

	"sluice/internal/stepinput"
)

// pack writes files and directories of a tree into an archive. What is neither, a link for
// example, is an error: no step that keeps results makes one.
func pack(to io.Writer, tree *os.Root, paths []string) error {
	zip, err := gzip.NewWriterLevel(to, gzip.BestSpeed)
	if err != nil {
		return err
	}
	archive := tar.NewWriter(zip)
	for _, p := range paths {
		err := fs.WalkDir(tree.FS(), p, func(name string, e fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) && name == p {
				return nil
			}
			if err != nil {
				return err
			}
			return packOne(archive, tree, name, e)
		})
		if err != nil {
			return err
		}
	}
	return errors.Join(archive.Close(), zip.Close())
}

func packOne(archive *tar.Writer, tree *os.Root, name string, e fs.DirEntry) error {
	info, err := e.Info()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() && !info.IsDir() {
		return fmt.Errorf("%s is neither a file nor a directory", name)
	}
	head := &tar.Header{Name: name, Mode: int64(info.Mode().Perm()), Typeflag: tar.TypeReg, Size: info.Size()}
	if info.IsDir() {
		head.Typeflag, head.Size = tar.TypeDir, 0
	}
	if err := archive.WriteHeader(head); err != nil || info.IsDir() {
		return err
	}
	f, err := tree.Open(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(archive, f)
	return errors.Join(err, f.Close())
}

// unpack writes what is in an archive into a tree.
func unpack(from io.Reader, tree *os.Root) error {
	return entries(from, func(head *tar.Header, content io.Reader) error {
		if head.Typeflag == tar.TypeDir {
			return tree.MkdirAll(head.Name, fs.FileMode(head.Mode).Perm()) //nolint:gosec // Perm keeps nine bits
		}
		if err := tree.MkdirAll(path.Dir(head.Name), 0o755); err != nil {
			return err
		}
		f, err := tree.OpenFile(head.Name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, fs.FileMode(head.Mode).Perm()) //nolint:gosec // Perm keeps nine bits
		if err != nil {
			return err
		}
		_, err = io.Copy(f, content)
		return errors.Join(err, f.Close())
	})
}

func entries(from io.Reader, visit func(head *tar.Header, content io.Reader) error) error {
	zip, err := gzip.NewReader(from)
	if err != nil {
		return err
	}
	archive := tar.NewReader(zip)
	for {
		head, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = visit(head, archive)
		}
		if err != nil {
			return err
		}
	}
}

// Compare returns the files in which a result differs from what is at the paths of the tree,
// sorted: nil when they are equal.
func (s *Store) Compare(step stepinput.Step, r *Record, tree *os.Root, paths []string) ([]string, error) {
	f, err := s.root.Open(path.Join(string(step), r.Inputs.Digest(), archiveFile))
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	kept := map[string]bool{}
	var different []string
	err = entries(f, func(head *tar.Header, content io.Reader) error {
		kept[head.Name] = true
		if head.Typeflag == tar.TypeDir {
			return nil
		}
		was, err := io.ReadAll(content)
		if err != nil {
			return err
		}
		now, err := tree.ReadFile(head.Name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err != nil || !bytes.Equal(was, now) {
			different = append(different, head.Name)
		}
		return nil
	})
	for _, p := range paths {
		err = errors.Join(err, fs.WalkDir(tree.FS(), p, func(name string, e fs.DirEntry, err error) error {
			if err == nil && !e.IsDir() && !kept[name] {
				different = append(different, name)
			}
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		}))
	}
	slices.SortFunc(different, strings.Compare)
	return different, err
}
