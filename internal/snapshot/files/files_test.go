package files_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sluice/internal/platform"
	"sluice/internal/snapshot"
	"sluice/internal/snapshot/files"
	"sluice/internal/snapshot/snapshottest"
)

const env = platform.EnvironmentID("shop-main-abc")

// containers stand in for an engine and a router.
type containers struct {
	running []string

	mu     sync.Mutex
	events []string
	frozen func() // called once everything stands still
	thaws  []error
}

func (c *containers) note(event string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events = append(c.events, event)
}

func (c *containers) Freeze(context.Context, platform.EnvironmentID, time.Duration) error {
	c.note("freeze")
	if c.frozen != nil {
		c.frozen()
	}
	return nil
}

func (c *containers) Thaw(platform.EnvironmentID) error {
	c.note("thaw")
	if len(c.thaws) == 0 {
		return nil
	}
	err := c.thaws[0]
	c.thaws = c.thaws[1:]
	return err
}

func (c *containers) HoldBriefly(context.Context, platform.EnvironmentID, string, time.Duration) error {
	c.note("hold")
	return nil
}

func (c *containers) EndBriefHold(context.Context, platform.EnvironmentID, string) (platform.HoldReport, error) {
	c.note("end")
	return platform.HoldReport{Held: 3, LongestWait: 42 * time.Millisecond}, nil
}

func (c *containers) Running(context.Context, platform.EnvironmentID) ([]string, error) {
	return c.running, nil
}

func open(t *testing.T, dir string, c *containers, change func(*files.Config)) *files.Store {
	t.Helper()
	config := files.Config{
		DataDir: dir, Freezer: c, Router: c, Running: c.Running, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	if change != nil {
		change(&config)
	}
	s, err := files.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// where is the path of a part of an environment's data.
func where(dir string, id platform.EnvironmentID, part string) string {
	p := snapshot.Part{Name: part}
	if name, ok := p.Service(); ok {
		return filepath.Join(dir, "services", string(id), name)
	}
	app, source, _ := p.Mount()
	return filepath.Join(dir, "volumes", string(id), "@"+app, snapshot.SourceName(source))
}

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o640); err != nil {
		t.Fatal(err)
	}
}

// fileSystems runs a test on what this machine can mount: ext4 or whatever the temporary
// directory is on, and XFS with shared blocks.
func fileSystems(t *testing.T, run func(t *testing.T, dir string, shared bool)) {
	t.Helper()
	t.Run("copy", func(t *testing.T) { run(t, t.TempDir(), false) })
	t.Run("shared", func(t *testing.T) { run(t, xfs(t), true) })
}

// xfs mounts a new XFS file system for the test.
func xfs(t *testing.T) string {
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
	image := filepath.Join(t.TempDir(), "image")
	dir := t.TempDir()
	for _, argv := range [][]string{
		{"truncate", "-s", "320M", image},
		{"mkfs.xfs", "-q", "-m", "reflink=1", image},
		{"mount", "-o", "loop", image, dir},
	} {
		if out, err := exec.CommandContext(t.Context(), argv[0], argv[1:]...).CombinedOutput(); err != nil {
			t.Skipf("%s: %v: %s", argv[0], err, out)
		}
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return dir
}

func TestConformance(t *testing.T) {
	fileSystems(t, func(t *testing.T, dir string, shared bool) {
		t.Helper()
		if got := open(t, dir, &containers{}, nil).Shared(); shared && !got {
			t.Fatal("blocks are not shared on XFS")
		}
		snapshottest.Run(t, func(t *testing.T) snapshottest.Harness {
			t.Helper()
			data := filepath.Join(dir, strings.ReplaceAll(t.Name(), "/", "_"))
			if err := os.Mkdir(data, 0o700); err != nil {
				t.Fatal(err)
			}
			return snapshottest.Harness{
				Store: open(t, data, &containers{}, nil),
				Write: func(id platform.EnvironmentID, part, file, content string) {
					write(t, filepath.Join(where(data, id, part), file), content)
				},
				Read: func(id platform.EnvironmentID, part, file string) (string, bool) {
					content, err := os.ReadFile(filepath.Join(where(data, id, part), file))
					return string(content), err == nil
				},
				Reopen: func() snapshot.Store { return open(t, data, &containers{}, nil) },
			}
		})
	})
}

// TestFilesKeepWhatTheyAre: owner, mode, times, links and extended attributes, in a
// snapshot and in what is planted from it.
func TestFilesKeepWhatTheyAre(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to give files away")
	}
	fileSystems(t, func(t *testing.T, dir string, _ bool) {
		t.Helper()
		media := where(dir, env, snapshot.MountPart("app", "var"))
		old := time.Date(2020, 2, 3, 4, 5, 6, 789, time.UTC)
		write(t, filepath.Join(media, "sub", "file"), "content")
		do(t, os.Chmod(filepath.Join(media, "sub", "file"), 0o4751))
		do(t, os.Lchown(filepath.Join(media, "sub", "file"), 1234, 4321))
		do(t, os.Chmod(filepath.Join(media, "sub", "file"), 0o751|os.ModeSetuid))
		do(t, unix.Setxattr(filepath.Join(media, "sub", "file"), "user.note", []byte("kept"), 0))
		do(t, os.Link(filepath.Join(media, "sub", "file"), filepath.Join(media, "twin")))
		do(t, os.Symlink("/etc/passwd", filepath.Join(media, "link")))
		do(t, os.Lchown(filepath.Join(media, "link"), 1234, 4321))
		do(t, unix.Mkfifo(filepath.Join(media, "pipe"), 0o600))
		do(t, os.Chtimes(filepath.Join(media, "sub", "file"), old, old))
		do(t, os.Chmod(filepath.Join(media, "sub"), 0o2750|os.ModeSetgid))
		do(t, os.Chtimes(filepath.Join(media, "sub"), old, old))
		want := listing(t, media)

		s := open(t, dir, &containers{running: []string{"app"}}, nil)
		taken, err := s.Take(t.Context(), snapshot.Request{Environment: env}, t.Output())
		do(t, err)
		if _, err := s.Plant(t.Context(), snapshot.PlantRequest{Snapshot: taken.ID, Environment: "shop-try-def"}, io.Discard); err == nil {
			t.Fatal("Plant beside running containers: got no error")
		}
		s = open(t, dir, &containers{}, nil)
		_, err = s.Plant(t.Context(), snapshot.PlantRequest{Snapshot: taken.ID, Environment: "shop-try-def"}, io.Discard)
		do(t, err)
		planted := where(dir, "shop-try-def", snapshot.MountPart("app", "var"))
		if got := listing(t, planted); got != want {
			t.Errorf("planted:\n%s\nwant:\n%s", got, want)
		}
		note := make([]byte, 16)
		n, err := unix.Getxattr(filepath.Join(planted, "sub", "file"), "user.note", note)
		if err != nil || string(note[:n]) != "kept" {
			t.Errorf("extended attribute: got %q and error %v", note[:max(n, 0)], err)
		}
	})
}

func do(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// listing describes a tree.
func listing(t *testing.T, dir string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "sh", "-c",
		`cd "$1" && find . -printf '%P %y %m %U:%G %T@ %n %l\n' | sort; find . -type f -exec sha256sum {} + | sort`, "sh", dir).CombinedOutput()
	do(t, err)
	return string(out)
}

// TestWhatChangedBetweenThePasses: the snapshot holds what was there when the containers
// stood still, whatever the first pass saw.
func TestWhatChangedBetweenThePasses(t *testing.T) {
	fileSystems(t, func(t *testing.T, dir string, shared bool) {
		t.Helper()
		media, data := where(dir, env, snapshot.MountPart("app", "pub/media")), where(dir, env, snapshot.ServicePart("mysql"))
		big := strings.Repeat("0123456789abcdef", 100_000)
		for _, name := range []string{"same", "gone", "rewritten", "becomes-dir/file", "becomes-file", "becomes-link", "in-place"} {
			write(t, filepath.Join(media, name), "old "+name)
		}
		write(t, filepath.Join(data, "ibdata1"), big)
		write(t, filepath.Join(media, "hard"), "old hard")
		do(t, os.Link(filepath.Join(media, "hard"), filepath.Join(media, "hard2")))
		c := &containers{running: []string{"mysql", "app"}}
		c.frozen = func() {
			do(t, os.Remove(filepath.Join(media, "gone")))
			write(t, filepath.Join(media, "rewritten"), "a new and longer content")
			do(t, os.RemoveAll(filepath.Join(media, "becomes-dir")))
			write(t, filepath.Join(media, "becomes-dir"), "a file now")
			do(t, os.Remove(filepath.Join(media, "becomes-file")))
			write(t, filepath.Join(media, "becomes-file", "x"), "a directory now")
			do(t, os.Remove(filepath.Join(media, "becomes-link")))
			do(t, os.Symlink("same", filepath.Join(media, "becomes-link")))
			info, err := os.Stat(filepath.Join(media, "in-place"))
			do(t, err)
			write(t, filepath.Join(media, "in-place"), "OLD in-place") // same size, and the same time again:
			do(t, os.Chtimes(filepath.Join(media, "in-place"), info.ModTime(), info.ModTime()))
			write(t, filepath.Join(media, "new", "deep", "file"), "new")
			do(t, os.Remove(filepath.Join(media, "hard2")))
			write(t, filepath.Join(media, "hard2"), "of its own")
			f, err := os.OpenFile(filepath.Join(data, "ibdata1"), os.O_WRONLY, 0)
			do(t, err)
			_, err = f.WriteAt([]byte("CHANGED"), 1_000_000)
			do(t, errors.Join(err, f.Truncate(1_100_000), f.Close()))
		}
		s := open(t, dir, c, nil)
		var log strings.Builder
		taken, err := s.Take(t.Context(), snapshot.Request{Environment: env}, &log)
		do(t, err)
		if want := map[bool]snapshot.Method{true: snapshot.MethodShared, false: snapshot.MethodCopy}[shared]; taken.Method != want && shared == s.Shared() {
			t.Errorf("method: got %s, want %s", taken.Method, want)
		}
		if got, want := strings.Join(c.events, " "), "hold freeze thaw end"; got != want {
			t.Errorf("got the calls %q, want %q", got, want)
		}
		if !strings.Contains(log.String(), "standstill") || !strings.Contains(log.String(), "3 requests waited") {
			t.Errorf("the log does not say what it cost:\n%s", log.String())
		}
		c.running = nil
		_, err = s.Plant(t.Context(), snapshot.PlantRequest{Snapshot: taken.ID, Environment: "shop-try-def"}, io.Discard)
		do(t, err)
		for _, part := range []string{snapshot.MountPart("app", "pub/media"), snapshot.ServicePart("mysql")} {
			if got, want := listing(t, where(dir, "shop-try-def", part)), listing(t, where(dir, env, part)); got != want {
				t.Errorf("%s:\n%s\nwant:\n%s", part, got, want)
			}
		}
	})
}
