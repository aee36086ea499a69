package backuptest

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sluice/internal/backup"
	"sluice/internal/platform"
)

// Run runs the suite. open returns a new repository, and reopen the same one as another
// process sees it, before Recover.
func Run(t *testing.T, open func(t *testing.T) (r backup.Repository, reopen func() backup.Repository)) {
	t.Helper()
	for _, test := range []struct {
		name string
		run  func(s *suite)
	}{
		{"Restore writes what was saved", testRestore},
		{"Manifest returns what was saved", testManifest},
		{"Archive holds all files", testArchive},
		{"Forget removes what is named and nothing else", testForget},
		{"what does not exist is not found", testUnknown},
		{"an ended context ends a call", testEnded},
		{"backups survive the process", testReopen},
		{"an empty repository has no backups", testEmpty},
		{"Room is known before the first backup or never", testRoom},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, reopen := open(t)
			test.run(&suite{T: t, Repository: r, reopen: reopen, dir: t.TempDir()})
		})
	}
}

type suite struct {
	*testing.T
	backup.Repository

	reopen func() backup.Repository
	dir    string // what is saved
}

const env = platform.EnvironmentID("shop-main-abc")

func (s *suite) write(file, content string) {
	s.Helper()
	file = filepath.Join(s.dir, file)
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o750), os.WriteFile(file, []byte(content), 0o600)); err != nil {
		s.Fatal(err)
	}
}

// save saves a small environment.
func (s *suite) save(id, content string) backup.Saved {
	s.Helper()
	s.write("services/mysql/ibdata1", content)
	s.write("volumes/@app/pub%2Fmedia/a/b.jpg", strings.Repeat(content, 100))
	s.write("volumes/@app/pub%2Fmedia/empty", "")
	if link := filepath.Join(s.dir, "volumes/@app/pub%2Fmedia/link"); os.Symlink("/etc/passwd", link) != nil {
		if _, err := os.Lstat(link); err != nil {
			s.Fatal(err)
		}
	}
	saved, err := s.Save(s.Context(), backup.SaveRequest{ID: id, Environment: env, Dir: s.dir, Manifest: []byte(`{"id":"` + id + `"}`)}, io.Discard)
	if err != nil {
		s.Fatalf("Save: %v", err)
	}
	return saved
}

func (s *suite) restored(r backup.Repository, name string) string {
	s.Helper()
	dir := s.TempDir()
	if err := r.Restore(s.Context(), name, dir, io.Discard); err != nil {
		s.Fatalf("Restore: %v", err)
	}
	return dir
}

func (s *suite) wantFile(dir, file, content string) {
	s.Helper()
	got, err := os.ReadFile(filepath.Join(dir, file)) //nolint:gosec // the test's own
	if err != nil || string(got) != content {
		s.Errorf("%s: got %q, %v, want %q", file, got, err, content)
	}
}

func (s *suite) wantNone(what string, err error) {
	s.Helper()
	if platform.ErrorCode(err) != platform.CodeNotFound {
		s.Errorf("%s: got %v, want that it is not found", what, err)
	}
}

func (s *suite) ids() (ids []string) {
	s.Helper()
	list, err := s.List(s.Context())
	if err != nil {
		s.Fatalf("List: %v", err)
	}
	for _, b := range list {
		if b.Environment != env || b.Time.IsZero() {
			s.Errorf("List: %+v", b)
		}
		ids = append(ids, b.ID)
	}
	return ids
}

func testRestore(s *suite) {
	saved := s.save("first", "one")
	if saved.Files != 3 || saved.Bytes != 303 || saved.Name == "" {
		s.Errorf("Save: %+v, want 3 files of 303 bytes", saved)
	}
	later := s.save("second", "two")
	dir := s.restored(s, saved.Name)
	s.wantFile(dir, "services/mysql/ibdata1", "one")
	s.wantFile(dir, "volumes/@app/pub%2Fmedia/empty", "")
	if target, err := os.Readlink(filepath.Join(dir, "volumes/@app/pub%2Fmedia/link")); err != nil || target != "/etc/passwd" {
		s.Errorf("the link leads to %q, %v", target, err)
	}
	if info, err := os.Stat(filepath.Join(dir, "services/mysql/ibdata1")); err != nil || info.Mode().Perm() != 0o600 {
		s.Errorf("mode: %v, %v", info.Mode(), err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		s.Errorf("restored %v, %v, want services and volumes", entries, err)
	}
	s.wantFile(s.restored(s, later.Name), "services/mysql/ibdata1", "two")
	if got := s.ids(); !slices.Equal(got, []string{"first", "second"}) {
		s.Errorf("List: %v", got)
	}
}

func testManifest(s *suite) {
	saved := s.save("first", "one")
	s.save("second", "one")
	if got, err := s.Manifest(s.Context(), saved.Name); err != nil || string(got) != `{"id":"first"}` {
		s.Errorf("Manifest: %q, %v", got, err)
	}
}

func testArchive(s *suite) {
	saved := s.save("first", "one")
	var out bytes.Buffer
	if err := s.Archive(s.Context(), saved.Name, &out); err != nil {
		s.Fatal(err)
	}
	files := map[string]string{}
	for in := tar.NewReader(&out); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			s.Fatal(err)
		}
		content, err := io.ReadAll(in)
		if err != nil {
			s.Fatal(err)
		}
		files[strings.TrimPrefix(h.Name, "/")] = string(content)
	}
	if files["services/mysql/ibdata1"] != "one" || len(files["volumes/@app/pub%2Fmedia/a/b.jpg"]) != 300 {
		s.Errorf("the archive has %v", files)
	}
}

func testForget(s *suite) {
	first, second := s.save("first", "one"), s.save("second", "two")
	for range 2 {
		if err := s.Forget(s.Context(), []string{first.Name}, io.Discard); err != nil {
			s.Fatalf("Forget: %v", err)
		}
	}
	if got := s.ids(); !slices.Equal(got, []string{"second"}) {
		s.Errorf("List: %v", got)
	}
	s.wantNone("Restore", s.Restore(s.Context(), first.Name, s.TempDir(), io.Discard))
	s.wantFile(s.restored(s, second.Name), "services/mysql/ibdata1", "two")
}

func testUnknown(s *suite) {
	s.save("first", "one")
	for _, name := range []string{"0123abcd", "latest", "--help", ""} {
		_, err := s.Manifest(s.Context(), name)
		s.wantNone("Manifest of "+name, err)
		s.wantNone("Restore of "+name, s.Restore(s.Context(), name, s.TempDir(), io.Discard))
		s.wantNone("Archive of "+name, s.Archive(s.Context(), name, io.Discard))
	}
}

func testEnded(s *suite) {
	saved := s.save("first", "one")
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(s.Context())
	cancel(cause)
	if err := s.Restore(ctx, saved.Name, s.TempDir(), io.Discard); !errors.Is(err, cause) {
		s.Errorf("Restore: %v, want the cause", err)
	}
	_, err := s.Save(ctx, backup.SaveRequest{ID: "late", Environment: env, Dir: s.dir}, io.Discard)
	if !errors.Is(err, cause) {
		s.Errorf("Save: %v, want the cause", err)
	}
	if got := s.ids(); !slices.Equal(got, []string{"first"}) {
		s.Errorf("List: %v", got)
	}
}

func testReopen(s *suite) {
	saved := s.save("first", "one")
	again := s.reopen()
	if err := again.Recover(s.Context()); err != nil {
		s.Fatalf("Recover: %v", err)
	}
	s.wantFile(s.restored(again, saved.Name), "services/mysql/ibdata1", "one")
}

func testEmpty(s *suite) {
	if got := s.ids(); got != nil {
		s.Errorf("List: %v", got)
	}
	if err := errors.Join(s.Recover(s.Context()), s.Forget(s.Context(), []string{"0123abcd"}, io.Discard)); err != nil {
		s.Error(err)
	}
}

func testRoom(s *suite) {
	free, known, err := s.Room(s.Context())
	if err != nil || known && free <= 0 {
		s.Errorf("Room: got %d, %t and error %v", free, known, err)
	}
	s.save("b1", "orders")
	if _, after, err := s.Room(s.Context()); err != nil || after != known {
		s.Errorf("Room after a backup: known %t, error %v, want %t", after, err, known)
	}
}
