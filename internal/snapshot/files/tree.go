package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"sluice/internal/snapshot"
)

// racy is how old a change must be at the beginning of a pass for the pass to have seen it:
// times of files are as coarse as the kernel's clock.
const racy = 100 * time.Millisecond

// smallFile is up to which size a service's file is compared and not believed: what is
// written through a memory map has no time of its own.
const smallFile = 1 << 20

// A copier makes a tree what another one is. Files are opened relative to their directory
// and links are not followed: the tree belongs to an application, which may change any of
// it at any moment.
type copier struct {
	ctx     context.Context //nolint:containedctx // of one pass
	share   bool
	since   time.Time // what changed before it is in the copy already; zero for nothing
	suspect bool      // small files are compared whatever their times say
	links   map[inode]string
	base    int // the copy's top directory, for links
	size    snapshot.Size
	copied  bool // blocks were copied, not shared
}

type inode struct{ dev, ino uint64 }

// copyTree runs one pass. The size is that of the whole tree. Both directories are below
// roots that only root may enter.
func copyTree(ctx context.Context, from, to *os.File, share, suspect bool, since time.Time) (snapshot.Size, bool, error) {
	c := copier{ctx: ctx, share: share, since: since, suspect: suspect, links: map[inode]string{}, base: fd(to)}
	err := c.directory(fd(from), fd(to), "")
	return c.size, c.copied, err
}

func fd(f *os.File) int { return int(f.Fd()) }

const (
	dirFlags  = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	fileFlags = unix.O_RDONLY | unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_CLOEXEC
)

// directory makes the directory to what from is; at is its path in the tree.
func (c *copier) directory(from, to int, at string) error {
	if c.ctx.Err() != nil {
		return context.Cause(c.ctx)
	}
	var st unix.Stat_t
	if err := unix.Fstat(from, &st); err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	have, err := names(to)
	if err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	want, err := names(from)
	if err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	for _, name := range have {
		if _, found := slices.BinarySearch(want, name); !found {
			if err := removeAt(to, name); err != nil {
				return fmt.Errorf("%s/%s: %w", at, name, err)
			}
		}
	}
	for _, name := range want {
		// What disappears during the pass is not in the copy.
		if err := c.entry(from, to, name, at+"/"+name); err != nil && !errors.Is(err, unix.ENOENT) {
			return err
		}
	}
	if err := metadata(from, to, &st); err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	return nil
}

// entry makes one name of a directory what it is in the original.
func (c *copier) entry(from, to int, name, at string) error {
	var st unix.Stat_t
	if err := unix.Fstatat(from, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	var old unix.Stat_t
	exists := unix.Fstatat(to, name, &old, unix.AT_SYMLINK_NOFOLLOW) == nil
	if exists && old.Mode&unix.S_IFMT != st.Mode&unix.S_IFMT {
		if err := removeAt(to, name); err != nil {
			return fmt.Errorf("%s: %w", at, err)
		}
		exists = false
	}
	var err error
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return c.subdirectory(from, to, name, at, exists)
	case unix.S_IFREG:
		if !exists {
			err = c.file(from, to, name, at, &st, nil)
		} else {
			err = c.file(from, to, name, at, &st, &old)
		}
	case unix.S_IFLNK:
		c.size.Files++
		err = symlink(from, to, name, &st, exists)
	case unix.S_IFIFO:
		c.size.Files++
		if !exists {
			err = unix.Mkfifoat(to, name, 0o600)
		}
		err = errors.Join(err, own(to, name, &st), unix.Fchmodat(to, name, st.Mode&0o7777, 0))
	default: // a socket belongs to a process, and applications cannot make devices
	}
	if err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	return nil
}

func (c *copier) subdirectory(from, to int, name, at string, exists bool) error {
	src, err := unix.Openat(from, name, dirFlags, 0)
	if err != nil {
		return fmt.Errorf("%s: %w", at, gone(err))
	}
	defer unix.Close(src) //nolint:errcheck // opened for reading
	if !exists {
		if err := unix.Mkdirat(to, name, 0o700); err != nil {
			return fmt.Errorf("%s: %w", at, err)
		}
	}
	dst, err := unix.Openat(to, name, dirFlags, 0)
	if err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	defer unix.Close(dst) //nolint:errcheck // a directory
	return c.directory(src, dst, at)
}

// gone turns the errors for a name that became something else since it was looked at into
// the one for a name that disappeared; the second pass finds what it is now.
func gone(err error) error {
	for _, other := range []error{unix.ELOOP, unix.ENOTDIR, unix.ENXIO, unix.EINVAL} { // the last: not a link
		if errors.Is(err, other) {
			return unix.ENOENT
		}
	}
	return err
}

// file copies a regular file unless an earlier pass did; old is the copy, nil for none.
func (c *copier) file(from, to int, name, at string, st, old *unix.Stat_t) error {
	c.size.Files++
	c.size.Bytes += st.Size
	id := inode{st.Dev, st.Ino}
	if st.Nlink > 1 {
		if first, ok := c.links[id]; ok {
			return c.link(to, name, first, old)
		}
		c.links[id] = strings.TrimPrefix(at, "/")
	}
	if old != nil && c.unchanged(st, old) {
		return nil
	}
	src, err := open(from, name, fileFlags, 0)
	if err != nil {
		return gone(err)
	}
	defer src.Close() //nolint:errcheck // opened for reading
	if err := unix.Fstat(fd(src), st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return unix.ENOENT
	}
	if old != nil && old.Nlink > 1 { // other names of it may have another content now
		if err := unix.Unlinkat(to, name, 0); err != nil {
			return err
		}
		old = nil
	}
	dst, err := open(to, name, unix.O_RDWR|unix.O_CREAT|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	err = c.content(src, dst, st.Size, old != nil)
	if err == nil {
		err = metadata(fd(src), fd(dst), st)
	}
	return errors.Join(err, dst.Close())
}

// unchanged reports whether the copy is what the file is.
func (c *copier) unchanged(st, old *unix.Stat_t) bool {
	if c.since.IsZero() || c.suspect && st.Size <= smallFile {
		return false
	}
	return st.Size == old.Size && st.Mtim == old.Mtim && time.Unix(st.Ctim.Unix()).Before(c.since.Add(-racy))
}

// link makes name the same file as one that was copied before.
func (c *copier) link(to int, name, first string, old *unix.Stat_t) error {
	var st unix.Stat_t
	if err := unix.Fstatat(c.base, first, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	if old != nil {
		if st.Ino == old.Ino {
			return nil
		}
		if err := unix.Unlinkat(to, name, 0); err != nil {
			return err
		}
	}
	return unix.Linkat(c.base, first, to, name, 0)
}

// content makes dst what src is.
func (c *copier) content(src, dst *os.File, size int64, existed bool) error {
	if c.share {
		if existed { // a clone replaces blocks, and does not shorten
			if err := dst.Truncate(0); err != nil {
				return err
			}
		}
		err := unix.IoctlFileClone(fd(dst), fd(src))
		if err == nil {
			return nil
		}
		if !errors.Is(err, unix.EOPNOTSUPP) && !errors.Is(err, unix.EXDEV) && !errors.Is(err, unix.EINVAL) {
			return err
		}
		existed = false
	}
	c.copied = c.copied || size > 0
	if existed {
		return patch(c.ctx, src, dst)
	}
	_, err := io.Copy(dst, src)
	return err
}

func symlink(from, to int, name string, st *unix.Stat_t, exists bool) error {
	target, err := readlink(from, name)
	if err != nil {
		return gone(err)
	}
	if exists {
		if old, err := readlink(to, name); err == nil && old == target {
			return nil
		}
		if err := unix.Unlinkat(to, name, 0); err != nil {
			return err
		}
	}
	if err := unix.Symlinkat(target, to, name); err != nil {
		return err
	}
	return own(to, name, st)
}
