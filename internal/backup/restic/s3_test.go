//go:build s3

package restic_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/internal/backup"
	"sluice/internal/backup/backuptest"
	"sluice/internal/backup/restic"
	"sluice/internal/platform"
)

// These tests run against a real S3 server, by hand: `make test-s3`, which installs versitygw.
// SLUICE_S3_SERVER names the program.

const s3Bucket = "backups"

// s3Server is a server that keeps objects as files below a directory.
type s3Server struct {
	t       *testing.T
	dir     string
	address string
	process *exec.Cmd
}

func newS3Server(t *testing.T) *s3Server {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &s3Server{t: t, dir: t.TempDir(), address: l.Addr().String()}
	if err := errors.Join(l.Close(), os.Mkdir(filepath.Join(s.dir, s3Bucket), 0o700)); err != nil {
		t.Fatal(err)
	}
	s.start()
	t.Cleanup(s.stop)
	return s
}

func (s *s3Server) start() {
	s.t.Helper()
	program := os.Getenv("SLUICE_S3_SERVER") //nolint:forbidigo // how tests are configured
	if program == "" {
		s.t.Fatal("SLUICE_S3_SERVER does not name a server: make test-s3")
	}
	s.process = exec.Command(program, "--access", "key", "--secret", "secret", "--port", s.address, "posix", s.dir) //nolint:noctx // ended by stop
	s.process.Stdout, s.process.Stderr = s.t.Output(), s.t.Output()
	if err := s.process.Start(); err != nil {
		s.t.Fatal(err)
	}
	for deadline := time.Now().Add(2 * time.Minute); ; {
		c, err := new(net.Dialer).DialContext(s.t.Context(), "tcp", s.address)
		if err == nil {
			_ = c.Close()
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (s *s3Server) stop() {
	_ = s.process.Process.Kill()
	_ = s.process.Wait()
}

func (s *s3Server) config(secret string) restic.Config {
	c := config(s.t)
	c.Location = "s3:http://" + s.address + "/" + s3Bucket + "/sluice"
	c.Env = append(c.Env, "AWS_ACCESS_KEY_ID=key", "AWS_SECRET_ACCESS_KEY="+secret)
	return c
}

func TestConformanceByS3(t *testing.T) {
	backuptest.Run(t, func(t *testing.T) (backup.Repository, func() backup.Repository) {
		t.Helper()
		c := newS3Server(t).config("secret")
		return open(t, c), func() backup.Repository { return open(t, c) }
	})
}

// TestFaultsOfS3 prints what people are told, beside checking it.
func TestFaultsOfS3(t *testing.T) {
	s := newS3Server(t)
	c := s.config("secret")
	saved := mustSave(t, open(t, c), "one")
	want := func(what string, err error, says string) {
		t.Helper()
		t.Logf("%s: %v\n  hint: %s", what, err, platform.ErrorHint(err))
		if platform.ErrorCode(err) != platform.CodeUnavailable || !strings.Contains(err.Error(), says) || platform.ErrorHint(err) == "" {
			t.Errorf("%s: got %v, want %q", what, err, says)
		}
	}
	_, err := save(t, open(t, s.config("wrong")), "two")
	want("wrong credentials, first backup", err, "refuses the credentials")
	changed := c
	changed.Env = append(changed.Env[:len(changed.Env)-1:len(changed.Env)-1], "AWS_SECRET_ACCESS_KEY=wrong")
	_, err = open(t, changed).List(t.Context())
	want("wrong credentials, known repository", err, "refuses the credentials")

	s.damage("data")
	r := open(t, c)
	err = r.Restore(t.Context(), saved.Name, t.TempDir(), io.Discard)
	want("damaged pack", err, "is damaged")

	if err := os.Rename(filepath.Join(s.dir, s3Bucket), filepath.Join(s.dir, "elsewhere")); err != nil {
		t.Fatal(err)
	}
	_, err = open(t, c).List(t.Context())
	want("bucket gone", err, "is not there")

	s.stop()
	ctx, cancel := context.WithTimeoutCause(t.Context(), 10*time.Minute, errors.New("no answer within ten minutes"))
	defer cancel()
	began := time.Now()
	_, err = open(t, c).List(ctx)
	t.Logf("after %s", time.Since(began).Round(time.Second))
	want("server gone", err, "does not answer")
	s.start()
}

// damage changes a byte in the middle of every object below a prefix.
func (s *s3Server) damage(prefix string) {
	s.t.Helper()
	damaged := 0
	err := filepath.WalkDir(filepath.Join(s.dir, s3Bucket, "sluice", prefix), func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(name)
		if err != nil || len(content) == 0 {
			return err
		}
		content[len(content)/3] ^= 0xff
		damaged++
		return os.WriteFile(name, content, 0o600)
	})
	if err != nil || damaged == 0 {
		s.t.Fatalf("%d objects damaged, %v", damaged, err)
	}
}
