package gitserve

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"sluice/internal/termtext"
)

// callTimeout is how long a hook may take to send its call.
const callTimeout = time.Minute

// HookServer serves the hooks of running pushes.
type HookServer struct {
	socket   string
	dir      string // core.hooksPath
	listener net.Listener
	log      *slog.Logger

	mu       sync.Mutex
	sessions map[string]*session // by token
	conns    sync.WaitGroup
}

// HookConfig says how hooks reach the control plane.
type HookConfig struct {
	// Dir is a directory of the HookServer's own, for the socket and the hook scripts; it
	// is made when there is none.
	Dir string
	// Command is the program that calls RunHook and its first arguments, such as
	// {"/usr/bin/sluiced", "hook"}; the name of the hook is added.
	Command []string
	Log     *slog.Logger
}

// ListenHooks writes the hook scripts and listens on the socket. Call Serve to accept hooks.
func ListenHooks(ctx context.Context, c HookConfig) (*HookServer, error) {
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return nil, err
	}
	h := &HookServer{
		socket: filepath.Join(dir, "hook.sock"), dir: filepath.Join(dir, "hooks"),
		log: c.Log, sessions: map[string]*session{},
	}
	if err := h.writeScripts(c.Command); err != nil {
		return nil, fmt.Errorf("write git hooks: %w", err)
	}
	if err := h.listen(ctx); err != nil {
		return nil, fmt.Errorf("listen for git hooks: %w", err)
	}
	return h, nil
}

func (h *HookServer) writeScripts(command []string) error {
	if err := os.MkdirAll(h.dir, 0o700); err != nil {
		return err
	}
	var words []string
	for _, w := range command {
		words = append(words, "'"+strings.ReplaceAll(w, "'", `'\''`)+"'")
	}
	for _, hook := range []string{preReceive, postReceive} {
		script := "#!/bin/sh\nexec " + strings.Join(words, " ") + " " + hook + "\n"
		path := filepath.Join(h.dir, hook)
		if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, []byte(script)) { //nolint:gosec // the operator chose the directory
			continue // git may be running it
		}
		if err := os.WriteFile(path+".new", []byte(script), 0o700); err != nil { //nolint:gosec // a program
			return err
		}
		if err := os.Rename(path+".new", path); err != nil {
			return err
		}
	}
	return nil
}

// listen opens the socket. The directory's mode keeps others out until the socket has its own.
func (h *HookServer) listen(ctx context.Context) error {
	if err := os.Chmod(filepath.Dir(h.socket), 0o700); err != nil { //nolint:gosec // a directory
		return err
	}
	if err := os.Remove(h.socket); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err // left by a crash
	}
	var err error
	if h.listener, err = (&net.ListenConfig{}).Listen(ctx, "unix", h.socket); err != nil {
		return err
	}
	return os.Chmod(h.socket, 0o600)
}

// Serve accepts hooks until Close.
func (h *HookServer) Serve() error {
	for {
		conn, err := h.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("accept git hook: %w", err)
		}
		h.conns.Go(func() { h.serve(conn) })
	}
}

// Close stops listening and waits for the hooks that are being served. Stop the
// Server first, so that none takes long.
func (h *HookServer) Close() error {
	err := h.listener.Close()
	h.conns.Wait()
	return err
}

func (h *HookServer) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }() // the hook has read the exit frame or is gone
	_ = conn.SetReadDeadline(time.Now().Add(callTimeout))
	c, err := readCall(conn)
	if err != nil {
		h.log.Warn("could not read the call of a git hook", "error", err)
		return
	}
	s := h.join(c.Token)
	if s == nil {
		h.log.Warn("a git hook called without a running push", "hook", c.Hook)
		return // the hook reports that the connection ended
	}
	defer s.calls.Done()
	out := termtext.NewWriter(frameWriter{conn}) // findings quote what was pushed
	status := s.handle(c, out)
	_ = out.Close()
	_ = writeFrame(conn, frameExit, []byte{status}) // the hook may have ended
}

// session is one push that is running. handle serves its hooks.
type session struct {
	handle func(c call, out io.Writer) (status byte)
	calls  sync.WaitGroup
}

// begin lets handle serve the hooks with the returned token until end.
func (h *HookServer) begin(handle func(call, io.Writer) byte) (token string, end func()) {
	token = rand.Text()
	s := &session{handle: handle}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sessions[token] = s
	return token, func() {
		h.mu.Lock()
		delete(h.sessions, token)
		h.mu.Unlock()
		s.calls.Wait()
	}
}

// join returns the session of a token; the caller must call calls.Done.
func (h *HookServer) join(token string) *session {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.sessions[token]
	if s != nil {
		s.calls.Add(1)
	}
	return s
}
