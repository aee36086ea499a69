package sshserve_test

import (
	"bytes"
	"crypto/rand"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"sluice/internal/access"
)

// These tests use OpenSSH's own clients.

func TestCommandsPassStreamsAndStatus(t *testing.T) {
	f := newFixture(t, options{})
	r := f.run("in put", "ssh", host, "cat; echo err >&2; exit 7")
	if r != (result{"in put", "err\n", 7}) {
		t.Errorf("got %+v", r)
	}
	if got := f.rules.log(); !slices.Equal(got, []string{"u-1 environment.exec shop/main cat"}) {
		t.Errorf("the audit log has %q", got)
	}
	if c := f.machine.last(t); c.Container != "app" || c.TTY {
		t.Errorf("it ran %+v", c)
	}
}

func TestTheAuditLogHasNoPasswords(t *testing.T) {
	f := newFixture(t, options{})
	for _, command := range []string{"true --password=secret", "P='a secret' true", "P=secret true"} {
		if r := f.run("", "ssh", host, command); r.code != 0 {
			t.Errorf("%s: %+v", command, r)
		}
	}
	if got := strings.Join(f.rules.log(), "\n"); strings.Contains(got, "secret") || strings.Count(got, "environment.exec") != 3 {
		t.Errorf("the audit log has %q", got)
	}
}

func TestShellOnATerminal(t *testing.T) {
	f := newFixture(t, options{})
	r := f.run("tty; echo $TERM $LC_ALL-$FOO; exit 3\n", "ssh", "-tt", "-o", "SetEnv=FOO=1 LC_ALL=C TERM=vt220", host)
	if r.code != 3 || !strings.Contains(r.out, "/dev/pts/") || !strings.Contains(r.out, "vt220 C-\r\n") {
		t.Errorf("got %d, %q, %q", r.code, r.out, r.err)
	}
	if !strings.HasPrefix(r.out, "Project shop, environment main. ") {
		t.Errorf("the greeting is %q", r.out)
	}
}

func TestUnknownKeysAreRefused(t *testing.T) {
	f := newFixture(t, options{})
	f.newKey("id", access.Subject{})
	r := f.run("", "ssh", host, "true")
	if r.code != 255 || !strings.Contains(r.err, "Permission denied (publickey)") {
		t.Errorf("got %+v", r)
	}
}

func TestRefusalsAreExplainedAsClientsExpect(t *testing.T) {
	f := newFixture(t, options{})
	const hello = "Hello Jo (UUID: u-1), you successfully authenticated, but could not connect to service %s " +
		"(reason: service doesn't exist or you do not have access to it)\n"
	for _, c := range []struct {
		user string
		deny bool
		want string
	}{
		{"shop-other--app", false, hello + "   look again\n"},
		{"shop-main--gone", false, hello + "E: environment main has not been deployed yet\n   git push sluice main\n"},
		{"shop-main--app", true, hello + "E: environment.exec needs the role contributor on production environments of shop; nothing was changed\n" +
			"   ask an admin for a token with the scope shop:production=contributor\n"},
	} {
		f.rules.deny(access.Exec, c.deny)
		r := f.run("", "ssh", c.user+"@127.0.0.1", "true")
		if want := strings.ReplaceAll(c.want, "%s", c.user); r.code != 255 || r.err != want {
			t.Errorf("%s: exit %d, got\n%s\nwant\n%s", c.user, r.code, r.err, want)
		}
	}
}

func TestFilesAreCopied(t *testing.T) {
	f := newFixture(t, options{})
	content := make([]byte, 3<<20)
	_, _ = rand.Read(content)
	local := filepath.Join(t.TempDir(), "file")
	check(t, os.WriteFile(local, content, 0o640))
	for name, flags := range map[string][]string{"sftp": nil, "old scp": {"-O"}} {
		remote := strings.ReplaceAll(name, " ", "-")
		if r := f.run("", "scp", append(flags, "-p", local, host+":"+remote)...); r.code != 0 {
			t.Fatalf("%s: %+v", name, r)
		}
		if r := f.run("", "scp", append(flags, host+":"+remote, local+".back")...); r.code != 0 {
			t.Fatalf("%s: %+v", name, r)
		}
		for _, path := range []string{filepath.Join(f.machine.dir, remote), local + ".back"} {
			if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, content) {
				t.Errorf("%s: %s differs (%v)", name, path, err)
			}
		}
	}
	r := f.run("mkdir d\nput "+local+" d/x\nrename d/x d/y\nls -1 d\nrm d/y\nrmdir d\nls -1\n", "sftp", "-b", "-", host)
	if r.code != 0 || !strings.Contains(r.out, "d/y") {
		t.Errorf("sftp: %+v", r)
	}
	if got := f.rules.log(); !slices.Contains(got, "u-1 environment.exec shop/main sftp") {
		t.Errorf("the audit log has %q", got)
	}
}

// echo serves one address on which everything comes back.
func echo(tb testing.TB) string {
	tb.Helper()
	l, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	check(tb, err)
	tb.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(conn, conn)
				_ = conn.Close()
			}()
		}
	}()
	return l.Addr().String()
}

// TestTunnelsLeadToRelationshipsOnly uses ssh -W, a tunnel on ssh's own input and output.
func TestTunnelsLeadToRelationshipsOnly(t *testing.T) {
	f := newFixture(t, options{})
	f.machine.service = echo(t)
	if r := f.run("ping", "ssh", "-W", "database.internal:3306", host); r.code != 0 || r.out != "ping" {
		t.Errorf("got %+v", r)
	}
	for _, to := range []string{"127.0.0.1:" + strconv.Itoa(22), "database.internal:22", "169.254.169.254:80"} {
		if r := f.run("", "ssh", "-W", to, host); r.code == 0 || !strings.Contains(r.err, "no relationship leads to "+to) {
			t.Errorf("%s: got %+v", to, r)
		}
	}
	f.rules.deny(access.RelationshipsView, true)
	if r := f.run("", "ssh", "-W", "database.internal:3306", host); r.code == 0 || !strings.Contains(r.err, "contributor") {
		t.Errorf("got %+v", r)
	}
	if got := f.rules.log(); len(got) == 0 || got[0] != "u-1 environment.relationships shop/main tunnel database.internal:3306" {
		t.Errorf("the audit log has %q", got)
	}
}

// TestOtherForwardingIsRefused: neither ports of the server nor the user's agent are passed on.
func TestOtherForwardingIsRefused(t *testing.T) {
	f := newFixture(t, options{})
	if r := f.run("", "ssh", "-o", "ExitOnForwardFailure=yes", "-R", "0:127.0.0.1:1", host, "true"); r.code != 255 {
		t.Errorf("-R: %+v", r)
	}
	r := f.run("", "ssh", "-A", "-X", host, "echo agent=$SSH_AUTH_SOCK display=$DISPLAY")
	if r.code != 0 || r.out != "agent= display=\n" {
		t.Errorf("-A: %+v", r)
	}
}

// TestACommandEndsWithItsClient kills ssh in the middle of a command.
func TestACommandEndsWithItsClient(t *testing.T) {
	f := newFixture(t, options{})
	cmd := f.command(t.Context(), "ssh", host, "echo ready; cat")
	in, err := cmd.StdinPipe()
	check(t, err)
	out, err := cmd.StdoutPipe()
	check(t, err)
	check(t, cmd.Start())
	_, err = io.ReadFull(out, make([]byte, len("ready\n")))
	check(t, err)
	check(t, cmd.Process.Kill())
	_ = cmd.Wait()
	_ = in.Close()
	select {
	case <-f.machine.ended:
	case <-time.After(time.Minute):
		t.Error("the command did not end within a minute")
	}
}

func TestControlMasterSharesAConnection(t *testing.T) {
	f := newFixture(t, options{})
	dir, err := os.MkdirTemp("", "cm") //nolint:usetesting // the path of a socket may have 108 bytes only
	check(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	shared := []string{"-o", "ControlMaster=auto", "-o", "ControlPersist=10", "-o", "ControlPath=" + dir + "/s"}
	for range 3 {
		// ssh's master keeps stderr open, so nothing waits for its end.
		cmd := f.command(t.Context(), "ssh", append(shared, host, "echo ok")...)
		out, err := cmd.Output()
		if err != nil || string(out) != "ok\n" {
			t.Fatalf("%q, %v", out, err)
		}
	}
	cmd := f.command(t.Context(), "ssh", append(shared, "-O", "exit", host)...)
	cmd.WaitDelay = time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v", out, err)
	}
}
