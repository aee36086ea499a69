package sshserve_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// The benchmarks run OpenSSH's clients against the gateway, whose commands run on this
// machine, and against OpenSSH's server, so what differs is the server:
//
//	go test -bench . -run XXX ./internal/sshserve

// peers are the servers to compare. OpenSSH's is left out where it is not installed.
func peers(b *testing.B) map[string]*fixture {
	b.Helper()
	f := newFixture(b, options{})
	all := map[string]*fixture{"gateway": f}
	if address, login, ok := startSSHD(b, f); ok {
		peer := *f
		peer.address = address
		peer.login = login
		all["openssh"] = &peer
	} else {
		b.Log("no sshd on this machine (openssh-server); only the gateway is measured")
	}
	return all
}

// startSSHD starts OpenSSH's server with the host key and for the key of a fixture.
func startSSHD(b *testing.B, f *fixture) (address, login string, ok bool) {
	b.Helper()
	program, err := exec.LookPath("/usr/sbin/sshd")
	if err != nil || os.Geteuid() != 0 {
		return "", "", false
	}
	check(b, os.MkdirAll("/run/sshd", 0o755)) // where it wants to be confined
	me, err := user.Current()
	check(b, err)
	dir := b.TempDir()
	listener, err := (&net.ListenConfig{}).Listen(b.Context(), "tcp", "127.0.0.1:0")
	check(b, err)
	address = listener.Addr().String()
	check(b, listener.Close())
	check(b, os.WriteFile(filepath.Join(dir, "keys"), ssh.MarshalAuthorizedKey(f.signer.PublicKey()), 0o600))
	_, port, err := net.SplitHostPort(address)
	check(b, err)
	config := fmt.Sprintf("ListenAddress 127.0.0.1:%s\nHostKey %s\nAuthorizedKeysFile %s\nStrictModes no\nPidFile none\nUsePAM no\n"+
		"PermitRootLogin yes\nPasswordAuthentication no\nMaxStartups 200\nPrintMotd no\nSubsystem sftp /usr/lib/openssh/sftp-server\n",
		port, filepath.Join(f.dir, "host", "key"), filepath.Join(dir, "keys"))
	check(b, os.WriteFile(filepath.Join(dir, "config"), []byte(config), 0o600))
	cmd := exec.CommandContext(context.WithoutCancel(b.Context()), program, "-D", "-e", "-f", filepath.Join(dir, "config"))
	var log bytes.Buffer
	cmd.Stderr = &log
	check(b, cmd.Start())
	b.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for i := 0; ; i++ {
		conn, err := (&net.Dialer{}).DialContext(b.Context(), "tcp", address)
		if err == nil {
			_ = conn.Close()
			break
		}
		if i == 1000 {
			b.Fatalf("sshd does not listen: %v", err)
		}
		time.Sleep(10 * time.Millisecond) // it says nothing when it does
	}
	known, err := os.OpenFile(filepath.Join(f.dir, "known_hosts"), os.O_APPEND|os.O_WRONLY, 0)
	check(b, err)
	_, err = fmt.Fprintln(known, knownhosts.Line([]string{knownhosts.Normalize(address)}, f.host))
	check(b, err)
	check(b, known.Close())
	return address, me.Username + "@127.0.0.1", true
}

// BenchmarkTrue is a whole `ssh HOST true`, and one more command on an open connection.
func BenchmarkTrue(b *testing.B) {
	for name, f := range peers(b) {
		b.Run("connection/"+name, func(b *testing.B) {
			for b.Loop() {
				if r := f.run("", "ssh", f.login, "true"); r.code != 0 {
					b.Fatalf("%+v", r)
				}
			}
		})
		b.Run("session/"+name, func(b *testing.B) {
			login, _, _ := bytes.Cut([]byte(f.login), []byte("@"))
			c, err := f.tryDial(string(login), f.signer)
			check(b, err)
			defer c.Close() //nolint:errcheck // done with
			for b.Loop() {
				s, err := c.NewSession()
				check(b, err)
				check(b, s.Run("true"))
			}
		})
	}
}

// BenchmarkCopy is scp of a file of random bytes, both ways.
func BenchmarkCopy(b *testing.B) {
	const size = 256 << 20
	content := make([]byte, size)
	_, _ = rand.Read(content)
	local := filepath.Join(b.TempDir(), "file")
	check(b, os.WriteFile(local, content, 0o600))
	for name, f := range peers(b) {
		remote := filepath.Join(f.machine.dir, "file-"+name)
		for _, way := range []string{"sftp", "scp"} {
			flags := map[string][]string{"sftp": nil, "scp": {"-O"}}[way]
			b.Run("up/"+way+"/"+name, func(b *testing.B) {
				b.SetBytes(size)
				for b.Loop() {
					if r := f.run("", "scp", append(flags, local, f.login+":"+remote)...); r.code != 0 {
						b.Fatalf("%+v", r)
					}
				}
			})
			b.Run("down/"+way+"/"+name, func(b *testing.B) {
				b.SetBytes(size)
				for b.Loop() {
					if r := f.run("", "scp", append(flags, f.login+":"+remote, local+".back")...); r.code != 0 {
						b.Fatalf("%+v", r)
					}
				}
			})
		}
	}
}
