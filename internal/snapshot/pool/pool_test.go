package pool_test

import (
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"sluice/internal/platform"
	"sluice/internal/snapshot/files"
	"sluice/internal/snapshot/pool"
)

// dataDir returns a data directory whose pool is unmounted when the test ends, or skips the
// test where this machine can have none.
func dataDir(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root to mount a file system")
	}
	if _, err := exec.LookPath("mkfs.xfs"); err != nil {
		if os.Getenv("SLUICE_REQUIRE") != "" { //nolint:forbidigo // how tests are configured
			t.Fatal(err)
		}
		t.Skip("needs mkfs.xfs of the package xfsprogs")
	}
	dir := t.TempDir()
	t.Cleanup(func() { _ = unix.Unmount(filepath.Join(dir, "pool"), 0) })
	return dir
}

func create(t *testing.T, dir string, move bool) {
	t.Helper()
	if err := pool.Of(dir).Create(t.Context(), pool.MinBytes, move, t.Output()); err != nil {
		t.Fatal(err)
	}
}

func shared(t *testing.T, dir string) bool {
	t.Helper()
	s, err := files.New(files.Config{DataDir: dir, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // nothing was written
	return s.Shared()
}

func TestCreateMountGrow(t *testing.T) {
	dir := dataDir(t)
	p := pool.Of(dir)
	if err := p.Mount(t.Context()); err != nil || p.Exists() {
		t.Fatalf("Mount without a pool: got error %v, exists: %v", err, p.Exists())
	}
	create(t, dir, false)
	if !shared(t, dir) {
		t.Error("blocks are not shared in the pool")
	}
	err := p.Create(t.Context(), pool.MinBytes, false, io.Discard)
	if platform.ErrorCode(err) != platform.CodeConflict {
		t.Errorf("a second Create: got error %v, want a conflict", err)
	}
	file := filepath.Join(dir, "services", "e", "mysql", "ibdata1")
	write(t, file, "one")

	if err := unix.Unmount(filepath.Join(dir, "pool"), 0); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "services", "e"), 0o700); err == nil {
		t.Error("data could be written while the pool was not mounted")
	}
	if _, err := files.New(files.Config{DataDir: dir}); err == nil {
		t.Error("snapshots could be opened while the pool was not mounted")
	}
	for range 2 {
		if err := p.Mount(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != "one" {
		t.Errorf("after it was mounted again: got %q and error %v", got, err)
	}

	before := total(t, dir)
	if grown, err := p.GrowWhenLow(t.Context()); grown || err != nil {
		t.Errorf("GrowWhenLow of an empty pool: grew: %v, error %v", grown, err)
	}
	if err := p.Grow(t.Context(), pool.MinBytes-1); platform.ErrorCode(err) != platform.CodeInvalid {
		t.Errorf("Grow to less: got error %v", err)
	}
	full, err := os.Create(filepath.Join(dir, "pool", "data", "volumes", "big"))
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Fallocate(int(full.Fd()), 0, 0, before*88/100); err != nil {
		t.Fatal(err)
	}
	if err := full.Close(); err != nil {
		t.Fatal(err)
	}
	if grown, err := p.GrowWhenLow(t.Context()); !grown || err != nil {
		t.Fatalf("GrowWhenLow of a full pool: grew: %v, error %v", grown, err)
	}
	if after := total(t, dir); after < before+before/5 {
		t.Errorf("the pool has %d bytes, and had %d", after, before)
	}
}

func total(t *testing.T, dir string) int64 {
	t.Helper()
	var st unix.Statfs_t
	if err := unix.Statfs(filepath.Join(dir, "pool"), &st); err != nil {
		t.Fatal(err)
	}
	return int64(st.Blocks) * st.Bsize
}

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestMove(t *testing.T) {
	dir := dataDir(t)
	file := filepath.Join(dir, "volumes", "e", "@app", "var", "file")
	write(t, file, "one")
	if err := os.Lchown(file, 1234, 4321); err != nil {
		t.Fatal(err)
	}
	err := pool.Of(dir).Create(t.Context(), pool.MinBytes, false, io.Discard)
	if platform.ErrorCode(err) != platform.CodeConflict {
		t.Fatalf("Create over data: got error %v, want a conflict", err)
	}
	create(t, dir, true)
	var st unix.Stat_t
	if err := unix.Stat(file, &st); err != nil || st.Uid != 1234 || st.Gid != 4321 {
		t.Errorf("in the pool: got owner %d:%d and error %v", st.Uid, st.Gid, err)
	}
	if at, err := filepath.EvalSymlinks(file); err != nil || filepath.Dir(at) != filepath.Join(dir, "pool", "data", "volumes", "e", "@app", "var") {
		t.Errorf("the file lies at %s, error %v", at, err)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "volumes.before-pool", "e", "@app", "var", "file")); err != nil || string(got) != "one" {
		t.Errorf("what was there before: got %q and error %v", got, err)
	}
	// As after a crash before its end.
	if err := os.Remove(filepath.Join(dir, "pool", "data", ".pool")); err != nil {
		t.Fatal(err)
	}
	if err := pool.Of(dir).Mount(t.Context()); platform.ErrorCode(err) != platform.CodeUnavailable {
		t.Errorf("Mount of an unfinished pool: got error %v", err)
	}
	create(t, dir, true)
	if got, err := os.ReadFile(file); err != nil || string(got) != "one" {
		t.Errorf("after another Create: got %q and error %v", got, err)
	}
}
