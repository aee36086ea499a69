package edgectl

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"
)

// Listen makes the control socket, with mode 0600. It removes the socket of a router that
// is gone and returns an error when one answers on it.
func Listen(ctx context.Context, path string) (*Socket, error) {
	if err := removeStale(ctx, path); err != nil {
		return nil, err
	}
	// Made in a private directory and renamed: no process can connect before the mode is set.
	dir, err := os.MkdirTemp(filepath.Dir(path), ".control-*")
	if err != nil {
		return nil, fmt.Errorf("create control socket: %w", err)
	}
	defer func() { _ = os.Remove(dir) }()
	private := filepath.Join(dir, "s")
	l, err := (&net.ListenConfig{}).Listen(ctx, "unix", private)
	if err != nil {
		return nil, fmt.Errorf("create control socket: %w", err)
	}
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false) // it would remove the name from before
	}
	if err := errors.Join(os.Chmod(private, 0o600), os.Rename(private, path)); err != nil {
		return nil, errors.Join(fmt.Errorf("create control socket: %w", err), l.Close())
	}
	return &Socket{Listener: l, path: path}, nil
}

// Inherited returns the control socket at path that another process passed on. Its name
// belongs to that process until Own is called.
func Inherited(l net.Listener, path string) *Socket {
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false)
	}
	s := &Socket{Listener: l, path: path}
	s.Leave()
	return s
}

// Socket is a control socket. It removes its name when it closes, unless it was left.
type Socket struct {
	net.Listener
	path string
	left atomic.Bool
}

// Leave makes Close leave the socket's name, which another process has now.
func (l *Socket) Leave() { l.left.Store(true) }

// Own makes Close remove the socket's name.
func (l *Socket) Own() { l.left.Store(false) }

// SyscallConn gives access to the socket's descriptor.
func (l *Socket) SyscallConn() (syscall.RawConn, error) {
	sc, ok := l.Listener.(syscall.Conn)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	return sc.SyscallConn() //nolint:wrapcheck // only passes through
}

// Close stops listening.
func (l *Socket) Close() error {
	err := l.Listener.Close()
	if l.left.Load() {
		return err
	}
	if rm := os.Remove(l.path); rm != nil && !errors.Is(rm, fs.ErrNotExist) {
		err = errors.Join(err, rm)
	}
	return err
}

func removeStale(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look at control socket: %w", err)
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("%s exists and is not a socket; it was not touched", path)
	}
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "unix", path)
	if err == nil {
		return errors.Join(errRunning(path), conn.Close())
	}
	return os.Remove(path)
}
