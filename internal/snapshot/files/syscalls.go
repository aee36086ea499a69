package files

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// names lists a directory, sorted.
func names(dir int) ([]string, error) {
	again, err := open(dir, ".", dirFlags, 0) // has an offset of its own
	if err != nil {
		return nil, err
	}
	defer again.Close() //nolint:errcheck // opened for reading
	out, err := again.Readdirnames(-1)
	slices.Sort(out)
	return out, err
}

func open(dir int, name string, flags int, mode uint32) (*os.File, error) {
	n, err := unix.Openat(dir, name, flags, mode)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(n), name), nil
}

func readlink(dir int, name string) (string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(dir, name, buf)
	if err != nil {
		return "", err
	}
	return string(buf[:n]), nil
}

// removeAt removes a file or a tree.
func removeAt(dir int, name string) error {
	err := unix.Unlinkat(dir, name, 0)
	if !errors.Is(err, unix.EISDIR) && !errors.Is(err, unix.EPERM) {
		return err
	}
	sub, err := unix.Openat(dir, name, dirFlags, 0)
	if err != nil {
		return err
	}
	defer unix.Close(sub) //nolint:errcheck // a directory
	list, err := names(sub)
	if err != nil {
		return err
	}
	for _, n := range list {
		if err := removeAt(sub, n); err != nil {
			return err
		}
	}
	return unix.Unlinkat(dir, name, unix.AT_REMOVEDIR)
}

// metadata gives the copy the original's owner, mode, extended attributes and times, in the
// order in which none undoes another.
func metadata(from, to int, st *unix.Stat_t) error {
	if err := unix.Fchown(to, int(st.Uid), int(st.Gid)); err != nil {
		return err
	}
	if err := unix.Fchmod(to, st.Mode&0o7777); err != nil {
		return err
	}
	if err := attributes(from, to); err != nil {
		return err
	}
	return futimens(to, st)
}

// own gives a name of the copy that cannot be opened the original's owner and times.
func own(to int, name string, st *unix.Stat_t) error {
	return errors.Join(
		unix.Fchownat(to, name, int(st.Uid), int(st.Gid), unix.AT_SYMLINK_NOFOLLOW),
		unix.UtimesNanoAt(to, name, []unix.Timespec{st.Atim, st.Mtim}, unix.AT_SYMLINK_NOFOLLOW),
	)
}

// attributes copies extended attributes. Those of the kernel's security modules are set by
// the kernel itself.
func attributes(from, to int) error {
	list, err := listAttributes(from)
	if err != nil {
		return err
	}
	have, err := listAttributes(to)
	if err != nil {
		return err
	}
	for _, name := range have {
		if !slices.Contains(list, name) {
			if err := unix.Fremovexattr(to, name); err != nil && !errors.Is(err, unix.ENODATA) {
				return err
			}
		}
	}
	for _, name := range list {
		value := make([]byte, 64<<10)
		n, err := unix.Fgetxattr(from, name, value)
		if errors.Is(err, unix.ENODATA) {
			continue
		}
		if err == nil {
			err = unix.Fsetxattr(to, name, value[:n], 0)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func listAttributes(file int) ([]string, error) {
	n, err := unix.Flistxattr(file, nil)
	if errors.Is(err, unix.ENOTSUP) {
		return nil, nil
	}
	if n <= 0 {
		return nil, err
	}
	buf := make([]byte, n+256)
	if n, err = unix.Flistxattr(file, buf); err != nil {
		return nil, err
	}
	var out []string
	for name := range strings.SplitSeq(string(buf[:n]), "\x00") {
		if name != "" && (!strings.HasPrefix(name, "security.") || name == "security.capability") {
			out = append(out, name)
		}
	}
	return out, nil
}

func futimens(file int, st *unix.Stat_t) error {
	return unix.UtimesNanoAt(file, "", []unix.Timespec{st.Atim, st.Mtim}, unix.AT_EMPTY_PATH)
}

const patchBlock = 256 << 10

// patch makes dst what src is and writes only where they differ.
func patch(ctx context.Context, src, dst *os.File) error {
	a, b := make([]byte, patchBlock), make([]byte, patchBlock)
	for at := int64(0); ; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n, err := src.ReadAt(a, at)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		m, errOld := dst.ReadAt(b[:n], at)
		if errOld != nil && !errors.Is(errOld, io.EOF) {
			return errOld
		}
		if m != n || !bytes.Equal(a[:n], b[:n]) {
			if _, err := dst.WriteAt(a[:n], at); err != nil {
				return err
			}
		}
		at += int64(n)
		if err != nil {
			return dst.Truncate(at)
		}
	}
}
