package buildkit

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/tonistiigi/fsutil"
	"github.com/tonistiigi/fsutil/types"

	"sluice/internal/contract"
)

// sourceTree is a directory as it is sent to the builder: without Git's own files, owned
// by the web user, and with modification times that depend on the contents alone.
//
// The builder keeps the tree that an application sent last and asks only for the files
// whose size or time differ. Trees are unpacked anew for every push, so their real times
// would make it ask for all of them; a time that is part of a digest of the content lets
// a push of one changed file send one file. It also keeps the ETag and Last-Modified of
// a static file the same over releases that do not change it.
type sourceTree struct {
	fsutil.FS

	root *os.Root
}

// openTree opens dir. The caller closes the tree.
func openTree(dir string) (*sourceTree, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the source tree: %w", err)
	}
	t := &sourceTree{root: root}
	plain, err := fsutil.NewFS(dir)
	if err == nil {
		t.FS, err = fsutil.NewFilterFS(plain, &fsutil.FilterOpt{ExcludePatterns: []string{".git"}, Map: t.normalize})
	}
	if err != nil {
		_ = root.Close()
		return nil, fmt.Errorf("open the source tree: %w", err)
	}
	return t, nil
}

// Close releases the directory.
func (t *sourceTree) Close() error { return t.root.Close() }

// Open opens a regular file of the tree; a symbolic link cannot lead out of it.
func (t *sourceTree) Open(name string) (io.ReadCloser, error) { return t.root.Open(name) }

func (t *sourceTree) normalize(name string, stat *types.Stat) fsutil.MapResult {
	stat.Uid, stat.Gid = contract.WebUID, contract.WebGID
	stat.Xattrs = nil
	stat.ModTime = contentTime(nil).UnixNano()
	if os.FileMode(stat.Mode).IsRegular() {
		// A file that cannot be read is reported when its content is sent.
		if sum, err := t.digest(name); err == nil {
			stat.ModTime = contentTime(sum).UnixNano()
		}
	}
	return fsutil.MapResultKeep
}

func (t *sourceTree) digest(name string) ([]byte, error) {
	f, err := t.root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return nil, err
	}
	return h.Sum(nil), nil
}

// contentTime maps a digest to a time between 2000 and 2017, to the nanosecond. Times
// that differ only below the second are one in an image's layer, not in the builder.
func contentTime(sum []byte) time.Time {
	const epoch = 946684800 // 2000-01-01
	if len(sum) < 8 {
		return time.Unix(epoch, 0)
	}
	v := binary.BigEndian.Uint64(sum)
	const seconds, nanos = 1 << 29, 1e9
	return time.Unix(epoch+int64(v%seconds), int64(v/seconds%nanos)) //nolint:gosec // both are bounded by the moduli
}
