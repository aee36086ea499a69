package pool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"sluice/internal/platform"
)

const (
	imageName  = "pool.img"
	mountName  = "pool"
	insideName = "data"
	markerName = ".pool"
	asideName  = ".before-pool" // after the name of a directory that was moved into the pool
)

// tops returns the directories that lie in the pool.
func tops() []string { return []string{"services", "volumes", "snapshots"} }

// MinBytes is the smallest image: XFS takes no less than 300 MB.
const MinBytes = 320 << 20

// DefaultBytes is how large an image is made where nothing else is said.
const DefaultBytes = 20 << 30

// Growth: the pool has to have a tenth free, or the live site is the one that finds no block
// when it writes to what a snapshot shares.
const (
	lowPart  = 10 // grows when less than one part in so many is free
	growPart = 4  // by one part in so many
)

// Pool is the pool of a data directory, which may not have one.
type Pool struct{ dir string }

// Of returns the pool of a data directory.
func Of(dataDir string) Pool { return Pool{dataDir} }

func (p Pool) image() string  { return filepath.Join(p.dir, imageName) }
func (p Pool) mount() string  { return filepath.Join(p.dir, mountName) }
func (p Pool) inside() string { return filepath.Join(p.mount(), insideName) }
func (p Pool) marker() string { return filepath.Join(p.inside(), markerName) }

// Exists reports whether the data directory has a pool, mounted or not.
func (p Pool) Exists() bool {
	for _, top := range tops() {
		if target, err := os.Readlink(filepath.Join(p.dir, top)); err == nil && target == link(top) {
			return true
		}
	}
	return false
}

func link(top string) string { return filepath.Join(mountName, insideName, top) }

// Create makes a pool of bytes, or uses the file system that is mounted at DATADIR/pool.
// With move, data that is there already is copied into it, and the directories from before
// stay beside it with the suffix ".before-pool"; nothing may use them meanwhile. It can run
// again after it was interrupted.
func (p Pool) Create(ctx context.Context, bytes int64, move bool, log io.Writer) error {
	if _, err := os.Stat(p.marker()); err == nil {
		return platform.Errorf(platform.CodeConflict, "%s has a pool already; nothing was changed", p.dir).
			WithHint("make it larger: sluiced pool:grow --size SIZE")
	}
	if err := os.MkdirAll(p.mount(), 0o700); err != nil {
		return err
	}
	if full := p.full(); len(full) > 0 && !move {
		return platform.Errorf(platform.CodeConflict, "%s has data in %s; nothing was changed", p.dir, strings.Join(full, ", ")).
			WithHint("pause all environments, stop sluiced, and add --move")
	}
	mounted, err := p.mounted()
	if err != nil {
		return err
	}
	if !mounted {
		made, err := p.makeImage(ctx, bytes)
		if err != nil {
			return err
		}
		if err := p.attach(ctx); err != nil {
			if made { // this machine mounts none; the room is not lost
				err = errors.Join(err, os.Remove(p.image()))
			}
			return err
		}
	}
	if err := os.MkdirAll(p.inside(), 0o700); err != nil {
		return err
	}
	if err := p.shares(); err != nil {
		return err
	}
	for _, top := range tops() {
		if err := p.take(ctx, top, log); err != nil {
			return fmt.Errorf("move %s into the pool: %w", top, err)
		}
	}
	if err := os.WriteFile(p.marker(), []byte("The data of a Sluice installation. See docs/operations.md.\n"), 0o600); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(log, "the pool is mounted at %s; copies of environments share blocks from now on\n", p.mount())
	return nil
}

// full lists the directories with data outside a pool.
func (p Pool) full() (out []string) {
	for _, top := range tops() {
		at := filepath.Join(p.dir, top)
		if info, err := os.Lstat(at); err != nil || !info.IsDir() {
			continue
		}
		entries, _ := os.ReadDir(at)
		for _, e := range entries {
			if top != "snapshots" || e.Name() != "open" { // which is made at each start
				out = append(out, top)
				break
			}
		}
	}
	return out
}

// makeImage reserves the image and makes a file system in it, unless an interrupted Create
// did; made is false then.
func (p Pool) makeImage(ctx context.Context, bytes int64) (made bool, err error) {
	if _, err := os.Stat(p.image()); err == nil {
		return false, nil
	}
	if bytes < MinBytes {
		return false, platform.Errorf(platform.CodeInvalid, "a pool needs at least %d MB; nothing was changed", MinBytes>>20)
	}
	if _, err := exec.LookPath("mkfs.xfs"); err != nil {
		return false, platform.Errorf(platform.CodeUnavailable, "mkfs.xfs is not installed; nothing was changed").
			WithHint("apt-get install xfsprogs")
	}
	if err := p.roomFor(bytes); err != nil {
		return false, err
	}
	temp := p.image() + ".new"
	err = reserve(temp, 0, bytes)
	if err == nil {
		err = run(ctx, "mkfs.xfs", "-q", "-f", "-m", "reflink=1", temp)
	}
	if err == nil {
		err = os.Rename(temp, p.image())
	}
	if err != nil {
		return false, errors.Join(fmt.Errorf("make the pool's image: %w", err), os.RemoveAll(temp))
	}
	return true, nil
}

// roomFor refuses an image that would fill the disk that it lies on.
func (p Pool) roomFor(bytes int64) error {
	free, total, err := space(p.dir)
	if err != nil {
		return err
	}
	if keep := total / 20; free-bytes < keep {
		return platform.Errorf(platform.CodeUnavailable, "%d MB are free at %s; a pool of %d MB would leave less than the %d MB that the machine needs; nothing was changed",
			free>>20, p.dir, bytes>>20, keep>>20).WithHint("choose a smaller one with --size")
	}
	return nil
}

// reserve makes a file long, with all of its blocks: a sparse image on a disk that runs
// full loses what programs believe to be written.
func reserve(name string, from, to int64) error {
	f, err := os.OpenFile(filepath.Clean(name), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(unix.Fallocate(int(f.Fd()), 0, from, to-from), f.Close())
}

// attach mounts the image by a loop device that does not keep the data in memory twice.
func (p Pool) attach(ctx context.Context) error {
	device, err := output(ctx, "losetup", "--find", "--show", "--direct-io=on", p.image())
	if err != nil {
		device, err = output(ctx, "losetup", "--find", "--show", p.image())
	}
	if err != nil {
		return fmt.Errorf("attach the pool's image: %w", err)
	}
	err = run(ctx, "mount", "-t", "xfs", device, p.mount())
	// Once it is mounted this only says that the device goes with the mount.
	err = errors.Join(err, run(ctx, "losetup", "--detach", device))
	if err != nil {
		return fmt.Errorf("mount the pool: %w", err)
	}
	return nil
}

// shares tries whether blocks can be shared in the pool.
func (p Pool) shares() error {
	dir, err := os.MkdirTemp(p.inside(), ".try")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)                      //nolint:errcheck // two small files
	a, err := os.Create(filepath.Join(dir, "a")) //nolint:gosec // a directory of its own
	if err != nil {
		return err
	}
	defer a.Close()                              //nolint:errcheck // removed
	b, err := os.Create(filepath.Join(dir, "b")) //nolint:gosec // a directory of its own
	if err != nil {
		return err
	}
	defer b.Close() //nolint:errcheck // removed
	if _, err := a.Write(make([]byte, 4096)); err != nil {
		return err
	}
	if err := unix.IoctlFileClone(int(b.Fd()), int(a.Fd())); err != nil {
		return platform.Errorf(platform.CodeUnavailable, "the file system at %s does not share blocks (%v); no data was moved", p.mount(), err).
			WithHint("mount XFS made with reflink=1, or btrfs, there; or unmount it and run this again for an image")
	}
	return nil
}

// take makes one directory lie in the pool.
func (p Pool) take(ctx context.Context, top string, log io.Writer) error {
	at, inside := filepath.Join(p.dir, top), filepath.Join(p.inside(), top)
	info, err := os.Lstat(at)
	switch {
	case err == nil && info.Mode()&fs.ModeSymlink != 0:
		return os.MkdirAll(inside, 0o700)
	case errors.Is(err, fs.ErrNotExist):
		// There is none, or an earlier run ended between the two renames below.
		if err := os.MkdirAll(inside, 0o700); err != nil {
			return err
		}
		return os.Symlink(link(top), at)
	case err != nil:
		return err
	}
	_, _ = fmt.Fprintf(log, "copying %s into the pool\n", at)
	if err := os.RemoveAll(inside); err != nil {
		return err
	}
	if err := run(ctx, "cp", "-a", "--", at, inside); err != nil {
		return err
	}
	f, err := os.Open(p.inside())
	if err != nil {
		return err
	}
	if err := errors.Join(unix.Syncfs(int(f.Fd())), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(at, at+asideName); err != nil {
		return err
	}
	return os.Symlink(link(top), at)
}

// Mount mounts the pool of a data directory that has one. Without one it does nothing.
func (p Pool) Mount(ctx context.Context) error {
	if !p.Exists() {
		return nil
	}
	mounted, err := p.mounted()
	if err != nil {
		return err
	}
	if !mounted {
		if _, err := os.Stat(p.image()); err != nil {
			return platform.Errorf(platform.CodeUnavailable, "the pool is not mounted at %s, and has no image there", p.mount()).
				WithHint("mount its partition at %s", p.mount())
		}
		if err := p.attach(ctx); err != nil {
			return &platform.Error{
				Code: platform.CodeUnavailable, Message: "the pool " + p.image() + " could not be mounted", Err: err,
				Hint: "run sluiced as root; what the kernel says about the image is in the output of dmesg",
			}
		}
	}
	if _, err := os.Stat(p.marker()); err != nil {
		return platform.Errorf(platform.CodeUnavailable, "what is mounted at %s is not the pool: %s is missing", p.mount(), p.marker()).
			WithHint("mount the pool there; if pool:create was interrupted, run it again")
	}
	return nil
}

// mounted reports whether another file system than the data directory's is mounted.
func (p Pool) mounted() (bool, error) {
	var outer, inner unix.Stat_t
	if err := unix.Stat(p.dir, &outer); err != nil {
		return false, fmt.Errorf("%s: %w", p.dir, err)
	}
	err := unix.Stat(p.mount(), &inner)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && outer.Dev != inner.Dev, err
}

// Grow makes the pool's image at least so large; the pool stays mounted.
func (p Pool) Grow(ctx context.Context, bytes int64) error {
	info, err := os.Stat(p.image())
	if err != nil {
		return platform.Errorf(platform.CodeNotFound, "%s has no pool in an image; nothing was changed", p.dir).
			WithHint("sluiced pool:create")
	}
	if bytes <= info.Size() {
		return platform.Errorf(platform.CodeInvalid, "the pool has %d MB already; XFS cannot be made smaller; nothing was changed", info.Size()>>20)
	}
	if err := p.roomFor(bytes - info.Size()); err != nil {
		return err
	}
	if err := p.Mount(ctx); err != nil {
		return err
	}
	if err := reserve(p.image(), info.Size(), bytes); err != nil {
		return fmt.Errorf("enlarge the image: %w", err)
	}
	devices, err := output(ctx, "losetup", "--noheadings", "--output", "NAME", "--associated", p.image())
	if err != nil || devices == "" {
		return errors.Join(errors.New("the image has no loop device"), err)
	}
	if err := run(ctx, "losetup", "--set-capacity", strings.Fields(devices)[0]); err != nil {
		return err
	}
	return run(ctx, "xfs_growfs", p.mount())
}

// GrowWhenLow enlarges the pool by a part when little of it is free, and reports whether it
// did. It does nothing without a pool in an image.
func (p Pool) GrowWhenLow(ctx context.Context) (grown bool, err error) {
	info, err := os.Stat(p.image())
	if err != nil || !p.Exists() {
		return false, nil //nolint:nilerr // there is none
	}
	free, total, err := space(p.mount())
	if err != nil || free > total/lowPart {
		return false, err
	}
	return true, p.Grow(ctx, info.Size()+info.Size()/growPart)
}

func space(dir string) (free, total int64, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, 0, fmt.Errorf("room at %s: %w", dir, err)
	}
	return int64(st.Bavail) * st.Bsize, int64(st.Blocks) * st.Bsize, nil //nolint:gosec // sizes of disks
}

func run(ctx context.Context, name string, args ...string) error {
	_, err := output(ctx, name, args...)
	return err
}

// output runs a tool of the system and returns what it printed.
func output(ctx context.Context, name string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput() //nolint:gosec // fixed tools, paths of the data directory
	text := strings.TrimSpace(string(out))
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", name, err, text)
	}
	return text, nil
}
