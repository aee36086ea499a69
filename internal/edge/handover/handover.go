package handover

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Offer is what a predecessor passes on.
type Offer struct {
	Listeners map[string]net.Listener // by name; each must be of this process
	State     json.RawMessage
}

// message is what goes before the sockets' names and the state. Version is the format's.
type message struct {
	Version   int             `json:"version"`
	Listeners []string        `json:"listeners"` // in the order of the descriptors
	State     json.RawMessage `json:"state"`
}

const (
	version    = 1
	maxMessage = 1 << 30 // bytes
	maxSockets = 64
	answerWait = 2 * time.Minute // for the successor to serve, and for the predecessor to answer
)

// The words that the two exchange beside the message.
var (
	goOn  = []byte{'g'} //nolint:gochecknoglobals // a constant
	ready = []byte{'r'} //nolint:gochecknoglobals // a constant
)

// Give passes the offer to the successor at the other end of conn and returns when it
// serves. With an error nothing has changed and the caller goes on as before. It closes
// nothing of the offer.
func Give(ctx context.Context, conn *net.UnixConn, o Offer) error {
	stop := bound(ctx, conn)
	defer stop()
	if err := expect(conn, goOn); err != nil {
		return fmt.Errorf("wait for the successor: %w", err)
	}
	m := message{Version: version, State: o.State}
	var fds []int
	for name, l := range o.Listeners {
		fd, err := copyOf(l)
		if err != nil {
			return fmt.Errorf("socket %s: %w", name, err)
		}
		defer func() { _ = syscall.Close(fd) }()
		m.Listeners = append(m.Listeners, name)
		fds = append(fds, fd)
	}
	data, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode the state: %w", err)
	}
	head := binary.BigEndian.AppendUint64(nil, uint64(len(data)))
	// The descriptors belong to the first bytes, which are therefore read by themselves.
	if _, _, err := conn.WriteMsgUnix(head, syscall.UnixRights(fds...), nil); err != nil {
		return fmt.Errorf("pass the sockets: %w", err)
	}
	if _, err := conn.Write(data); err != nil {
		return fmt.Errorf("pass the state: %w", err)
	}
	if err := expect(conn, ready); err != nil {
		return fmt.Errorf("wait until the successor serves: %w", err)
	}
	return nil
}

// Taken is what a successor got.
type Taken struct {
	Offer
	conn *net.UnixConn
}

// Take receives an offer on conn, whose other end is in Give.
func Take(ctx context.Context, conn *net.UnixConn) (*Taken, error) {
	stop := bound(ctx, conn)
	defer stop()
	if _, err := conn.Write(goOn); err != nil {
		return nil, fmt.Errorf("ask for the sockets: %w", err)
	}
	head := make([]byte, 8)
	oob := make([]byte, syscall.CmsgSpace(4*maxSockets))
	n, oobn, _, _, err := conn.ReadMsgUnix(head, oob)
	if err != nil {
		return nil, fmt.Errorf("receive the sockets: %w", err)
	}
	files, err := filesOf(oob[:oobn])
	defer func() {
		for _, f := range files {
			_ = f.Close() // listeners have copies
		}
	}()
	if err != nil {
		return nil, err
	}
	if _, err := io.ReadFull(conn, head[n:]); err != nil {
		return nil, fmt.Errorf("receive the state: %w", err)
	}
	m, err := readMessage(conn, binary.BigEndian.Uint64(head))
	if err != nil {
		return nil, err
	}
	t := &Taken{Offer: Offer{Listeners: map[string]net.Listener{}, State: m.State}, conn: conn}
	if len(m.Listeners) != len(files) {
		return nil, fmt.Errorf("the router that runs named %d sockets and passed %d", len(m.Listeners), len(files))
	}
	for i, f := range files {
		l, err := net.FileListener(f)
		if err != nil {
			t.closeListeners()
			return nil, fmt.Errorf("socket %s: %w", m.Listeners[i], err)
		}
		t.Listeners[m.Listeners[i]] = l
	}
	return t, nil
}

// Ready tells the predecessor that this process serves: it stops accepting.
func (t *Taken) Ready() error {
	_, err := t.conn.Write(ready)
	return errors.Join(err, t.conn.Close())
}

// Abort tells the predecessor to go on, and closes what was taken.
func (t *Taken) Abort() {
	t.closeListeners()
	_ = t.conn.Close() // the predecessor sees the end
}

func (t *Taken) closeListeners() {
	for _, l := range t.Listeners {
		if u, ok := l.(*net.UnixListener); ok {
			u.SetUnlinkOnClose(false)
		}
		_ = l.Close() // a copy
	}
}

func readMessage(r io.Reader, size uint64) (message, error) {
	var m message
	if size > maxMessage {
		return m, fmt.Errorf("the router that runs passed a state of %d bytes, more than %d", size, maxMessage)
	}
	if err := json.NewDecoder(io.LimitReader(r, int64(size))).Decode(&m); err != nil {
		return m, fmt.Errorf("receive the state: %w", err)
	}
	if m.Version != version {
		return m, fmt.Errorf("the router that runs hands over in format %d, this one knows %d; stop it instead", m.Version, version)
	}
	return m, nil
}

// filesOf returns the descriptors of a control message. They are closed on exec.
func filesOf(oob []byte) ([]*os.File, error) {
	messages, err := syscall.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, fmt.Errorf("receive the sockets: %w", err)
	}
	var files []*os.File
	for _, m := range messages {
		fds, err := syscall.ParseUnixRights(&m)
		if err != nil {
			return files, fmt.Errorf("receive the sockets: %w", err)
		}
		for _, fd := range fds {
			syscall.CloseOnExec(fd)
			files = append(files, os.NewFile(uintptr(fd), "socket"))
		}
	}
	return files, nil
}

var errNoSocket = errors.New("not a listening socket of this process")

// copyOf duplicates a listener's descriptor. File would do, but its Fd makes the socket
// block, which both copies share.
func copyOf(l net.Listener) (fd int, err error) {
	sc, ok := l.(syscall.Conn)
	if !ok {
		return 0, errNoSocket
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return 0, err
	}
	controlErr := raw.Control(func(own uintptr) {
		fd, err = unix.FcntlInt(own, unix.F_DUPFD_CLOEXEC, 0)
	})
	return fd, errors.Join(err, controlErr)
}

func expect(r io.Reader, word []byte) error {
	got := make([]byte, len(word))
	if _, err := io.ReadFull(r, got); err != nil {
		return err
	}
	if !slices.Equal(got, word) {
		return fmt.Errorf("got %q", got)
	}
	return nil
}

// bound ends what waits on conn when ctx does or the other end takes too long.
func bound(ctx context.Context, conn *net.UnixConn) (stop func()) {
	_ = conn.SetDeadline(time.Now().Add(answerWait))
	end := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })
	return func() {
		end()
		_ = conn.SetDeadline(time.Time{})
	}
}
