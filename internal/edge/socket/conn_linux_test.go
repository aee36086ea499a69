package socket

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"testing/iotest"

	"golang.org/x/net/nettest"
)

// pair returns the two ends of a connection, the first of them wrapped.
func pair(tb testing.TB) (*Conn, net.Conn) {
	tb.Helper()
	l, err := nettest.NewLocalListener("tcp")
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	peer, err := (&net.Dialer{}).DialContext(tb.Context(), "tcp", l.Addr().String())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = peer.Close() })
	own, err := l.Accept()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = own.Close() })
	c, ok := Wrap(own).(*Conn)
	if !ok {
		tb.Fatalf("%T is not wrapped", own)
	}
	return c, peer
}

// A Conn is a net.Conn in every respect: deadlines, closing, concurrent use.
func TestConformance(t *testing.T) {
	nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
		a, b := pair(t)
		return a, Wrap(b), func() { _, _ = a.Close(), b.Close() }, nil
	})
}

func TestWrapOthers(t *testing.T) {
	a, b := net.Pipe()
	defer func() { _, _ = a.Close(), b.Close() }()
	if Wrap(a) != a {
		t.Error("a pipe was wrapped")
	}
}

// What does not fit the socket at once arrives whole and in order.
func TestGather(t *testing.T) {
	for _, size := range [][2]int{{0, 0}, {1, 0}, {0, 1}, {300, 100 << 10}, {maxCall, 1}, {maxCall + 1, 3 * maxCall}, {8 << 20, 8 << 20}} {
		c, peer := pair(t)
		want := random(t, size[0]+size[1])
		go func() {
			n, err := c.Gather(want[:size[0]], want[size[0]:])
			if err != nil || n != int64(len(want)) {
				t.Errorf("%v: %d, %v", size, n, err)
			}
			_ = c.Close()
		}()
		arrives(t, peer, want)
	}
}

// What is written between Cork and Uncork arrives whole, without another write or the end of
// the connection.
func TestCork(t *testing.T) {
	c, peer := pair(t)
	want := random(t, 100_000)
	c.Cork()
	go func() {
		for piece := range slices.Chunk(want, 16_406) {
			if _, err := c.Write(piece); err != nil {
				t.Error(err)
			}
		}
		if err := c.Uncork(); err != nil {
			t.Error(err)
		}
	}()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(peer, got); err != nil || !bytes.Equal(got, want) {
		t.Fatal("something else arrived", err)
	}
	_ = c.Close()
	if err := c.Uncork(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
}

func TestSendFile(t *testing.T) {
	content := random(t, 5<<20)
	name := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := f.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 1, 100 << 10, len(content)} {
		c, peer := pair(t)
		go func() {
			if open, err := c.SendFile(raw, int64(n)); !open || err != nil {
				t.Errorf("%d: %v, %v", n, open, err)
			}
			_ = c.Close()
		}()
		arrives(t, peer, content[:n])
	}

	c, peer := pair(t)
	short := make(chan error, 1)
	go func() {
		_, err := c.SendFile(raw, int64(len(content)+1))
		_ = c.Close()
		short <- err
	}()
	arrives(t, peer, content)
	if err := <-short; !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a file that is shorter than was said: %v", err)
	}

	c, peer = pair(t)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if open, err := c.SendFile(raw, 1); open || err != nil {
		t.Errorf("a closed file: %v, %v", open, err)
	}
	if _, err := c.Write([]byte("instead")); err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	arrives(t, peer, []byte("instead"))
}

// What fails says what net's connections say.
func TestFailures(t *testing.T) {
	c, peer := pair(t)
	if err := peer.(*net.TCPConn).SetLinger(0); err != nil { //nolint:errcheck // it is one
		t.Fatal(err)
	}
	_ = peer.Close()
	_, err := c.Read(make([]byte, 1))
	if op, ok := errors.AsType[*net.OpError](err); !ok || !errors.Is(err, syscall.ECONNRESET) || op.Op != "read" || op.Addr == nil {
		t.Errorf("read: %v", err)
	}
	if _, err = c.Write([]byte("x")); err == nil {
		_, err = c.Write([]byte("x"))
	}
	if op, ok := errors.AsType[*net.OpError](err); !ok || !errors.Is(err, syscall.EPIPE) || op.Op != "write" {
		t.Errorf("write: %v", err)
	}
}

func TestSilent(t *testing.T) {
	c, peer := pair(t)
	if !c.Silent() {
		t.Error("not silent although nothing was said")
	}
	if _, err := peer.Write([]byte("ab")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if c.Silent() {
		t.Error("silent although something is left to be read")
	}
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil || !c.Silent() {
		t.Error("not silent although all was read", err)
	}
	_ = peer.Close()
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) || c.Silent() {
		t.Errorf("silent although the peer has closed; %v", err)
	}
}

func random(tb testing.TB, n int) []byte {
	tb.Helper()
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}

// arrives reads from the peer in odd pieces until the end.
func arrives(tb testing.TB, peer net.Conn, want []byte) {
	tb.Helper()
	got, err := io.ReadAll(iotest.HalfReader(peer))
	if err != nil || !bytes.Equal(got, want) {
		tb.Fatalf("%d bytes arrived of %d, %v", len(got), len(want), err)
	}
}
