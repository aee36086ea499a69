package docker

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/engine"
)

// disk is a data directory in which the suite plays an earlier version and applications.
type disk struct {
	*testing.T
	*dataDir
}

func newDisk(t *testing.T) disk {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("directories are given to other users, which only root can do")
	}
	data, err := openDataDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = data.root.Close() })
	return disk{t, data}
}

// plant makes files with their name as content, and the directories above them, as an
// application owns them.
func (d disk) plant(names ...string) {
	d.Helper()
	for _, name := range names {
		at := ""
		for part := range strings.SplitSeq(filepath.Dir(name), "/") {
			at = filepath.Join(at, part)
			_ = d.root.Mkdir(at, 0o755) // may be there
			if strings.Count(at, "/") < 2 || strings.HasPrefix(part, ownDirs) {
				continue // was always root's
			}
			if err := d.root.Lchown(at, 1000, 1000); err != nil {
				d.Fatal(err)
			}
		}
		if err := d.root.WriteFile(name, []byte(filepath.Base(name)), 0o644); err != nil {
			d.Fatal(err)
		}
	}
}

// found returns a container that mounts directories below the data directory.
func (d disk) found(dirs ...string) []found {
	var f found
	for _, dir := range dirs {
		f.binds = append(f.binds, filepath.Join(d.path, dir))
	}
	return []found{f}
}

// web returns a container with "target<source" mounts.
func web(mounts ...string) wanted {
	w := wanted{kind: engine.KindWeb, Container: engine.Container{Name: "shop"}}
	for _, m := range mounts {
		target, source, _ := strings.Cut(m, "<")
		w.Mounts = append(w.Mounts, engine.Mount{Volume: "shop", Path: source, Target: target, UID: 1000, GID: 1000})
	}
	return w
}

// mounts returns "target<path below the data directory", checked for what ADR 0038 promises.
func (d disk) mounts(w wanted, have []found) []string {
	d.Helper()
	binds, err := d.binds("e", w, claims([]wanted{w}), have)
	if err != nil {
		d.Fatal(err)
	}
	var out []string
	for _, b := range binds {
		rel, err := filepath.Rel(d.path, b.source)
		if err != nil {
			d.Fatal(err)
		}
		d.unwritableAbove(rel)
		out = append(out, b.target+"<"+rel)
	}
	return out
}

// unwritableAbove asserts that a path is a directory and everything above it root's.
func (d disk) unwritableAbove(rel string) {
	d.Helper()
	at := "."
	for part := range strings.SplitSeq(rel, "/") {
		info, err := d.root.Lstat(at)
		if err != nil || !info.IsDir() || uidOf(info) != 0 || info.Mode().Perm()&0o022 != 0 {
			d.Errorf("%s, which is above the mount %s, is not a directory of root that others cannot write (error %v)", at, rel, err)
		}
		at = filepath.Join(at, part)
	}
	if info, err := d.root.Lstat(at); err != nil || !info.IsDir() {
		d.Errorf("mount %s: %v, %v; want a directory", rel, info, err)
	}
}

func (d disk) read(name string) string {
	text, err := os.ReadFile(filepath.Join(d.path, name)) // follows links, as Docker does
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func TestMountsOfAnEarlierVersionAreMoved(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	d.plant("volumes/e/shop/var/log/system.log", "volumes/e/shop/pub/media/cat.jpg", "volumes/e/shop/old/file")
	old := d.found("volumes/e/shop/var", "volumes/e/shop/var/log", "volumes/e/shop/pub/media")
	w := web("/app/var<var", "/app/var/log<var/log", "/app/pub/media<pub/media")
	want := []string{"/app/var<volumes/e/@shop/var", "/app/pub/media<volumes/e/@shop/pub%2Fmedia"}
	for range 2 {
		if diff := cmp.Diff(want, d.mounts(w, old)); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
		for _, name := range []string{ // the paths that the old containers were made with lead to the same files
			"volumes/e/@shop/var/log/system.log", "volumes/e/shop/var/log/system.log",
			"volumes/e/@shop/pub%2Fmedia/cat.jpg", "volumes/e/shop/pub/media/cat.jpg", "volumes/e/shop/old/file",
		} {
			if got := d.read(name); got != filepath.Base(name) {
				t.Errorf("%s holds %q", name, got)
			}
		}
	}
	d.unwritableAbove("volumes/e/shop/old")

	// The old containers are gone.
	d.mounts(w, nil)
	if got, err := fs.Glob(d.root.FS(), "volumes/e/shop/*"); err != nil || !cmp.Equal(got, []string{"volumes/e/shop/old"}) {
		t.Errorf("the old tree still has %q, %v; want only what was never mounted", got, err)
	}
	if got := d.mounts(web("/app/old<old"), nil); d.read("volumes/e/@shop/old/file") != "file" {
		t.Errorf("a mount that comes back is at %q and has not its files", got)
	}
	if _, err := d.root.Lstat("volumes/e/shop"); err == nil {
		t.Error("the old tree is still there and empty")
	}
}

func TestMoveThatACrashCutOffIsTakenUp(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	d.plant("volumes/e/shop/var/file", "volumes/e/shop/pub/media/file")
	w := web("/app/var<var", "/app/pub/media<pub/media")
	// The crash came after the link was made and before it changed places with the directory.
	for _, dir := range []string{"volumes/e/@shop"} {
		if err := d.root.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.root.Symlink("../@shop/var", "volumes/e/@shop/var"); err != nil {
		t.Fatal(err)
	}
	d.mounts(w, d.found("volumes/e/shop/var"))
	for _, name := range []string{"volumes/e/@shop/var/file", "volumes/e/shop/var/file", "volumes/e/@shop/pub%2Fmedia/file"} {
		if got := d.read(name); got != "file" {
			t.Errorf("%s holds %q", name, got)
		}
	}
}

func TestLinkOfAnApplicationIsNotFollowed(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	d.plant("volumes/victim/@shop/etc/env.php", "volumes/e/shop/files/x")
	link := func(target, name string) {
		t.Helper()
		if err := d.root.RemoveAll(name); err != nil {
			t.Fatal(err)
		}
		if err := d.root.Symlink(target, name); err != nil {
			t.Fatal(err)
		}
		if err := d.root.Lchown(name, 1000, 1000); err != nil {
			t.Fatal(err)
		}
	}
	for _, target := range []string{filepath.Join(d.path, "volumes/victim/@shop"), "../../victim/@shop", "/etc", "."} {
		link(target, "volumes/e/shop/files")
		w := web("/mnt/media<files/etc")
		if _, err := d.binds("e", w, claims([]wanted{w}), nil); err == nil || !strings.Contains(err.Error(), "symbolic link") {
			t.Errorf("a link to %s: got error %v, want it refused", target, err)
		}
	}
	if err := d.root.Remove("volumes/e/shop/files"); err != nil {
		t.Fatal(err)
	}
	d.mounts(web("/a<data"), nil)
	link(filepath.Join(d.path, "volumes/victim/@shop/etc"), "volumes/e/@shop/data/sub")
	w := web("/a<data", "/b<data/sub")
	if _, err := d.binds("e", w, claims([]wanted{w}), nil); err == nil {
		t.Error("a nested source that is a link was mounted")
	}
}

func TestLaterReleasesKeepFilesInTheirPlaces(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	d.mounts(web("/app/var/log<var/log"), nil)
	d.plant("volumes/e/@shop/var%2Flog/system.log")
	both := web("/app/var<var", "/app/var/log<var/log")
	want := []string{"/app/var<volumes/e/@shop/var", "/app/var/log<volumes/e/@shop/var%2Flog"}
	if diff := cmp.Diff(want, d.mounts(both, nil)); diff != "" {
		t.Errorf("with an outer mount (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, d.mounts(web("/app/var<var"), nil)); diff != "" {
		t.Errorf("without the inner one (-want +got):\n%s", diff)
	}
}
