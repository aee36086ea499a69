package files_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"sluice/internal/platform"
	"sluice/internal/snapshot"
)

// TestUsageCountsSharedBlocksOnce: what the data and its snapshots share counts once, and
// what a branch shares with them too is not the environment's own.
func TestUsageCountsSharedBlocksOnce(t *testing.T) {
	fileSystems(t, func(t *testing.T, dir string, shared bool) {
		t.Helper()
		const size = 8 << 20
		file := filepath.Join(where(dir, env, snapshot.ServicePart("mysql")), "ibdata1")
		fill := func(with byte) {
			t.Helper()
			write(t, file, "")
			f, err := os.OpenFile(file, os.O_WRONLY, 0)
			do(t, err)
			_, err = f.Write(bytes.Repeat([]byte{with}, size))
			do(t, errors.Join(err, f.Sync(), f.Close()))
		}
		s := open(t, dir, &containers{}, nil)
		usage := func(what string, wantDisk, wantOwn int64) {
			t.Helper()
			u, err := s.Usage(t.Context(), env)
			do(t, err)
			const slack = 1 << 20 // directories, records
			if u.Disk < wantDisk || u.Disk > wantDisk+slack || u.Own < wantOwn || u.Own > wantOwn+slack {
				t.Errorf("%s: got %d on disk and %d of its own, want %d and %d", what, u.Disk, u.Own, wantDisk, wantOwn)
			}
		}
		fill('a')
		usage("the data alone", size, size)
		for range 2 {
			_, err := s.Take(t.Context(), snapshot.Request{Environment: env}, io.Discard)
			do(t, err)
		}
		if !shared {
			usage("with two copies", 3*size, 3*size)
			return
		}
		usage("with two snapshots", size, 0)
		fill('b')
		usage("after everything was written again", 2*size, size)
	})
}

func fallocate(file string, size int64) error {
	f, err := os.OpenFile(filepath.Clean(file), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(unix.Fallocate(int(f.Fd()), 0, 0, size), f.Close())
}

// TestTakeWithoutRoom refuses, with the numbers, and leaves nothing behind.
func TestTakeWithoutRoom(t *testing.T) {
	dir := xfs(t)
	file := filepath.Join(where(dir, env, snapshot.ServicePart("mysql")), "ibdata1")
	write(t, file, "")
	var st unix.Statfs_t
	do(t, unix.Statfs(dir, &st))
	do(t, fallocate(file, int64(st.Bavail)*st.Bsize-16<<20))
	s := open(t, dir, &containers{}, nil)
	_, err := s.Take(t.Context(), snapshot.Request{Environment: env}, io.Discard)
	if platform.ErrorCode(err) != platform.CodeUnavailable || platform.ErrorHint(err) == "" {
		t.Errorf("Take on a full file system: got error %v, hint %q", err, platform.ErrorHint(err))
	}
	if got := leftovers(t, dir); len(got) > 0 {
		t.Errorf("left over: %v", got)
	}
}

// TestReceiveWithoutRoom refuses before anything is fetched.
func TestReceiveWithoutRoom(t *testing.T) {
	s := open(t, t.TempDir(), &containers{}, nil)
	u, err := s.Usage(t.Context(), env)
	do(t, err)
	for bytes, fits := range map[int64]bool{1 << 20: true, u.Total: false} {
		filled := false
		_, err := s.Receive(t.Context(), snapshot.Request{Environment: env, Bytes: bytes},
			func(context.Context, string) error { filled = true; return nil }, io.Discard)
		if filled != fits || fits != (err == nil) || !fits && platform.ErrorCode(err) != platform.CodeUnavailable {
			t.Errorf("%d bytes: fetched: %t, error %v", bytes, filled, err)
		}
	}
}
