package images

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"sluice/internal/catalog"
	"sluice/internal/platform"
)

// killDelay is how long mmdebstrap may take to clean up after it was told to stop.
const killDelay = 10 * time.Second

// assemble makes an image. After the end of a suite's support its packages disappear from the
// archive of security fixes before they do from the main one: then the last release is taken as
// it was published, and the log says so.
func (a *Assembler) assemble(ctx context.Context, img catalog.Image, ref string, log io.Writer) (digest string, err error) {
	p := newProgress(log, img)
	if a.options.SecurityMirror == NoSecurity {
		p.say("W: %s is made without Debian's security fixes, as the server's configuration says", img.Name)
	}
	digest, err = a.bootstrap(ctx, img, ref, a.options, p)
	if err == nil || ctx.Err() != nil || a.options.SecurityMirror == NoSecurity || img.Debian.Suite != retiredSuite || !p.said(notFound) {
		return digest, err
	}
	p.say("W: the archive of security fixes of Debian %s no longer has all packages; %s is made of its last release, without the fixes after that", retiredSuite, img.Name)
	o := a.options
	o.SecurityMirror = NoSecurity
	return a.bootstrap(ctx, img, ref, o, newProgress(log, img))
}

// retiredSuite is the suite of the catalog whose support has ended.
const retiredSuite = "bullseye"

// bootstrap runs mmdebstrap and streams its tar into the store.
func (a *Assembler) bootstrap(ctx context.Context, img catalog.Image, ref string, o Options, p *progress) (digest string, err error) {
	dir, err := os.MkdirTemp(a.options.TempDir, "sluice-image-")
	if err != nil {
		return "", fmt.Errorf("assemble %s: %w", img.Name, err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // G302: apt's own user has to pass through
		return "", fmt.Errorf("assemble %s: %w", img.Name, err)
	}
	overlay, err := writeOverlay(dir, img.Debian)
	if err != nil {
		return "", fmt.Errorf("assemble %s: %w", img.Name, err)
	}

	run, err := a.start(ctx, dir, arguments(img.Debian, o, overlay), p)
	if err != nil {
		return "", a.explain(img, err, p)
	}
	digest, importErr := a.store.Import(ctx, ref, imageConfig(img), run)
	runErr := run.stop()
	switch {
	case ctx.Err() != nil:
		return "", fmt.Errorf("assemble %s: %w", img.Name, context.Cause(ctx))
	case runErr != nil:
		return "", a.explain(img, runErr, p)
	case importErr != nil:
		return "", fmt.Errorf("import %s: %w", ref, importErr)
	}
	p.done(ref)
	return digest, nil
}

func imageConfig(img catalog.Image) platform.ImageConfig {
	env := map[string]string{"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	maps.Copy(env, img.Debian.Env)
	return platform.ImageConfig{
		Env:    env,
		Labels: map[string]string{"sluice.image": img.Name, "sluice.debian": img.Debian.Suite},
	}
}

// run is a running mmdebstrap. Reading from it gives the tar; the end of the tar is
// io.EOF only when mmdebstrap succeeded, so that half an image is never taken for a whole one.
type run struct {
	cmd    *exec.Cmd
	stdout io.Reader
	stderr chan struct{} // closed when standard error has been read to its end
	cancel context.CancelCauseFunc
	kill   atomic.Pointer[time.Timer] // set once mmdebstrap was told to stop
	waited bool
	err    error
}

func (a *Assembler) start(ctx context.Context, dir string, args []string, p *progress) (*run, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	cmd := exec.CommandContext(ctx, a.options.Command, args...) //nolint:gosec // G204: the operator's own setting
	cmd.Env = append(cmd.Environ(), "TMPDIR="+dir, "LC_ALL=C.UTF-8")
	r := &run{cmd: cmd, stderr: make(chan struct{}), cancel: cancel}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = r.terminate
	stdout, errOut := cmd.StdoutPipe()
	stderr, errErr := cmd.StderrPipe()
	if err := cmp.Or(errOut, errErr); err != nil {
		cancel(err)
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		cancel(err)
		return nil, err
	}
	r.stdout = stdout
	go func() {
		defer close(r.stderr)
		p.read(stderr)
	}()
	return r, nil
}

// terminate asks the process group to stop and makes sure that it does: what holds
// standard error open would keep us waiting.
func (r *run) terminate() error {
	pid := r.cmd.Process.Pid
	r.kill.Store(time.AfterFunc(killDelay, func() { _ = syscall.Kill(-pid, syscall.SIGKILL) }))
	return syscall.Kill(-pid, syscall.SIGTERM)
}

// Read reads the tar.
func (r *run) Read(b []byte) (int, error) {
	n, err := r.stdout.Read(b)
	if err == nil || n > 0 {
		return n, nil
	}
	if waitErr := r.wait(); waitErr != nil {
		return 0, waitErr
	}
	return 0, err
}

// stop ends mmdebstrap if it still runs and returns how it ended.
func (r *run) stop() error {
	if !r.waited {
		r.cancel(errors.New("the rest of the image is not wanted"))
	}
	err := r.wait()
	r.cancel(nil)
	return err
}

// wait waits for mmdebstrap and kills what it may have left in its process group.
func (r *run) wait() error {
	if r.waited {
		return r.err
	}
	r.waited = true
	<-r.stderr
	r.err = r.cmd.Wait()
	if kill := r.kill.Load(); kill != nil {
		kill.Stop()
	}
	_ = syscall.Kill(-r.cmd.Process.Pid, syscall.SIGKILL) // usually nothing is left
	return r.err
}

// joinClose closes c after an error that matters more than its own.
func joinClose(err error, c io.Closer) error { return errors.Join(err, c.Close()) }

// lines reads lines of any length, cut at a sensible one.
func lines(r io.Reader, line func(string)) {
	in := bufio.NewReaderSize(r, 4096)
	for {
		text, isPrefix, err := in.ReadLine()
		if err != nil {
			return
		}
		line(strings.TrimRight(string(text), "\r"))
		for isPrefix && err == nil {
			_, isPrefix, err = in.ReadLine()
		}
	}
}
