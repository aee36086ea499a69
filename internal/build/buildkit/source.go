package buildkit

import (
	"archive/tar"
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/tonistiigi/fsutil"
	"github.com/tonistiigi/fsutil/types"

	"sluice/internal/contract"
)

// archiveName is the one file of the directory that a session offers; run.sh unpacks it.
const archiveName = "tree.tar"

// sendBuffer is how many bytes of the archive are made before they are passed on.
const sendBuffer = 256 << 10

// sourceTree offers a directory to the builder as one archive, made while it is sent.
//
// BuildKit can also take a directory file by file and only those that changed. For the
// 20,000 small files of a shop that is slower by far even when one of them changed: each
// is compared by a message of its own, and then copied once more into the application.
type sourceTree struct {
	root *os.Root
}

// openTree opens dir. The caller closes the tree.
func openTree(dir string) (*sourceTree, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the source tree: %w", err)
	}
	return &sourceTree{root: root}, nil
}

// Close releases the directory.
func (t *sourceTree) Close() error { return t.root.Close() }

// Walk implements fsutil.FS: the archive is all there is. Its time says that it changed,
// so that it is always sent; whether its content did, BuildKit finds by hashing it.
func (t *sourceTree) Walk(_ context.Context, _ string, fn fs.WalkDirFunc) error {
	entry := &fsutil.DirEntryInfo{Stat: &types.Stat{
		Path: archiveName, Mode: 0o444, Uid: contract.WebUID, Gid: contract.WebGID,
		ModTime: time.Now().UnixNano(),
	}}
	return fn(archiveName, entry, nil)
}

// Open implements fsutil.FS. Closing the reader ends the making of the archive.
func (t *sourceTree) Open(name string) (io.ReadCloser, error) {
	if name != archiveName {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	r, w := io.Pipe()
	go func() {
		bw := bufio.NewWriterSize(w, sendBuffer)
		w.CloseWithError(cmp.Or(t.archive(bw), bw.Flush()))
	}()
	return r, nil
}

// archive writes the tree in the order of its names, so that equal trees make equal
// archives. Git's own directory, and whatever is not a file, directory or link, is left out.
func (t *sourceTree) archive(w io.Writer) error {
	tw := tar.NewWriter(w)
	return errors.Join(addDir(tw, t.root, ""), tw.Close())
}

// addDir writes what is in a directory, whose path in the tree is prefix. Each directory
// is opened by itself: a file that is looked up from the top of the tree costs an open for
// every part of its path, which in a shop is most of the time an archive takes.
func addDir(tw *tar.Writer, dir *os.Root, prefix string) error {
	entries, err := fs.ReadDir(dir.FS(), ".")
	if err != nil {
		return fmt.Errorf("read the directory %q: %w", prefix, err)
	}
	for _, d := range entries {
		if prefix == "" && d.Name() == ".git" {
			continue
		}
		if err := add(tw, dir, prefix, d); err != nil {
			return err
		}
	}
	return nil
}

func add(tw *tar.Writer, dir *os.Root, prefix string, d fs.DirEntry) error {
	h := &tar.Header{Name: prefix + d.Name(), Format: tar.FormatGNU, ModTime: contentTime(nil)}
	switch d.Type() {
	case fs.ModeDir:
		return addSubdir(tw, dir, d.Name(), h)
	case fs.ModeSymlink:
		target, err := dir.Readlink(d.Name())
		if err != nil {
			return err
		}
		h.Typeflag, h.Linkname, h.Mode = tar.TypeSymlink, target, 0o777
		return tw.WriteHeader(h)
	case 0:
		return addFile(tw, dir, d.Name(), h)
	default:
		return nil
	}
}

func addSubdir(tw *tar.Writer, parent *os.Root, name string, h *tar.Header) error {
	h.Typeflag, h.Name, h.Mode = tar.TypeDir, h.Name+"/", 0o755
	if err := tw.WriteHeader(h); err != nil {
		return err
	}
	dir, err := parent.OpenRoot(name)
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }() // was only read
	return addDir(tw, dir, h.Name)
}

// addFile writes a regular file, whose header says when the content changed.
func addFile(tw *tar.Writer, dir *os.Root, name string, h *tar.Header) error {
	f, err := dir.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // was only read
	info, err := f.Stat()
	if err != nil {
		return err
	}
	sum, content, err := digest(f, info.Size())
	if err != nil {
		return fmt.Errorf("read %s: %w", h.Name, err)
	}
	h.Typeflag, h.Size, h.Mode = tar.TypeReg, info.Size(), int64(info.Mode().Perm())
	h.ModTime = contentTime(sum)
	if err := tw.WriteHeader(h); err != nil {
		return err
	}
	_, err = io.CopyN(tw, content, h.Size)
	return err
}

// digest hashes a file of the given size, and returns its content to be read once more:
// from memory when it is small, and otherwise from its beginning.
func digest(f *os.File, size int64) (sum []byte, content io.Reader, err error) {
	const small = 4 << 20
	h := sha256.New()
	if size > small {
		if _, err := io.CopyN(h, f, size); err != nil {
			return nil, nil, err
		}
		_, err := f.Seek(0, io.SeekStart)
		return h.Sum(nil), f, err
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(f, data); err != nil {
		return nil, nil, err
	}
	h.Write(data)
	return h.Sum(nil), bytes.NewReader(data), nil
}

// contentTime maps a digest to a second between 2000 and 2017.
//
// A tree is unpacked again for every push, so the times of its files say nothing. One that
// depends on the content alone keeps ETag and Last-Modified of a static file the same over
// the releases that do not change it, and different over those that do.
func contentTime(sum []byte) time.Time {
	const epoch, span = 946684800, 1 << 29
	if len(sum) < 4 {
		return time.Unix(epoch, 0)
	}
	return time.Unix(epoch+int64(binary.BigEndian.Uint32(sum)%span), 0)
}
