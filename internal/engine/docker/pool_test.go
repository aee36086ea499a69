package docker

import (
	"os"
	"path/filepath"
	"testing"
)

// TestDataBehindLinks: services and volumes may be links into a pool. What is mounted into
// containers keeps its path, and lies in the pool.
func TestDataBehindLinks(t *testing.T) {
	dir := t.TempDir()
	for _, top := range []string{servicesDir, volumesDir} {
		if err := os.MkdirAll(filepath.Join(dir, "pool", "data", top), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(filepath.Join("pool", "data", top), filepath.Join(dir, top)); err != nil {
			t.Fatal(err)
		}
	}
	d, err := openDataDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.root.Close() //nolint:errcheck // a directory
	at, err := d.directory(filepath.Join(servicesDir, "e", "mysql"), "", owner{}, 0o700)
	if err != nil || at != filepath.Join(dir, servicesDir, "e", "mysql") {
		t.Errorf("directory of a service: got %s and error %v", at, err)
	}
	if err := d.keepProject("e", "p"); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"services/e/mysql", "volumes/e/" + projectFile} {
		if _, err := os.Lstat(filepath.Join(dir, "pool", "data", filepath.FromSlash(name))); err != nil {
			t.Error(err)
		}
	}
	if envs, err := d.environments(); err != nil || len(envs) != 2 || envs[0] != "e" {
		t.Errorf("environments: got %v and error %v", envs, err)
	}
	if err := d.remove(filepath.Join(servicesDir, "e")); err != nil {
		t.Error(err)
	}
}
