package gitserve

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"sluice/internal/access"
	"sluice/internal/platform"
)

// Session is a client that has a connection of its own on which git speaks its protocol,
// such as a channel of SSH. It has been authenticated.
type Session struct {
	Subject  access.Subject
	Project  string
	Service  string // "git-upload-pack" or "git-receive-pack"
	Protocol string // GIT_PROTOCOL as the client sent it
	// Options are push options that count where the pusher gives none.
	Options map[string]string
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
	// Abort ends the connection, so that reads and writes that wait return.
	Abort func()
}

// refusedStatus is git's own exit status for what it cannot do at all.
const refusedStatus = 128

// ServeSession serves a fetch or a push, with the same checks and limits as over HTTP, and
// returns the exit status for the client. ctx ends when the client leaves: a fetch ends
// then, a push goes on. It does not wait for a Read of Stdin.
func (s *Server) ServeSession(ctx context.Context, x Session) int {
	status := refusedStatus
	run := func(ctx context.Context, e exchange) { status = s.converse(ctx, x, e) }
	if err := s.session(ctx, x, run); err != nil {
		text, hint := s.shown(ctx, err, x.Project)
		_, _ = io.WriteString(x.Stderr, prefixLines("E: ", text)) // the client may have left
		if hint != "" {
			_, _ = io.WriteString(x.Stderr, prefixLines("   ", hint))
		}
	}
	return status
}

// session admits a client and runs what it wants.
func (s *Server) session(ctx context.Context, x Session, run func(context.Context, exchange)) error {
	permission := access.CodeRead
	switch x.Service {
	case uploadPack:
	case receivePack:
		permission = access.CodePushSomewhere
	default:
		return platform.Errorf(platform.CodeInvalid, "%q is not a service of git", x.Service)
	}
	t, err := s.authorize(ctx, x.Subject, permission, x.Project)
	if err != nil {
		return err
	}
	if x.Service == receivePack {
		return s.receive(ctx, t, x.Protocol, x.Options, run)
	}
	return s.send(ctx, t, x.Protocol, run)
}

// converse runs git between the two ends of a session and returns its exit status.
func (s *Server) converse(ctx context.Context, x Session, e exchange) int {
	cmd := s.git.Command(ctx, e.settings, e.env, strings.TrimPrefix(e.service, "git-"), e.dir)
	stdin, err := cmd.StdinPipe()
	if err == nil {
		idle := newWatchdog(x.Abort)
		defer idle.stop()
		cmd.SetStdout(&sessionOut{w: x.Stdout, idle: idle, gone: e.gone})
		if err = cmd.Start(); err == nil {
			go feedSession(stdin, x.Stdin, idle, e.limit) // ends with the connection
			err = cmd.Wait()
		}
	}
	if err != nil {
		s.Log.WarnContext(ctx, "git service failed", "service", e.service, "repository", e.dir, "error", fmt.Errorf("git: %w: %s", err, cmd.Stderr()))
		return refusedStatus
	}
	return 0
}

// feedSession copies what a client sends to git, within the limits of its size and time.
func feedSession(git io.WriteCloser, client io.Reader, idle *watchdog, limit int64) {
	end := time.Now().Add(totalLimit)
	_, _ = io.Copy(git, io.LimitReader(readerFunc(func(p []byte) (int, error) {
		n, err := client.Read(p)
		if !time.Now().Before(end) {
			return 0, errTooSlow
		}
		idle.touch()
		return n, err
	}), limit)) // git reports an input that ends early
	_ = git.Close()
}

// watchdog calls a function when nothing has happened for idleLimit.
type watchdog struct {
	mu    sync.Mutex
	timer *time.Timer // nil after stop
}

func newWatchdog(bark func()) *watchdog { return &watchdog{timer: time.AfterFunc(idleLimit, bark)} }

func (d *watchdog) touch() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Reset(idleLimit)
	}
}

// stop ends it for good, though a Read of the session's input may still return.
func (d *watchdog) stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}

// sessionOut sends what git says. When the client is gone it swallows the rest, so that
// git never waits for it nor dies of it.
type sessionOut struct {
	w    io.Writer
	idle *watchdog
	gone func(error) // called once
	dead bool
}

// Write implements io.Writer and never fails. Git says something every few seconds while a
// hook runs, so a session is idle only when its client is.
func (o *sessionOut) Write(p []byte) (int, error) {
	if o.dead {
		return len(p), nil
	}
	o.idle.touch()
	if _, err := o.w.Write(p); err != nil {
		o.dead = true
		o.idle.stop()
		o.gone(fmt.Errorf("%w: %w", errClientLeft, err))
		return len(p), nil
	}
	o.idle.touch()
	return len(p), nil
}
