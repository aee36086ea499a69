package docker

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"sluice/internal/contract"
	"sluice/internal/engine"
	"sluice/internal/platform"
)

// Directories below the data directory.
const (
	volumesDir  = "volumes"  // <environment>/@<application>/<escaped mount source>
	servicesDir = "services" // <environment>/<service>
	logsDir     = "logs"     // <environment>/<container>
	filesRoot   = "run"      // <environment>/<release>/<container>: generated files
)

// serviceFiles stands in for a release in the path of a service's generated files.
const serviceFiles = "services"

// dataDir is the directory whose parts are mounted into containers. Applications own what
// is in their volumes and may plant anything there, so nothing in it is followed.
type dataDir struct {
	path   string
	root   *os.Root
	laying sync.Mutex // containers of one volume are made side by side
}

// openDataDir opens the directory and makes it when it is not there. Only root may enter
// it, so the modes of what is below matter inside containers only.
func openDataDir(dir string) (*dataDir, error) {
	if !filepath.IsAbs(dir) {
		return nil, fmt.Errorf("data directory %q is not an absolute path", dir)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create data directory: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open data directory: %w", err)
	}
	return &dataDir{path: dir, root: root}, nil
}

// bind is one directory of the host in a container.
type bind struct {
	source, target string
	readOnly       bool
}

// logs makes the directory that an application's programs write their logs to.
func (d *dataDir) logs(env platform.EnvironmentID, w wanted) (bind, error) {
	source, err := d.directory(path.Join(logsDir, string(env), w.Name), "", ownerOf(w.User), 0o755)
	return bind{source: source, target: contract.LogDir}, err
}

// directory makes sub below base and returns the path of base. What is above base is
// root's. sub is within reach of the application and is only made, never mounted: a part
// of it that is not a directory is refused, a symbolic link above all.
func (d *dataDir) directory(base, sub string, o owner, mode fs.FileMode) (string, error) {
	if err := d.root.MkdirAll(path.Dir(base), 0o700); err != nil {
		return "", err
	}
	if err := d.makeOne(d.root, base, o, mode); err != nil {
		return "", err
	}
	volume, err := d.root.OpenRoot(base)
	if err != nil {
		return "", err
	}
	defer volume.Close() //nolint:errcheck // a directory opened for reading
	at := ""
	for part := range strings.SplitSeq(strings.Trim(path.Clean("/"+sub), "/"), "/") {
		if part == "" {
			continue
		}
		at = path.Join(at, part)
		if err := d.makeOne(volume, at, o, mode); err != nil {
			return "", err
		}
	}
	return filepath.Join(d.path, base), nil
}

// makeOne makes one directory. One that still belongs to root was left by a crash between
// making it and giving it away.
func (d *dataDir) makeOne(root *os.Root, name string, o owner, mode fs.FileMode) error {
	err := root.Mkdir(name, mode)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := root.Lstat(name)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return notDirectory(name, info)
	}
	if o.uid != 0 && uidOf(info) == 0 {
		return root.Lchown(name, o.uid, o.gid)
	}
	return nil
}

// files writes the generated files of a container, replacing those of an earlier attempt.
// They may hold secrets: root owns them, the container's group may read.
func (d *dataDir) files(env platform.EnvironmentID, w wanted) (bind, error) {
	dir := containerFiles(env, w)
	if err := d.root.RemoveAll(dir); err != nil {
		return bind{}, fmt.Errorf("remove old files: %w", err)
	}
	parent := filesDir(w.Files)
	group := ownerOf(w.User).gid
	for _, f := range w.Files {
		name := path.Join(dir, strings.TrimPrefix(f.Path, parent))
		if err := d.root.MkdirAll(path.Dir(name), 0o755); err != nil {
			return bind{}, fmt.Errorf("file %s: %w", f.Path, err)
		}
		mode := fs.FileMode(0o640)
		if f.Mode&0o100 != 0 {
			mode = 0o750
		}
		if err := d.root.WriteFile(name, []byte(f.Content), mode); err != nil {
			return bind{}, fmt.Errorf("file %s: %w", f.Path, err)
		}
		if err := d.root.Lchown(name, 0, group); err != nil {
			return bind{}, fmt.Errorf("file %s: %w", f.Path, err)
		}
	}
	return bind{source: filepath.Join(d.path, dir), target: parent, readOnly: true}, nil
}

// remove deletes a tree; one that is gone is not an error.
func (d *dataDir) remove(tree string) error { return d.root.RemoveAll(tree) }

// environments lists the environments of which anything is on disk.
func (d *dataDir) environments() ([]platform.EnvironmentID, error) {
	var out []platform.EnvironmentID
	for _, top := range []string{volumesDir, servicesDir, logsDir, filesRoot} {
		entries, err := fs.ReadDir(d.root.FS(), top)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("list %s: %w", top, err)
		}
		for _, e := range entries {
			out = append(out, platform.EnvironmentID(e.Name()))
		}
	}
	return out, nil
}

// room reports what is left in the file system of a directory.
func room(dir string) (engine.Disk, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return engine.Disk{}, fmt.Errorf("room in %s: %w", dir, err)
	}
	block := uint64(st.Bsize) //nolint:gosec // a block size is positive
	return engine.Disk{
		FreeBytes: st.Bavail * block, TotalBytes: st.Blocks * block,
		FreeInodes: st.Ffree, TotalInodes: st.Files,
	}, nil
}

func filesOf(env platform.EnvironmentID) string { return path.Join(filesRoot, string(env)) }

func releaseFiles(env platform.EnvironmentID, release string) string {
	return path.Join(filesRoot, string(env), release)
}

func containerFiles(env platform.EnvironmentID, w wanted) string {
	if w.kind == engine.KindService {
		return path.Join(releaseFiles(env, serviceFiles), w.Name)
	}
	return path.Join(releaseFiles(env, w.release), w.Name)
}

// dataOf returns the trees that hold what an environment's users made.
func dataOf(env platform.EnvironmentID) []string {
	return []string{
		path.Join(volumesDir, string(env)), path.Join(servicesDir, string(env)), path.Join(logsDir, string(env)),
	}
}

// owner is a user and a group by number.
type owner struct{ uid, gid int }

// ownerOf reads "uid:gid"; parts that are missing or no numbers are 0.
func ownerOf(user string) owner {
	uid, gid, _ := strings.Cut(user, ":")
	u, _ := strconv.Atoi(uid)
	g, _ := strconv.Atoi(gid)
	return owner{u, g}
}

// uidOf returns the owner of a file.
func uidOf(info fs.FileInfo) int {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(st.Uid)
	}
	return -1
}

// kindOfFile names a type of file for people.
func kindOfFile(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeSymlink != 0:
		return "a symbolic link"
	case mode.IsRegular():
		return "a file"
	default:
		return "a special file"
	}
}
