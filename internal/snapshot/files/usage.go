package files

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"

	"sluice/internal/platform"
	"sluice/internal/snapshot"
)

// Room that is left alone: where blocks are shared, each write to the data needs new ones,
// and the writer that finds none is the live site.
const (
	reserveShare = 10       // one part in so many of the file system
	reserveMax   = 10 << 30 // bytes
	reserveCopy  = 1 << 30  // where blocks are copied
)

// room refuses what the file system has no room for, with the numbers: a copy of the
// data. Where blocks are copied it notes the sizes of the parts; where they are shared, a copy
// takes no room.
func (s *Store) room(ctx context.Context, data []source, done string) error {
	var need int64
	if !s.shared {
		for i, d := range data {
			m, err := s.measure(ctx, d.at)
			if err != nil {
				return fmt.Errorf("size of %s: %w", d.Name, err)
			}
			data[i].Size = m.Size
			need += m.disk
		}
	}
	return s.wantFree(need+need/10, done)
}

// wantFree refuses what needs more bytes than are free beside those kept for the sites.
func (s *Store) wantFree(need int64, done string) error {
	free, total, err := s.space()
	if err != nil {
		return err
	}
	reserve := min(total/reserveShare, reserveMax)
	if !s.shared {
		reserve = min(reserve, reserveCopy)
	}
	if free-need < reserve {
		return platform.Errorf(platform.CodeUnavailable,
			"the data cannot be %s: that takes %s, %s are free, and %s of them are kept for the sites; nothing was changed",
			done, platform.Megabytes(need), platform.Megabytes(free), platform.Megabytes(reserve)).
			WithHint("remove snapshots, or make room where %s lies", s.DataDir)
	}
	return nil
}

func (s *Store) space() (free, total int64, err error) {
	f, err := s.root.Open(snapshotsDir)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close() //nolint:errcheck // opened for reading
	var st unix.Statfs_t
	if err := unix.Fstatfs(fd(f), &st); err != nil {
		return 0, 0, err
	}
	return int64(st.Bavail) * st.Bsize, int64(st.Blocks) * st.Bsize, nil //nolint:gosec // sizes of disks
}

// Usage implements snapshot.Store.
func (s *Store) Usage(ctx context.Context, env platform.EnvironmentID) (snapshot.Usage, error) {
	out := snapshot.Usage{Snapshots: map[string]snapshot.Size{}}
	var err error
	if out.Free, out.Total, err = s.space(); err != nil {
		return out, err
	}
	data, err := s.dataOf(env)
	if err != nil {
		return out, err
	}
	list, err := s.List(ctx, env)
	if err != nil {
		return out, err
	}
	m := meter{extents: s.shared}
	for _, d := range data {
		before := m.Size
		if err := s.add(ctx, &m, d.at); err != nil {
			return out, err
		}
		d.Size = snapshot.Size{Bytes: m.Bytes - before.Bytes, Files: m.Files - before.Files}
		out.Parts = append(out.Parts, d.Part)
	}
	out.Data = m.Size
	for _, one := range list {
		out.Snapshots[one.ID] = one.Size()
		if err := s.add(ctx, &m, path.Join(home(one.ID), dataDir)); err != nil {
			return out, err
		}
	}
	out.Own = m.disk
	out.Disk = m.disk + union(m.shared)
	return out, nil
}

// measure adds up what lies below a directory.
func (s *Store) measure(ctx context.Context, dir string) (meter, error) {
	var m meter
	return m, s.add(ctx, &m, dir)
}

func (s *Store) add(ctx context.Context, m *meter, dir string) error {
	f, err := s.root.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // opened for reading
	return m.walk(ctx, fd(f))
}

// meter adds up sizes.
type meter struct {
	snapshot.Size
	extents bool     // tell shared blocks from others
	disk    int64    // bytes of blocks that nothing else shares
	shared  []extent // blocks that something else shares too, each as often as it was met
}

// extent is a run of blocks on disk, in bytes.
type extent struct{ start, end uint64 }

// union returns how many bytes extents cover.
func union(list []extent) (sum int64) {
	slices.SortFunc(list, func(a, b extent) int { return cmp.Compare(a.start, b.start) })
	var end uint64
	for _, e := range list {
		if e.end > end {
			sum += int64(e.end - max(e.start, end)) //nolint:gosec // sizes of disks
			end = e.end
		}
	}
	return sum
}

func (m *meter) walk(ctx context.Context, dir int) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	list, err := names(dir)
	if err != nil {
		return err
	}
	for _, name := range list {
		if err := m.entry(ctx, dir, name); err != nil && !errors.Is(err, unix.ENOENT) {
			return err
		}
	}
	return nil
}

func (m *meter) entry(ctx context.Context, dir int, name string) error {
	var st unix.Stat_t
	if err := unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		m.disk += st.Blocks * 512
		sub, err := unix.Openat(dir, name, dirFlags, 0)
		if err != nil {
			return gone(err)
		}
		defer unix.Close(sub) //nolint:errcheck // opened for reading
		return m.walk(ctx, sub)
	}
	m.Files++
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil
	}
	m.Bytes += st.Size
	if !m.extents || st.Blocks == 0 {
		m.disk += st.Blocks * 512
		return nil
	}
	f, err := open(dir, name, fileFlags, 0)
	if err != nil {
		return gone(err)
	}
	defer f.Close() //nolint:errcheck // opened for reading
	return m.blocks(fd(f))
}

// The kernel's FIEMAP (linux/fiemap.h).
const (
	fsIocFiemap  = 0xC020660B
	extentLast   = 0x1
	extentShared = 0x2000
	extentBatch  = 128
)

type fiemap struct {
	start, length uint64
	flags, mapped uint32
	count, _      uint32
	extents       [extentBatch]struct {
		logical, physical, length uint64
		_                         [2]uint64
		flags                     uint32
		_                         [3]uint32
	}
}

// blocks adds the blocks of one file.
func (m *meter) blocks(file int) error {
	var q fiemap
	for {
		q.length, q.count = ^uint64(0)-q.start, extentBatch
		if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(file), fsIocFiemap, uintptr(unsafe.Pointer(&q))); errno != 0 { //nolint:gosec // the kernel fills it in
			return errno
		}
		for _, e := range q.extents[:q.mapped] {
			if e.flags&extentShared != 0 {
				m.shared = append(m.shared, extent{e.physical, e.physical + e.length})
			} else {
				m.disk += int64(e.length) //nolint:gosec // sizes of files
			}
			if e.flags&extentLast != 0 {
				return nil
			}
			q.start = e.logical + e.length
		}
		if q.mapped == 0 {
			return nil
		}
	}
}
