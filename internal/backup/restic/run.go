package restic

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"sluice/internal/platform"
)

// errNone is the error of a place that holds no repository.
var errNone = errors.New("no repository")

// stopTime is how long the program has to end after SIGINT, on which it removes its lock.
const stopTime = 10 * time.Second

// run runs the program in a directory. It ends with this process, which cleans up after it at
// its next start.
func (r *Repository) run(ctx context.Context, dir string, out, log io.Writer, args ...string) error {
	program, err := r.find()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, program, args...) //nolint:gosec // our own arguments; identifiers were checked
	cmd.Dir = dir
	cmd.Env = append(append([]string{}, r.Env...),
		"RESTIC_REPOSITORY="+r.Location, "RESTIC_PASSWORD_FILE="+r.PasswordFile,
		"RESTIC_CACHE_DIR="+filepath.Join(r.WorkDir, "cache"), "RESTIC_PROGRESS_FPS=0.1", "PWD="+dir, "LC_ALL=C.UTF-8")
	var problems tail
	cmd.Stdout, cmd.Stderr = out, &problems
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = stopTime
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	runtime.LockOSThread() // the signal comes when the thread ends
	defer runtime.UnlockOSThread()
	if err = cmd.Run(); err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	text := problems.String()
	_, _ = io.WriteString(log, text)
	return explain(args[0], r.Location, text, err)
}

// Installed returns an error that says what to install when the program is not there.
func (r *Repository) Installed() error {
	_, err := r.find()
	return err
}

// find looks for the program in the PATH that it gets.
func (r *Repository) find() (string, error) {
	if filepath.IsAbs(r.Program) {
		return r.Program, nil
	}
	for _, kv := range r.Env {
		path, ok := strings.CutPrefix(kv, "PATH=")
		if !ok {
			continue
		}
		for _, dir := range filepath.SplitList(path) {
			file := filepath.Join(dir, r.Program)
			if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
				return file, nil
			}
		}
	}
	return "", platform.Errorf(platform.CodeUnavailable, "%s is not installed on the server; nothing was changed", r.Program).
		WithHint("apt-get install restic")
}

// explain turns what the program says into an error with what to do.
func explain(command, location, text string, err error) error {
	unavailable := func(what, hint string) error {
		return platform.Errorf(platform.CodeUnavailable, "%s; the backup repository %s was not changed", what, location).WithHint("%s", hint)
	}
	refused := unavailable("its server refuses the credentials", "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the file of --backup-settings")
	damaged := unavailable("a pack of it is damaged", "restore another backup; restic check --read-data lists what is damaged, and the next backup saves it again")
	for _, known := range []struct {
		says string
		err  error
	}{
		{"no such host", unavailable("its server was not found", "check --backup-repository and the network")},
		{"connection refused", unavailable("its server does not answer", "check that it runs")},
		{"unable to start the sftp session", unavailable("its server did not accept the login",
			"what root gets: ssh -o BatchMode=yes USER@HOST; it needs a key that the server knows, and the server's key in known_hosts")},
		{"Access Key Id you provided does not exist", refused},
		{"signature we calculated does not match", refused},
		{"Access Denied", refused},
		{"ciphertext verification failed", damaged},
		{"invalid data returned", damaged},
		{"does not match id", damaged},
		{"Is there a repository at", errNone},
		{"unable to open config file", errNone},
		{"wrong password or no key found", unavailable("the password does not open it", "put back the password file that belongs to it: keys/backup.key in the data directory")},
		{"no space left on device", platform.Errorf(platform.CodeUnavailable, "the disk of the backup repository %s is full", location).
			WithHint("make room, or delete backups: sluice backup:delete")},
		{"repository is already locked", unavailable("another process uses it", "try again when that has ended; `restic unlock` removes the locks of processes that died")},
		{"no matching ID found", platform.Errorf(platform.CodeNotFound, "the repository has no such backup")},
	} {
		if strings.Contains(text, known.says) {
			return known.err
		}
	}
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return fmt.Errorf("restic %s: %w: %s", command, err, line)
}

// maxTail bounds what is kept of what the program says.
const maxTail = 16 << 10

// tail keeps the end of what is written.
type tail struct{ bytes.Buffer }

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.Buffer.Write(p)
	if over := t.Len() - maxTail; over > 0 {
		t.Next(over)
	}
	return len(p), nil
}
