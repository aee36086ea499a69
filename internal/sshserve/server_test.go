package sshserve_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"sluice/internal/access"
	"sluice/internal/platform"
	"sluice/internal/sshserve"
)

// hang starts a command that ends with its input, and returns its session when it runs.
func hang(tb testing.TB, c *ssh.Client) *ssh.Session {
	tb.Helper()
	s, err := c.NewSession()
	check(tb, err)
	_, err = s.StdinPipe()
	check(tb, err)
	out, err := s.StdoutPipe()
	check(tb, err)
	check(tb, s.Start("echo ready; exec cat"))
	_, err = io.ReadFull(out, make([]byte, len("ready\n")))
	check(tb, err)
	return s
}

func TestARemovedUserIsDisconnected(t *testing.T) {
	f := newFixture(t, options{})
	other := f.newKey("other", access.Subject{Actor: platform.Actor{ID: "u-2", Name: "Kim"}})
	stays, err := f.tryDial("shop-main--app", other)
	check(t, err)
	defer stays.Close() //nolint:errcheck // only its end is looked at
	kept := hang(t, stays)
	c := f.dial("shop-main--app")
	hang(t, c)
	f.machine.service = echo(t)
	tunnel, err := c.Dial("tcp", "database.internal:3306")
	check(t, err)

	removed := time.Now()
	f.accounts.change(func() { delete(f.accounts.keys, string(f.signer.PublicKey().Marshal())) })
	gone := make(chan struct{})
	go func() { _ = c.Wait(); close(gone) }()
	within(t, "the end of the connection", gone)
	if cause := <-f.machine.ended; !strings.Contains(cause, "removed") {
		t.Errorf("the command ended with %q", cause)
	}
	if _, err := tunnel.Read(make([]byte, 1)); err == nil {
		t.Error("the tunnel lives on")
	}
	t.Logf("ended after %v", time.Since(removed))
	check(t, kept.Signal(ssh.SIGTERM)) // the other one's goes on
	if err := kept.Wait(); err == nil || !strings.Contains(err.Error(), "143") {
		t.Errorf("the signal ended it with %v", err)
	}
	if _, err := f.tryDial("shop-main--app", f.signer); err == nil {
		t.Error("the removed key still logs in")
	}
}

func TestALostRoleEndsWhatNeedsIt(t *testing.T) {
	f := newFixture(t, options{})
	f.machine.service = echo(t)
	c := f.dial("shop-main--app")
	s := hang(t, c)
	var stderr bytes.Buffer
	tunnel, err := c.Dial("tcp", "database.internal:3306")
	check(t, err)
	f.rules.deny(access.Exec, true)
	f.accounts.change(func() {})
	if err := s.Wait(); err == nil {
		t.Error("the command ended well")
	}
	// The connection and what is still allowed go on.
	_, err = tunnel.Write([]byte("x"))
	check(t, err)
	if _, err := io.ReadFull(tunnel, make([]byte, 1)); err != nil {
		t.Errorf("the tunnel: %v", err)
	}
	again, err := c.NewSession()
	check(t, err)
	again.Stderr = &stderr
	if err := again.Run("true"); err == nil || !strings.Contains(stderr.String(), "contributor") {
		t.Errorf("got %v, %q", err, &stderr)
	}
}

func TestTheStatusComesBeforeTheEndOfTheOutput(t *testing.T) {
	f := newFixture(t, options{})
	channel, requests, err := f.dial("shop-main--app").OpenChannel("session", nil)
	check(t, err)
	_, err = channel.SendRequest("exec", true, ssh.Marshal(struct{ Command string }{"echo out; exit 7"}))
	check(t, err)
	out, err := io.ReadAll(channel)
	check(t, err)
	if string(out) != "out\n" {
		t.Errorf("got %q", out)
	}
	select {
	case r := <-requests:
		var status struct{ Status uint32 }
		check(t, ssh.Unmarshal(r.Payload, &status))
		if r.Type != "exit-status" || status.Status != 7 {
			t.Errorf("got %s %d", r.Type, status.Status)
		}
	default:
		t.Error("the output ended before the status had come")
	}
	_ = channel.Close() // which the server may have done
}

func TestSizesReachTheTerminal(t *testing.T) {
	f := newFixture(t, options{})
	s, err := f.dial("shop-main--app").NewSession()
	check(t, err)
	check(t, s.RequestPty("xterm", 24, 80, nil))
	in, err := s.StdinPipe()
	check(t, err)
	out, err := s.StdoutPipe()
	check(t, err)
	check(t, s.Start("until test \"$(stty size)\" = '24 80'; do :; done; echo first; until test \"$(stty size)\" = '50 132'; do :; done; echo second"))
	text := make([]byte, len("first\r\n"))
	_, err = io.ReadFull(out, text)
	check(t, err)
	check(t, s.WindowChange(50, 132))
	rest, err := io.ReadAll(out)
	check(t, err)
	if string(rest) != "second\r\n" {
		t.Errorf("got %q, then %q", text, rest)
	}
	_ = in.Close()
	check(t, s.Wait())
}

func TestStoppingEndsEverything(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Run("server", func(t *testing.T) { // its end stops the server
		f := newFixture(t, options{})
		f.machine.service = echo(t)
		for range 3 {
			c := f.dial("shop-main--app")
			hang(t, c)
			_, err := c.Dial("tcp", "database.internal:3306")
			check(t, err)
		}
	})
	noMoreGoroutines(t, before, 1000)
}

// noMoreGoroutines waits until there are as many goroutines as before, and looks again as
// often as most says.
func noMoreGoroutines(t *testing.T, before, most int) {
	t.Helper()
	for i := 0; runtime.NumGoroutine() > before; i++ {
		if i > most {
			buf := make([]byte, 1<<16)
			t.Fatalf("%d goroutines, before %d\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
		}
		time.Sleep(time.Millisecond * 10) // counting has nothing to wait for
	}
}

// TestNothingIsLeftOfClientsThatLeft counts goroutines while the server runs.
func TestNothingIsLeftOfClientsThatLeft(t *testing.T) {
	f := newFixture(t, options{})
	f.machine.service = echo(t)
	first := f.dial("shop-main--app") // everything has begun when it is served
	hang(t, first)
	_ = first.Close()
	before := runtime.NumGoroutine()
	var clients sync.WaitGroup
	for i := range 20 {
		clients.Go(func() {
			c, err := f.tryDial("shop-main--app", f.signer)
			if err != nil {
				t.Error(err)
				return
			}
			s, err := c.NewSession()
			if err == nil {
				_, _ = s.StdinPipe()
				err = s.Start("exec cat")
			}
			if err == nil && i%2 == 0 {
				_, err = c.Dial("tcp", "database.internal:3306")
			}
			if err != nil {
				t.Error(err)
			}
			_ = c.Close() // without a word
		})
	}
	clients.Wait()
	noMoreGoroutines(t, before, 3000)
}

func TestLimitsOfSessions(t *testing.T) {
	f := newFixture(t, options{limits: sshserve.Limits{User: 3, Connection: 2}})
	first := f.dial("shop-main--app")
	hang(t, first)
	hang(t, first)
	if _, err := first.NewSession(); err == nil || !strings.Contains(err.Error(), "too many sessions and tunnels on this connection") {
		t.Errorf("a third session of the connection: %v", err)
	}
	second := f.dial("shop-main--app")
	hang(t, second)
	s, err := second.NewSession()
	check(t, err)
	var stderr bytes.Buffer
	s.Stderr = &stderr
	if err := s.Run("true"); err == nil || !strings.Contains(stderr.String(), "too many SSH sessions and tunnels of the user u-1 are open") {
		t.Errorf("a fourth session of the user: %v, %q", err, &stderr)
	}
	_ = first.Close()
	for range 2 {
		<-f.machine.ended
	}
	for i := 0; ; i++ { // the places are free soon after the commands have ended
		s, err := f.dial("shop-main--app").NewSession()
		check(t, err)
		if err = s.Run("true"); err == nil {
			break
		}
		if i == 1000 {
			t.Fatal(err)
		}
	}
}

func TestAnAddressThatGuessesIsRefused(t *testing.T) {
	f := newFixture(t, options{limits: sshserve.Limits{Failures: 3, Forgive: time.Hour}})
	stranger := f.newKey("stranger", access.Subject{})
	for range 3 {
		if _, err := f.tryDial("shop-main--app", stranger); err == nil || !strings.Contains(err.Error(), "unable to authenticate") {
			t.Fatalf("got %v", err)
		}
	}
	// The last failure is counted when its connection has ended on the server.
	for i := 0; ; i++ {
		c, err := f.tryDial("shop-main--app", f.signer)
		if err != nil && !strings.Contains(err.Error(), "unable to authenticate") {
			break // refused before the handshake
		}
		if err == nil {
			_ = c.Close()
		}
		if i == 1000 {
			t.Fatalf("the address still logs in: %v", err)
		}
	}
}

func TestSilentConnectionsAreClosed(t *testing.T) {
	f := newFixture(t, options{limits: sshserve.Limits{LoginTime: 50 * time.Millisecond, Address: 2}})
	dial := func() net.Conn {
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", f.address)
		check(t, err)
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	a := dial()
	if text, err := io.ReadAll(a); err != nil && !errors.Is(err, net.ErrClosed) || !bytes.HasPrefix(text, []byte("SSH-2.0-Sluice\r\n")) {
		t.Errorf("got %q, %v", text, err)
	}
}

func TestACertificateAllowsWhatItSays(t *testing.T) {
	f := newFixture(t, options{})
	f.machine.service = echo(t)
	authority := f.newKey("authority", access.Subject{})
	certified := func(p ssh.Permissions) ssh.Signer {
		cert := &ssh.Certificate{Key: f.signer.PublicKey(), CertType: ssh.UserCert, ValidBefore: ssh.CertTimeInfinity, Permissions: p}
		check(t, cert.SignCert(rand.Reader, authority))
		s, err := ssh.NewCertSigner(cert, f.signer)
		check(t, err)
		return s
	}
	bare, err := f.tryDial("shop-main--app", certified(ssh.Permissions{}))
	check(t, err)
	defer bare.Close() //nolint:errcheck // done with
	s, err := bare.NewSession()
	check(t, err)
	if err := s.RequestPty("xterm", 24, 80, nil); err == nil {
		t.Error("it allows a terminal")
	}
	check(t, s.Run("true"))
	if _, err := bare.Dial("tcp", "database.internal:3306"); err == nil || !strings.HasSuffix(err.Error(), `("the certificate does not allow tunnels")`) {
		t.Errorf("it allows a tunnel, or refuses it in other words: %v", err)
	}
	for option, value := range map[string]string{"force-command": "true", "source-address": "10.9.9.9/32"} {
		if _, err := f.tryDial("shop-main--app", certified(ssh.Permissions{CriticalOptions: map[string]string{option: value}})); err == nil {
			t.Errorf("a certificate with %s logs in", option)
		}
	}
}

func TestTheHostKeyIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys", "ssh_host_ed25519_key")
	first, err := sshserve.LoadKey(path, "host")
	check(t, err)
	again, err := sshserve.LoadKey(path, "host")
	check(t, err)
	if !bytes.Equal(first.PublicKey().Marshal(), again.PublicKey().Marshal()) {
		t.Error("the second start has another key")
	}
	info, err := os.Stat(path)
	check(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("its mode is %v", info.Mode())
	}
	check(t, os.WriteFile(path, []byte("broken"), 0o600))
	if _, err := sshserve.LoadKey(path, "host"); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a broken key: %v", err)
	}
}

// TestManyAtOnce has 100 sessions on 100 connections and 50 tunnels on 50 others, and says
// what they cost.
func TestManyAtOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("many connections")
	}
	f := newFixture(t, options{})
	f.machine.service = echo(t)
	var begin runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&begin)
	var work sync.WaitGroup
	sessions, tunnels := make([]*ssh.Session, 100), make([]net.Conn, 50)
	for i := range sessions {
		c := f.dial("shop-main--app")
		work.Go(func() { sessions[i] = hang(t, c) })
	}
	for i := range tunnels {
		c := f.dial("shop-main--app")
		work.Go(func() {
			var err error
			tunnels[i], err = c.Dial("tcp", "database.internal:3306")
			check(t, err)
		})
	}
	work.Wait()
	var full runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&full)
	t.Logf("100 sessions and 50 tunnels, both ends in this process: %.1f MB", float64(full.HeapInuse+full.StackInuse-begin.HeapInuse-begin.StackInuse)/(1<<20))
	message := bytes.Repeat([]byte("0123456789abcdef"), 4096)
	for i, conn := range tunnels {
		work.Go(func() {
			go func() { _, _ = conn.Write(message) }()
			got := make([]byte, len(message))
			if _, err := io.ReadFull(conn, got); err != nil || !bytes.Equal(got, message) {
				t.Errorf("tunnel %d: %v", i, err)
			}
		})
	}
	for i, s := range sessions {
		work.Go(func() {
			if err := s.Signal(ssh.SIGTERM); err != nil {
				t.Error(err)
			}
			var exit *ssh.ExitError
			if err := s.Wait(); !errors.As(err, &exit) || exit.ExitStatus() != 143 {
				t.Errorf("session %d: %v", i, fmt.Errorf("%w", err))
			}
		})
	}
	work.Wait()
}
