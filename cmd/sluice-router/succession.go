package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"sluice/internal/edge/edgectl"
	"sluice/internal/edge/handover"
)

// inheritance is what this process has from the one before. A nil one is empty.
type inheritance struct {
	taken *handover.Taken
	used  map[string]bool
	done  bool
}

// takeOver asks the router that runs for its sockets and its state. None running is no
// error: the flag can stay in a unit file.
func takeOver(ctx context.Context, cfg config, log *slog.Logger) (*inheritance, error) {
	if !cfg.takeOver {
		return nil, nil //nolint:nilnil // nothing inherited is legal and common
	}
	taken, err := edgectl.TakeOver(ctx, cfg.control)
	if errors.Is(err, edgectl.ErrNoRouter) {
		log.InfoContext(ctx, "no running router to take over from", slog.Any("error", err))
		return nil, nil //nolint:nilnil // as above
	}
	if err != nil {
		return nil, err
	}
	return &inheritance{taken: taken, used: map[string]bool{}}, nil
}

func (i *inheritance) state() []byte {
	if i == nil {
		return nil
	}
	return i.taken.State
}

// take returns the named socket, once; nil when there is none.
func (i *inheritance) take(name string) net.Listener {
	if i == nil || i.used[name] {
		return nil
	}
	l := i.taken.Listeners[name]
	i.used[name] = true
	delete(i.taken.Listeners, name)
	return l
}

// confirm tells the process before that this one serves.
func (i *inheritance) confirm() error {
	if i == nil {
		return nil
	}
	i.done = true
	return i.taken.Ready()
}

// abort makes the process before go on, unless this one has confirmed.
func (i *inheritance) abort() {
	if i != nil && !i.done {
		i.taken.Abort()
	}
}

// handOver gives this process's sockets and state to the one at the other end of conn.
// When that serves, this one stops accepting and listens for what its successor passes on.
func (d *daemon) handOver(ctx context.Context, conn *net.UnixConn) {
	defer func() { _ = conn.Close() }()
	if err := d.handOverTo(ctx, conn); err != nil {
		d.log.WarnContext(ctx, "takeover aborted; continuing to serve", slog.Any("error", err))
	}
}

func (d *daemon) handOverTo(ctx context.Context, conn *net.UnixConn) (err error) {
	path := edgectl.PredecessorSocket(d.cfg.control, os.Getpid())
	old, err := edgectl.Listen(ctx, path)
	if err != nil {
		return err
	}
	state, end, err := d.router.HandOver()
	if err != nil {
		return errors.Join(err, old.Close())
	}
	defer func() { end(err == nil) }()
	if err := handover.Give(ctx, conn, handover.Offer{Listeners: d.listeners, State: state}); err != nil {
		return errors.Join(err, old.Close())
	}
	close(d.replaced)
	d.socket.Leave()
	rest := edgectl.NewPredecessorServer(d.router, d.log).HTTPServer()
	go func() { _ = rest.Serve(old) }() // until the process ends
	if err := d.closeListeners(); err != nil {
		d.log.WarnContext(ctx, "closing a handed-over socket failed", slog.Any("error", err))
	}
	d.log.InfoContext(ctx, "another process has taken over", slog.Int("waiting", d.router.Waiting()))
	return nil
}

// Idle connections are kept for a while after a handover, so that their clients' next
// requests are answered and told to connect again: a connection that closes at the very
// moment that a request is sent on it looks like a failure.
const (
	keepIdle  = 5 * time.Second
	checkRest = 50 * time.Millisecond
)

// retire waits until no request waits here any more: holds are released by the successor or
// end by their deadlines. SIGTERM ends it at once.
func (d *daemon) retire(ctx context.Context) {
	path := edgectl.PredecessorSocket(d.cfg.control, os.Getpid())
	defer func() { _ = os.Remove(path) }()
	idle := time.NewTimer(keepIdle)
	defer idle.Stop()
	select {
	case <-idle.C:
	case <-ctx.Done():
		return
	}
	tick := time.NewTicker(checkRest)
	defer tick.Stop()
	for d.router.Waiting() > 0 {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// upgradeOnSignal starts the program again at SIGUSR2, with the same arguments: it takes
// over from this process when it serves, and changes nothing when it fails.
func (d *daemon) upgradeOnSignal(ctx context.Context) {
	program, err := exec.LookPath(os.Args[0])
	if err == nil {
		program, err = filepath.Abs(program) // what is there then, not what this process was made from
	}
	if err != nil {
		d.log.WarnContext(ctx, "cannot upgrade on SIGUSR2: the program was not found", slog.Any("error", err))
		return
	}
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGUSR2)
	go func() {
		defer signal.Stop(asked)
		for {
			select {
			case <-asked:
				d.startSuccessor(ctx, program)
			case <-d.replaced:
				return
			case <-ctx.Done():
				return
			}
		}
	}()
}

func (d *daemon) startSuccessor(ctx context.Context, program string) {
	args := os.Args[1:]
	if !slices.Contains(args, takeOverFlag) {
		args = append(slices.Clone(args), takeOverFlag)
	}
	next := exec.CommandContext(context.WithoutCancel(ctx), program, args...) //nolint:gosec // this program
	next.Stdout, next.Stderr = os.Stdout, os.Stderr
	d.log.InfoContext(ctx, "starting the next process", slog.String("program", program))
	if err := next.Start(); err != nil {
		d.log.WarnContext(ctx, "could not start the next process; continuing to serve", slog.Any("error", err))
		return
	}
	go func() {
		if err := next.Wait(); err != nil && !d.isReplaced() {
			d.log.WarnContext(ctx, "the next process exited; continuing to serve", slog.Any("error", err))
		}
	}()
}

// notifyManager tells systemd that this process is the service now.
func notifyManager() {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return
	}
	if strings.HasPrefix(path, "@") {
		path = "\x00" + path[1:]
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return // a manager that does not listen waits for nothing
	}
	_, _ = conn.Write([]byte("MAINPID=" + strconv.Itoa(os.Getpid()) + "\nREADY=1"))
	_ = conn.Close()
}
