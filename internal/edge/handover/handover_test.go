package handover

import (
	"encoding/json"
	"io"
	"net"
	"path/filepath"
	"testing"
)

// pair returns the two ends of a unix connection.
func pair(t *testing.T) (predecessor, successor *net.UnixConn) {
	t.Helper()
	addr := &net.UnixAddr{Name: filepath.Join(t.TempDir(), "s"), Net: "unix"}
	l, err := net.ListenUnix("unix", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if successor, err = net.DialUnix("unix", nil, addr); err != nil {
		t.Fatal(err)
	}
	if predecessor, err = l.AcceptUnix(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = predecessor.Close(), successor.Close() })
	return predecessor, successor
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // nothing to cancel
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func TestSocketsAndStateArePassedOn(t *testing.T) {
	predecessor, successor := pair(t)
	sites, tls := listen(t), listen(t)
	state, err := json.Marshal(make([]int, 100_000)) // more than a socket's buffer
	if err != nil {
		t.Fatal(err)
	}
	given := make(chan error, 1)
	go func() {
		given <- Give(t.Context(), predecessor, Offer{Listeners: map[string]net.Listener{"sites": sites, "tls": tls}, State: state})
	}()
	taken, err := Take(t.Context(), successor)
	if err != nil {
		t.Fatal(err)
	}
	if string(taken.State) != string(state) || len(taken.Listeners) != 2 {
		t.Fatalf("%d bytes, %d sockets", len(taken.State), len(taken.Listeners))
	}
	if err := taken.Ready(); err != nil {
		t.Fatal(err)
	}
	if err := <-given; err != nil {
		t.Fatal(err)
	}
	_ = sites.Close() // the predecessor stops accepting; the socket lives on
	done := make(chan string, 1)
	go func() {
		c, err := taken.Listeners["sites"].Accept()
		if err != nil {
			done <- err.Error()
			return
		}
		b, _ := io.ReadAll(c)
		_ = c.Close()
		done <- string(b)
	}()
	c, err := net.Dial("tcp", taken.Listeners["sites"].Addr().String()) //nolint:noctx // nothing to cancel
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(c, "hello")
	_ = c.Close()
	if got := <-done; got != "hello" {
		t.Errorf("got %q", got)
	}
	for _, l := range taken.Listeners {
		_ = l.Close()
	}
}

func TestSuccessorThatFailsIsNoticed(t *testing.T) {
	predecessor, successor := pair(t)
	l := listen(t)
	given := make(chan error, 1)
	go func() {
		given <- Give(t.Context(), predecessor, Offer{Listeners: map[string]net.Listener{"sites": l}, State: []byte("{}")})
	}()
	taken, err := Take(t.Context(), successor)
	if err != nil {
		t.Fatal(err)
	}
	taken.Abort()
	if err := <-given; err == nil {
		t.Error("a successor that failed was taken for one that serves")
	}
	go func() {
		if c, err := l.Accept(); err == nil {
			_, _ = io.WriteString(c, "still here")
			_ = c.Close()
		}
	}()
	c, err := net.Dial("tcp", l.Addr().String()) //nolint:noctx // nothing to cancel
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if b, err := io.ReadAll(c); err != nil || string(b) != "still here" {
		t.Errorf("%q %v", b, err)
	}
}
