package restic_test

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sluice/internal/backup"
	"sluice/internal/backup/backuptest"
	"sluice/internal/backup/restic"
	"sluice/internal/platform"
)

// require skips where the program is not installed; SLUICE_REQUIRE makes that fail. Each call of
// restic takes most of a second to derive a key, so short runs do without.
func require(t *testing.T) {
	t.Helper()
	if testing.Short() && os.Getenv("SLUICE_REQUIRE") == "" { //nolint:forbidigo // how tests are configured
		t.Skip("restic takes two minutes")
	}
	if _, err := exec.LookPath("restic"); err != nil {
		if os.Getenv("SLUICE_REQUIRE") != "" { //nolint:forbidigo // how tests are configured
			t.Fatal(err)
		}
		t.Skip("restic is not installed: apt-get install restic")
	}
}

func config(t *testing.T) restic.Config {
	t.Helper()
	require(t)
	dir := t.TempDir()
	path := os.Getenv("PATH") //nolint:forbidigo // where the program is
	return restic.Config{
		Location: filepath.Join(dir, "work", "repository"), PasswordFile: filepath.Join(dir, "keys", "backup.key"),
		WorkDir: filepath.Join(dir, "work"), Env: []string{"PATH=" + path, "HOME=" + dir},
	}
}

func open(t *testing.T, c restic.Config) *restic.Repository {
	t.Helper()
	r, err := restic.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestConformance(t *testing.T) {
	backuptest.Run(t, func(t *testing.T) (backup.Repository, func() backup.Repository) {
		t.Helper()
		c := config(t)
		return open(t, c), func() backup.Repository { return open(t, c) }
	})
}

// noise is content that does not compress.
func noise(size int, seed uint32) []byte {
	out := make([]byte, size)
	for i, x := 0, seed; i < size; i++ {
		x = x*1664525 + 1013904223
		out[i] = byte(x >> 24)
	}
	return out
}

// save saves one file of a megabyte that does not compress.
func save(t *testing.T, r *restic.Repository, id string) (backup.Saved, error) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "services", "mysql", "ibdata1")
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, noise(1<<20, 1), 0o600)); err != nil {
		t.Fatal(err)
	}
	return r.Save(t.Context(), backup.SaveRequest{ID: id, Environment: "shop-main", Dir: dir, Manifest: []byte("{}")}, io.Discard)
}

func mustSave(t *testing.T, r *restic.Repository, id string) backup.Saved {
	t.Helper()
	saved, err := save(t, r, id)
	if err != nil {
		t.Fatal(err)
	}
	return saved
}

func TestSecondBackupAddsLittle(t *testing.T) {
	r := open(t, config(t))
	first, second := mustSave(t, r, "one"), mustSave(t, r, "two")
	if first.Added < 1<<20 || second.Added > 64<<10 {
		t.Errorf("the first backup added %d bytes, the same again %d", first.Added, second.Added)
	}
}

// TestFaults breaks a repository with one backup, and looks at what the next calls say.
func TestFaults(t *testing.T) {
	for _, tt := range []struct {
		name   string
		damage func(t *testing.T, c *restic.Config)
		want   string
	}{
		{"gone", func(t *testing.T, c *restic.Config) { t.Helper(); remove(t, c.Location) }, "is not there; nothing was changed"},
		{"empty mount point", func(t *testing.T, c *restic.Config) {
			t.Helper()
			remove(t, c.Location)
			if err := os.Mkdir(c.Location, 0o700); err != nil {
				t.Fatal(err)
			}
		}, "is not there; nothing was changed"},
		{"password gone", func(t *testing.T, c *restic.Config) { t.Helper(); remove(t, c.PasswordFile) }, "the password of the backup repository is gone"},
		{"wrong password", func(t *testing.T, c *restic.Config) {
			t.Helper()
			if err := os.WriteFile(c.PasswordFile, []byte("other\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "the password does not open it"},
		{"program gone", func(t *testing.T, c *restic.Config) { t.Helper(); c.Env = []string{"PATH=" + t.TempDir()} }, "restic is not installed on the server"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := config(t)
			saved := mustSave(t, open(t, c), "one")
			tt.damage(t, &c)
			r := open(t, c)
			_, err := save(t, r, "two")
			for what, err := range map[string]error{"Save": err, "Restore": r.Restore(t.Context(), saved.Name, t.TempDir(), io.Discard)} {
				if platform.ErrorCode(err) != platform.CodeUnavailable || !strings.Contains(err.Error(), tt.want) || platform.ErrorHint(err) == "" {
					t.Errorf("%s: %v (hint %q), want %q", what, err, platform.ErrorHint(err), tt.want)
				}
			}
			if _, err := os.Stat(filepath.Join(c.Location, "config")); tt.name == "empty mount point" && err == nil {
				t.Error("a new repository was made in place of the one that is gone")
			}
		})
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

func TestDamagedPackIsFound(t *testing.T) {
	c := config(t)
	saved := mustSave(t, open(t, c), "one")
	packs, err := filepath.Glob(filepath.Join(c.Location, "data", "*", "*"))
	if err != nil || len(packs) == 0 {
		t.Fatalf("packs: %v, %v", packs, err)
	}
	for _, pack := range packs {
		info, err := os.Stat(pack)
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() < 512<<10 {
			continue // of directories
		}
		f, err := os.OpenFile(pack, os.O_WRONLY, 0)
		if err == nil {
			err = os.Chmod(pack, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.WriteAt([]byte("damaged"), info.Size()/2)
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if err := open(t, c).Restore(t.Context(), saved.Name, t.TempDir(), io.Discard); err == nil {
		t.Error("a damaged backup was restored without an error")
	}
}

// TestPartialBackupIsNone: when files could not be read, the program keeps what it read and
// ends with status 3.
func TestPartialBackupIsNone(t *testing.T) {
	c := config(t)
	c.Program = filepath.Join(t.TempDir(), "restic")
	script := "#!/bin/sh\nrestic \"$@\"; status=$?\n[ \"$1\" = backup ] && exit 3\nexit $status\n"
	if err := os.WriteFile(c.Program, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	r := open(t, c)
	if _, err := save(t, r, "partial"); err == nil {
		t.Error("a partial backup is no error")
	}
	if list, err := r.List(t.Context()); err != nil || len(list) > 0 {
		t.Errorf("List: %v, %v", list, err)
	}
}

// TestSecretsAreNoArguments: the program sees its password in a file only.
func TestSecretsAreNoArguments(t *testing.T) {
	c := config(t)
	c.Program = filepath.Join(t.TempDir(), "restic")
	seen := filepath.Join(t.TempDir(), "seen")
	if err := os.WriteFile(c.Program, []byte("#!/bin/sh\necho \"$*\" >>"+seen+"\nexec restic \"$@\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	mustSave(t, open(t, c), "one")
	password, err := os.ReadFile(c.PasswordFile)
	if err != nil || len(password) < 20 {
		t.Fatalf("password: %q, %v", password, err)
	}
	arguments, err := os.ReadFile(seen)
	if err != nil || strings.Contains(string(arguments), strings.TrimSpace(string(password))) {
		t.Errorf("arguments: %s, %v", arguments, err)
	}
}
