package docker

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"sluice/internal/engine"
	"sluice/internal/platform"
)

// ownDirs begins the name of the directory of a volume. In earlier versions a volume was
// one tree under its plain name; no volume's name begins like this.
const ownDirs = "@"

// volume is the directories of one volume of an environment, as paths below the data
// directory.
type volume struct {
	dir  string // has one directory for each source; root's
	tree string // the same volume before ADR 0038, if there is one
}

func volumeOf(env platform.EnvironmentID, name string) volume {
	top := path.Join(volumesDir, string(env))
	return volume{dir: path.Join(top, ownDirs+name), tree: path.Join(top, name)}
}

// source returns the directory of a source that has one of its own.
func (v volume) source(source string) string { return path.Join(v.dir, sourceName(source)) }

// binds makes the directories of a container's mounts and says where they are mounted.
// have is what exists of the environment.
func (d *dataDir) binds(env platform.EnvironmentID, w wanted, all map[string][]claim, have []found) ([]bind, error) {
	if w.kind == engine.KindService {
		return d.serviceBinds(env, w)
	}
	var out []bind
	for _, name := range volumesOf(w) {
		v := volumeOf(env, name)
		p, err := d.lay(v, all[name], legacySources(filepath.Join(d.path, v.tree), have))
		if err != nil {
			return nil, fmt.Errorf("volume %s: %w", name, err)
		}
		for _, m := range p.arrange(all[name], w.Name, w.Tmpfs) {
			out = append(out, bind{source: filepath.Join(d.path, v.source(m.source)), target: m.target})
		}
	}
	return out, nil
}

// serviceBinds makes the volumes of a service, which no other container mounts.
func (d *dataDir) serviceBinds(env platform.EnvironmentID, w wanted) ([]bind, error) {
	var out []bind
	for _, m := range w.Mounts {
		source, err := d.directory(path.Join(servicesDir, string(env), m.Volume), "", owner{m.UID, m.GID}, 0o700)
		if err != nil {
			return nil, fmt.Errorf("mount %s: %w", m.Target, err)
		}
		out = append(out, bind{source: source, target: m.Target})
	}
	return out, nil
}

func volumesOf(w wanted) []string {
	var out []string
	for _, m := range w.Mounts {
		out = append(out, m.Volume)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// lay makes the directories of all sources of a volume and says which they are. It can
// run again at any time; what an earlier version left is moved first.
func (d *dataDir) lay(v volume, list []claim, legacy []string) (placement, error) {
	d.laying.Lock()
	defer d.laying.Unlock()
	if err := d.root.MkdirAll(path.Dir(v.dir), 0o700); err != nil {
		return placement{}, err
	}
	if err := d.makeOne(d.root, v.dir, owner{}, 0o755); err != nil {
		return placement{}, err
	}
	own, err := d.migrate(v, list, legacy)
	if err != nil {
		return placement{}, err
	}
	p, err := place(list, own, func(source, rel string) (bool, error) { return d.taken(path.Join(v.source(source), rel)) })
	if err != nil {
		return placement{}, err
	}
	for _, c := range list {
		base, sub := c.Path, ""
		if outer, ok := p.inside[c.Path]; ok {
			base = outer
			sub, _ = within(outer, c.Path)
		}
		_, err := d.directory(v.source(base), sub, owner{c.UID, c.GID}, 0o755)
		if errors.Is(err, errNotDirectory) && sub != "" {
			continue // it is not mounted, and the application may do there as it likes
		}
		if err != nil {
			return placement{}, fmt.Errorf("mount %s: %w", c.Target, err)
		}
	}
	return p, d.mountPoints(v, p, list[0])
}

// mountPoints makes the directories over which sources are mounted that lie in others: an
// application owns all that it finds in its mounts.
func (d *dataDir) mountPoints(v volume, p placement, c claim) error {
	for _, source := range p.own {
		outer, rel, nested := p.nearest(source)
		if !nested {
			continue
		}
		if _, err := d.directory(v.source(outer), rel, owner{c.UID, c.GID}, 0o755); err != nil {
			return fmt.Errorf("place of %q in %q: %w", source, outer, err)
		}
	}
	return nil
}

// own lists the sources of a volume that have a directory of their own.
func (d *dataDir) own(v volume) ([]string, error) {
	entries, err := fs.ReadDir(d.root.FS(), v.dir)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if source, ok := sourceOf(e.Name()); ok && e.IsDir() {
			out = append(out, source)
		}
	}
	slices.Sort(out)
	return out, nil
}

// taken reports whether there is anything at a path but an empty directory. The path is
// within reach of the application; nothing is followed out of the data directory.
func (d *dataDir) taken(name string) (bool, error) {
	info, err := d.root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil || !info.IsDir() {
		return true, err
	}
	f, err := d.root.Open(name)
	if err != nil {
		return true, err
	}
	defer f.Close() //nolint:errcheck // opened for reading
	names, _ := f.Readdirnames(1)
	return len(names) > 0, nil
}

// legacySources lists the sources in an earlier version's tree that existing containers
// have mounted.
func legacySources(tree string, have []found) []string {
	var out []string
	for _, f := range have {
		for _, b := range f.binds {
			if b == tree {
				out = append(out, "")
			} else if rel, ok := within(tree, b); ok {
				out = append(out, rel)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// migrate moves sources out of the tree that a volume was before ADR 0038, each in one
// step of the file system, so that a crash leaves it moved or not. In its old place it
// leaves a symbolic link that only root can change: containers of the release that still
// runs find their files when Docker starts them again. Once no such container is left, the
// links are removed. It returns the sources that have a directory of their own.
func (d *dataDir) migrate(v volume, list []claim, legacy []string) ([]string, error) {
	own, err := d.own(v)
	if err != nil {
		return nil, err
	}
	p := placement{own: own}
	moving := append(sources(list), legacy...)
	slices.Sort(moving)
	for _, source := range slices.Compact(moving) {
		if _, _, nested := p.nearest(source); nested || slices.Contains(p.own, source) {
			continue
		}
		moved, err := d.adopt(v, source)
		if err != nil {
			return nil, fmt.Errorf("move %q into a directory of its own: %w", source, err)
		}
		if moved {
			p.own = append(p.own, source)
		}
	}
	if len(legacy) == 0 {
		for _, source := range p.own {
			d.unlink(v.tree, source)
		}
	}
	return p.own, nil
}

// adopt moves one source out of the tree. It reports false when the tree does not have it.
func (d *dataDir) adopt(v volume, source string) (bool, error) {
	from := path.Join(v.tree, source)
	for at := range pathsTo(v.tree, source) {
		info, err := d.root.Lstat(at)
		if errors.Is(err, fs.ErrNotExist) || err == nil && ourLink(info) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if !info.IsDir() {
			return false, notDirectory(at, info)
		}
	}
	link := strings.Repeat("../", strings.Count(from, "/")-strings.Count(v.tree, "/")) + path.Base(v.dir) + "/" + sourceName(source)
	to := v.source(source)
	if err := d.root.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) { // a link that a crash left
		return false, err
	}
	if err := d.root.Symlink(link, to); err != nil {
		return false, err
	}
	if err := d.exchange(from, to, link); err != nil {
		return false, err
	}
	for at := range pathsTo(v.tree, path.Dir(source)) { // what is above it belongs to no application
		if source != "" {
			if err := d.root.Lchown(at, 0, 0); err != nil {
				return false, err
			}
		}
	}
	return true, nil
}

// exchange swaps a directory and the link that takes its place. A file system that cannot
// do that at once does it one after the other.
func (d *dataDir) exchange(from, to, link string) error {
	err := unix.Renameat2(unix.AT_FDCWD, filepath.Join(d.path, from), unix.AT_FDCWD, filepath.Join(d.path, to), unix.RENAME_EXCHANGE)
	if !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOSYS) {
		return err
	}
	if err := d.root.Remove(to); err != nil {
		return err
	}
	if err := d.root.Rename(from, to); err != nil {
		return err
	}
	return d.root.Symlink(link, from)
}

// pathsTo yields tree and every directory below it on the way to source.
func pathsTo(tree, source string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		at := tree
		if !yield(at) {
			return
		}
		for part := range strings.SplitSeq(cleanSource(source), "/") {
			if at = path.Join(at, part); part != "" && !yield(at) {
				return
			}
		}
	}
}

// ourLink reports whether a file is a link that adopt left: no application can make one
// that belongs to root.
func ourLink(info fs.FileInfo) bool { return info.Mode()&fs.ModeSymlink != 0 && uidOf(info) == 0 }

// unlink removes the link that adopt left, and the directories above it that are empty
// then. Anything else stays.
func (d *dataDir) unlink(tree, source string) {
	at := path.Join(tree, source)
	if info, err := d.root.Lstat(at); err == nil && !ourLink(info) {
		return
	}
	for d.root.Remove(at) == nil && at != tree {
		at = path.Dir(at)
	}
}

var errNotDirectory = errors.New("not a directory")

func notDirectory(name string, info fs.FileInfo) error {
	return fmt.Errorf("%s is %s, %w; remove it first", name, kindOfFile(info.Mode()), errNotDirectory)
}
