package restic_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"sluice/internal/backup"
	"sluice/internal/backup/backuptest"
	"sluice/internal/backup/restic"
	"sluice/internal/platform"
)

const sftpServer = "/usr/lib/openssh/sftp-server"

// TestConformanceBySFTP is the suite over the real protocol, with a program in place of ssh
// that runs the server's end here.
func TestConformanceBySFTP(t *testing.T) {
	if _, err := os.Stat(sftpServer); err != nil {
		if os.Getenv("SLUICE_REQUIRE") != "" { //nolint:forbidigo // how tests are configured
			t.Fatal(err)
		}
		t.Skip("there is no SFTP server on this machine: apt-get install openssh-sftp-server")
	}
	backuptest.Run(t, func(t *testing.T) (backup.Repository, func() backup.Repository) {
		t.Helper()
		c := config(t)
		c.Location = "sftp:backup@storage.example.com:" + filepath.Join(c.WorkDir, "far")
		c.Env = append(programDir(t, "ssh", "#!/bin/sh\nexec "+sftpServer+"\n"), c.Env[1:]...)
		return open(t, c), func() backup.Repository { return open(t, c) }
	})
}

// TestSFTPThatRefuses: what ssh says is not taken for a repository that is not there.
func TestSFTPThatRefuses(t *testing.T) {
	c := config(t)
	c.Location = "sftp:backup@storage.example.com:/backups"
	c.Env = append(programDir(t, "ssh", "#!/bin/sh\necho 'backup@storage.example.com: Permission denied (publickey).' >&2\nexit 255\n"), c.Env[1:]...)
	_, err := save(t, open(t, c), "one")
	if platform.ErrorCode(err) != platform.CodeUnavailable || !strings.Contains(err.Error(), "did not accept the login") || !strings.Contains(platform.ErrorHint(err), "known_hosts") {
		t.Errorf("got %v, hint %q", err, platform.ErrorHint(err))
	}
}

// programDir returns a PATH that begins with a directory with one more program.
func programDir(t *testing.T, name, script string) []string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	path := os.Getenv("PATH") //nolint:forbidigo // where the program is
	return []string{"PATH=" + dir + string(os.PathListSeparator) + path}
}

// TestFullDisk: the backup that does not fit fails, and the one before can be restored.
func TestFullDisk(t *testing.T) {
	c := config(t)
	if err := os.MkdirAll(c.Location, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("none", c.Location, "tmpfs", 0, "size=6m"); err != nil {
		t.Skip("this process cannot mount: ", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(c.Location, 0); err != nil {
			t.Error(err)
		}
	})
	r := open(t, c)
	saved := mustSave(t, r, "one")
	ballast := filepath.Join(c.Location, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 4<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "services", "mysql", "ibdata2")
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, noise(4<<20, 7), 0o600)); err != nil {
		t.Fatal(err)
	}
	_, err := r.Save(t.Context(), backup.SaveRequest{ID: "two", Environment: "shop-main", Dir: dir, Manifest: []byte("{}")}, io.Discard)
	if platform.ErrorCode(err) != platform.CodeUnavailable || !strings.Contains(err.Error(), "is full") || platform.ErrorHint(err) == "" {
		t.Errorf("Save: %v", err)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if list, err := r.List(t.Context()); err != nil || len(list) != 1 || list[0].ID != "one" {
		t.Errorf("List: %+v, %v", list, err)
	}
	if err := r.Restore(t.Context(), saved.Name, t.TempDir(), io.Discard); err != nil {
		t.Errorf("Restore: %v", err)
	}
	mustSave(t, r, "three")
}

// TestKilledProgram kills the program with its lock taken. Recover makes the repository usable.
func TestKilledProgram(t *testing.T) {
	c := config(t)
	saved := mustSave(t, open(t, c), "one")
	killed := c
	killed.Program = filepath.Join(t.TempDir(), "restic")
	script := "#!/bin/sh\n[ \"$1\" = backup ] || exec restic \"$@\"\nrestic \"$@\" &\n" +
		"until [ -n \"$(ls \"$RESTIC_REPOSITORY/locks\")\" ]; do sleep 0.01; done\nkill -9 $!\nwait $!\nexit 137\n"
	if err := os.WriteFile(killed.Program, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := save(t, open(t, killed), "two"); err == nil {
		t.Fatal("a backup by a program that was killed succeeded")
	}
	if locks, err := os.ReadDir(filepath.Join(c.Location, "locks")); err != nil || len(locks) == 0 {
		t.Fatalf("locks: %v, %v", locks, err)
	}
	r := open(t, c)
	if err := errors.Join(r.Recover(t.Context()), r.Forget(t.Context(), []string{saved.Name}, io.Discard)); err != nil {
		t.Error(err)
	}
	mustSave(t, r, "three")
	if list, err := r.List(t.Context()); err != nil || len(list) != 1 {
		t.Errorf("List: %+v, %v", list, err)
	}
}

// BenchmarkSave saves 256 MB for the first time, again, and with one file of a hundred changed,
// each from a new copy as snapshots are.
func BenchmarkSave(b *testing.B) {
	const files, size = 100, 2_560_000
	for b.Loop() {
		dir := b.TempDir()
		c := restic.Config{
			Location: filepath.Join(dir, "repository"), PasswordFile: filepath.Join(dir, "key"), WorkDir: filepath.Join(dir, "work"),
			Env: []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir}, //nolint:forbidigo // where the program is
		}
		r, err := restic.New(c)
		if err != nil {
			b.Fatal(err)
		}
		for i, name := range []string{"first", "same", "changed"} {
			data := filepath.Join(b.TempDir(), "services", "mysql")
			if err := os.MkdirAll(data, 0o700); err != nil {
				b.Fatal(err)
			}
			for n := range files {
				seed := uint32(n + 1)
				if i == 2 && n == 0 {
					seed = 1 << 20
				}
				if err := os.WriteFile(filepath.Join(data, "t"+string(rune('a'+n%26))+string(rune('a'+n/26))), noise(size, seed), 0o600); err != nil {
					b.Fatal(err)
				}
			}
			before := b.Elapsed()
			saved, err := r.Save(b.Context(), backup.SaveRequest{ID: name, Environment: "shop-main", Dir: filepath.Dir(filepath.Dir(data)), Manifest: []byte("{}")}, io.Discard)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric((b.Elapsed() - before).Seconds(), name+"-s")
			b.ReportMetric(float64(saved.Added)/1e6, name+"-MB")
		}
	}
}
