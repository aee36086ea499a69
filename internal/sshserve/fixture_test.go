package sshserve_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
	"golang.org/x/sys/unix"

	"sluice/internal/access"
	"sluice/internal/gitserve"
	"sluice/internal/platform"
	"sluice/internal/sshserve"
)

// TestMain lets the test binary be the SFTP server and git's hooks.
func TestMain(m *testing.M) {
	switch {
	case len(os.Args) > 1 && os.Args[1] == "sftp-server":
		server, err := sftp.NewServer(struct {
			io.Reader
			io.WriteCloser
		}{os.Stdin, os.Stdout})
		if err == nil {
			err = server.Serve()
		}
		if err != nil && !errors.Is(err, io.EOF) {
			os.Exit(1) //nolint:forbidigo // a main
		}
	case len(os.Args) > 1 && os.Args[1] == "hook":
		os.Exit(gitserve.RunHook(context.Background(), os.Args[2:], os.Environ(), os.Stdin, os.Stderr)) //nolint:forbidigo // a main
	default:
		os.Exit(m.Run()) //nolint:forbidigo // a main
	}
}

func check(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// accounts are the keys of people; what they may do is in rules.
type accounts struct {
	mu      sync.Mutex
	keys    map[string]access.Subject // by the key as bytes
	changes chan struct{}
	broken  error
}

func (a *accounts) Subject(_ context.Context, key ssh.PublicKey) (access.Subject, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if cert, ok := key.(*ssh.Certificate); ok {
		key = cert.Key
	}
	s, ok := a.keys[string(key.Marshal())]
	if !ok {
		return s, platform.Errorf(platform.CodeUnauthorized, "unknown key")
	}
	return s, a.broken
}

func (a *accounts) Current(_ context.Context, by access.Subject) (access.Subject, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, s := range a.keys {
		if s.ID == by.ID {
			return s, a.broken
		}
	}
	return by, platform.Errorf(platform.CodeUnauthorized, "the key was removed")
}

func (a *accounts) Watch(context.Context) <-chan struct{} { return a.changes }

func (a *accounts) change(what func()) {
	a.mu.Lock()
	what()
	a.mu.Unlock()
	a.changes <- struct{}{}
}

// rules is the Gate: it lets everybody do everything but what is denied, and keeps the
// audit log.
type rules struct {
	mu     sync.Mutex
	denied map[access.Permission]bool
	audit  []string
}

func (r *rules) Authorize(_ context.Context, _ access.Subject, p access.Permission, project, _ string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.denied[p] {
		return access.Subject{}.Require(p, project, platform.Production)
	}
	return nil
}

func (r *rules) AuthorizePush(context.Context, access.Subject, platform.Push) error { return nil }

func (r *rules) Authenticate(context.Context, string) (access.Subject, error) {
	return access.Subject{}, platform.Errorf(platform.CodeUnauthorized, "no tokens")
}

func (r *rules) Record(_ context.Context, by access.Subject, p access.Permission, project, env, detail string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.audit = append(r.audit, fmt.Sprintf("%s %s %s/%s %s", by.ID, p, project, env, detail))
	return nil
}

func (r *rules) deny(p access.Permission, denied bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.denied[p] = denied
}

func (r *rules) log() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.audit)
}

// directory knows the environment shop-main.
type directory struct{}

func (directory) Find(_ context.Context, user string) (sshserve.Place, error) {
	env, container, _ := strings.Cut(user, "--")
	if env != "shop-main" {
		return sshserve.Place{}, platform.Errorf(platform.CodeNotFound, "environment %q not found", env).WithHint("look again")
	}
	return sshserve.Place{Project: "shop", Environment: "main", Container: container}, nil
}

// machine runs commands on this machine as a container would, in its own directory, and
// serves one address.
type machine struct {
	dir     string
	service string // host:port that tunnels may reach

	mu   sync.Mutex
	runs []sshserve.Command

	ended chan string // why runs that did not end by themselves did
}

func (m *machine) SFTPServer() []string { return []string{os.Args[0], "sftp-server"} }

func (m *machine) Run(ctx context.Context, c sshserve.Command) (int, error) {
	m.mu.Lock()
	m.runs = append(m.runs, c)
	m.mu.Unlock()
	if c.Container == "gone" {
		return 0, platform.Errorf(platform.CodeConflict, "environment main has not been deployed yet").WithHint("git push sluice main")
	}
	cmd := exec.CommandContext(ctx, c.Argv[0], c.Argv[1:]...)
	cmd.Dir = m.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + m.dir, "PS1=$ "} //nolint:forbidigo // of the test
	for k, v := range c.Env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	if c.TTY {
		return runOnTerminal(ctx, cmd, c)
	}
	// As the engine: the end of the command does not wait for its input.
	in, err := cmd.StdinPipe()
	if err != nil {
		return 0, err
	}
	cmd.Stdout, cmd.Stderr = c.Stdout, c.Stderr
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	go func() {
		_, _ = io.Copy(in, c.Stdin)
		_ = in.Close()
	}()
	ended := make(chan struct{})
	go forwardSignals(cmd, c.Signals, ended)
	err = cmd.Wait()
	close(ended)
	if ctx.Err() != nil {
		m.ended <- context.Cause(ctx).Error()
	}
	return exitOf(ctx, err)
}

func forwardSignals(cmd *exec.Cmd, signals <-chan ssh.Signal, ended <-chan struct{}) {
	select {
	case s := <-signals:
		if s == ssh.SIGTERM {
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		}
	case <-ended:
	}
}

func exitOf(ctx context.Context, err error) (int, error) {
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		if e.ExitCode() < 0 {
			return 128 + int(e.Sys().(syscall.WaitStatus).Signal()), nil //nolint:forcetypeassert,errcheck // Unix
		}
		return e.ExitCode(), nil
	}
	return 0, err
}

// runOnTerminal runs a command on a pseudo terminal, whose sizes follow the client's.
func runOnTerminal(ctx context.Context, cmd *exec.Cmd, c sshserve.Command) (int, error) {
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	defer master.Close() //nolint:errcheck // a terminal
	fd := int(master.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		return 0, err
	}
	terminal, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return 0, err
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = terminal, terminal, terminal
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	cmd.Cancel = func() error { return cmd.Process.Kill() }
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	_ = terminal.Close()
	ended := make(chan struct{})
	go func() {
		for {
			select {
			case size := <-c.Sizes:
				_ = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: uint16(size.Rows), Col: uint16(size.Columns)})
			case <-ended:
				return
			}
		}
	}()
	go func() { _, _ = io.Copy(master, c.Stdin) }()
	_, _ = io.Copy(c.Stdout, master) // ends with EIO
	err = cmd.Wait()
	close(ended)
	return exitOf(ctx, err)
}

func (m *machine) Dial(ctx context.Context, _ sshserve.Place, host string, port uint32) (net.Conn, error) {
	if host != "database.internal" || port != 3306 {
		return nil, platform.Errorf(platform.CodeForbidden, "no relationship leads to %s:%d", host, port).WithHint("look at the relationships")
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", m.service)
}

func (m *machine) last(tb testing.TB) sshserve.Command {
	tb.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.runs) == 0 {
		tb.Fatal("nothing was run")
	}
	return m.runs[len(m.runs)-1]
}

// noGit refuses everything.
type noGit struct{}

func (noGit) Serve(context.Context, sshserve.GitSession) int { return 128 }

// fixture is a server, and the files of a client with one known key.
type fixture struct {
	tb       testing.TB
	dir      string // of the client
	address  string
	login    string // what clients of OpenSSH are given
	accounts *accounts
	rules    *rules
	machine  *machine
	signer   ssh.Signer
	host     ssh.PublicKey
}

type options struct {
	limits sshserve.Limits
	git    sshserve.Git
}

func newFixture(tb testing.TB, o options) *fixture {
	tb.Helper()
	if o.git == nil {
		o.git = noGit{}
	}
	f := &fixture{
		tb: tb, dir: tb.TempDir(), accounts: &accounts{keys: map[string]access.Subject{}, changes: make(chan struct{})},
		rules: &rules{denied: map[access.Permission]bool{}}, machine: &machine{dir: tb.TempDir(), ended: make(chan string, 1000)},
	}
	hostKey, err := sshserve.LoadKey(filepath.Join(f.dir, "host", "key"), "test")
	check(tb, err)
	f.host = hostKey.PublicKey()
	log := slog.New(slog.NewTextHandler(tb.Output(), nil))
	server := sshserve.New(sshserve.Config{
		Accounts: f.accounts, Gate: f.rules, Directory: directory{}, Runner: f.machine, Dialer: f.machine, Git: o.git,
		HostKeys: []ssh.Signer{hostKey}, Limits: o.limits, Log: log,
	})
	listener, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	check(tb, err)
	f.address, f.login = listener.Addr().String(), host
	ctx, stop := context.WithCancelCause(context.WithoutCancel(tb.Context()))
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx, listener) }()
	tb.Cleanup(func() {
		stop(nil)
		check(tb, <-done)
	})
	f.signer = f.newKey("id", access.Subject{Actor: platform.Actor{ID: "u-1", Name: "Jo"}})
	line := knownhosts.Line([]string{knownhosts.Normalize(f.address)}, f.host)
	check(tb, os.WriteFile(filepath.Join(f.dir, "known_hosts"), []byte(line+"\n"), 0o600))
	return f
}

// newKey makes a key file of the client, which belongs to someone unless the ID is "".
func (f *fixture) newKey(name string, of access.Subject) ssh.Signer {
	f.tb.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	check(f.tb, err)
	block, err := ssh.MarshalPrivateKey(key, "")
	check(f.tb, err)
	check(f.tb, os.WriteFile(filepath.Join(f.dir, name), pem.EncodeToMemory(block), 0o600))
	signer, err := ssh.NewSignerFromKey(key)
	check(f.tb, err)
	if of.ID != "" {
		f.accounts.mu.Lock()
		f.accounts.keys[string(signer.PublicKey().Marshal())] = of
		f.accounts.mu.Unlock()
	}
	return signer
}

// openssh returns the options that all clients of OpenSSH take.
func (f *fixture) openssh() []string {
	_, port, err := net.SplitHostPort(f.address)
	check(f.tb, err)
	return []string{
		"-F", "none", "-o", "Port=" + port, "-o", "UserKnownHostsFile=" + filepath.Join(f.dir, "known_hosts"),
		"-o", "StrictHostKeyChecking=yes", "-o", "IdentityFile=" + filepath.Join(f.dir, "id"),
		"-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes",
	}
}

// result is what a client printed and how it ended.
type result struct {
	out, err string
	code     int
}

// run runs a client of OpenSSH; the options come first.
func (f *fixture) run(stdin, program string, args ...string) result {
	f.tb.Helper()
	cmd := f.command(f.tb.Context(), program, args...)
	var out, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &stderr
	err := cmd.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		f.tb.Fatal(err)
	}
	return result{out.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

func (f *fixture) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	path, err := exec.LookPath(program)
	if err != nil {
		if os.Getenv("SLUICE_REQUIRE") != "" { //nolint:forbidigo // how tests are configured
			f.tb.Fatal(err)
		}
		f.tb.Skipf("%s is not installed", program)
	}
	cmd := exec.CommandContext(ctx, path, append(f.openssh(), args...)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + f.dir, "LANG=C.UTF-8"} //nolint:forbidigo // of the test
	return cmd
}

const host = "shop-main--app@127.0.0.1"

// dial connects as a Go client.
func (f *fixture) dial(user string) *ssh.Client {
	f.tb.Helper()
	c, err := f.tryDial(user, f.signer)
	check(f.tb, err)
	f.tb.Cleanup(func() { _ = c.Close() })
	return c
}

func (f *fixture) tryDial(user string, signer ssh.Signer) (*ssh.Client, error) {
	return ssh.Dial("tcp", f.address, &ssh.ClientConfig{
		User: user, Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, HostKeyCallback: ssh.FixedHostKey(f.host),
	})
}

// within waits for something; the limit is for a test that hangs.
func within(tb testing.TB, what string, done <-chan struct{}) {
	tb.Helper()
	select {
	case <-done:
	case <-time.After(time.Minute):
		tb.Fatalf("%s took a minute", what)
	}
}
