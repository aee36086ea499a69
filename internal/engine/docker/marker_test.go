package docker

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/internal/engine"
	"sluice/internal/platform"
)

func database(version string) wanted {
	return wanted{kind: engine.KindService, version: version, Container: engine.Container{
		Name: "mysql", Mounts: []engine.Mount{{Volume: "mysql", Target: "/var/lib/mysql", UID: 1000, GID: 1000}},
	}}
}

// TestDataIsReadByItsVersion: what a later version used last is refused, wherever it came from.
func TestDataIsReadByItsVersion(t *testing.T) {
	d := newDisk(t)
	reads := func(service, data string) bool { return service >= data }
	use := func(env platform.EnvironmentID, version string) {
		t.Helper()
		if _, err := d.serviceBinds(env, database(version)); err != nil {
			t.Fatal(err)
		}
		if err := d.markAll(env, database(version)); err != nil {
			t.Fatal(err)
		}
	}
	want := func(env platform.EnvironmentID, version, refusal string) {
		t.Helper()
		err := d.readable(env, []wanted{database(version)}, reads)
		if refusal == "" && err != nil || refusal != "" && (platform.ErrorCode(err) != platform.CodeConflict || !strings.Contains(err.Error(), refusal)) {
			t.Errorf("%s in %s: got %v, want %q", version, env, err, refusal)
		}
	}
	want("e", "mysql:10.05", "")
	use("e", "mysql:10.05")
	want("e", "mysql:10.11", "")
	use("e", "mysql:10.11")
	want("e", "mysql:10.05", "the data of service 'mysql' was last used by mysql:10.11, in environment e, and mysql:10.05 cannot read it; nothing was started")
	use("e", "mysql:10.11")

	other := filepath.Join(d.path, servicesDir, "child")
	if err := os.CopyFS(other, os.DirFS(filepath.Join(d.path, servicesDir, "e"))); err != nil {
		t.Fatal(err)
	}
	want("child", "mysql:10.05", "mysql:10.11, in environment e")
	use("child", "mysql:10.11")
	want("child", "mysql:10.05", "mysql:10.11, in environment child")
}

// TestMarkerIsTheServicesToBreak: nothing outside of its directory is read or written by it.
func TestMarkerIsTheServicesToBreak(t *testing.T) {
	for name, plant := range map[string]func(file string) error{
		"a link":      func(file string) error { return os.Symlink("/etc/passwd", file) },
		"a link near": func(file string) error { return os.Symlink("ibdata1", file) },
		"no JSON":     func(file string) error { return os.WriteFile(file, []byte("mysql"), 0o600) },
		"endless":     func(file string) error { return os.WriteFile(file, []byte(strings.Repeat(" ", maxMarker)+"{}"), 0o600) },
	} {
		t.Run(name, func(t *testing.T) { breakMarker(t, plant) })
	}
}

func breakMarker(t *testing.T, plant func(file string) error) {
	t.Helper()
	d := newDisk(t)
	dir := filepath.Join(d.path, servicesDir, "e", "mysql")
	if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, "ibdata1"), []byte("data"), 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{platform.DataMarker, platform.DataMarker + ".new"} {
		if err := plant(filepath.Join(dir, file)); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.readable("e", []wanted{database("mysql:10.5")}, func(string, string) bool { return false }); err != nil {
		t.Errorf("what is no marker is believed: %v", err)
	}
	if err := d.markAll("e", database("mysql:10.5")); err != nil {
		t.Fatal(err)
	}
	if m, ok := d.marker(filepath.Join(servicesDir, "e", "mysql")); !ok || m.Version != "mysql:10.5" {
		t.Errorf("got %+v, %t", m, ok)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "ibdata1")); err != nil || string(got) != "data" {
		t.Errorf("the data is %q, %v", got, err)
	}
}
