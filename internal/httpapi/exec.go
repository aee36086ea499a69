package httpapi

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"sluice/apiv1"
	"sluice/internal/access"
	"sluice/internal/platform"
)

const (
	maxArguments = 4096
	lingerFor    = 5 * time.Second // how long a client may take to read the exit status
	inputFrames  = 16              // of at most apiv1.MaxFrame bytes, kept for a command that reads slowly
)

var (
	errClientLeft   = errors.New("the client left")
	errCommandEnded = errors.New("the command has ended")
)

// exec runs a command over the request's own connection; the protocol is in apiv1's
// package documentation.
func (a *api) exec(w http.ResponseWriter, r *http.Request, s scope) error {
	var cmd apiv1.ExecCommand
	if err := readJSON(r, &cmd); err != nil {
		return err
	}
	if err := validCommand(r, cmd); err != nil {
		return err
	}
	return a.runIn(w, r, s, programOf(cmd.Argv), cmd.TTY, cmd.Size, func(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) (int, error) {
		return a.Runner.Run(ctx, s.project.ID, s.env, cmd.App, commandLine(cmd.Argv), cmd.TTY, stdin, stdout, stderr)
	})
}

// runIn runs a command in an environment that allows it, over the request's own connection. The
// audit log has what it is.
func (a *api) runIn(
	w http.ResponseWriter, r *http.Request, s scope, what string, tty bool, size *apiv1.Size,
	run func(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) (int, error),
) error {
	env, err := a.environment(r.Context(), s)
	if err != nil {
		return err
	}
	if err := access.State(access.Exec, s.project, env); err != nil {
		return err
	}
	if err := a.Gate.Record(r.Context(), s.subject, access.Exec, s.project.ID, env.Name, what); err != nil {
		return err
	}
	return hijack(w, func(session *execSession) { //nolint:contextcheck // it has the request's
		stdin := session.stdin(tty, size)
		session.run(r.Context(), func(ctx context.Context) (int, error) {
			return run(ctx, stdin, session.out(apiv1.FrameStdout), session.out(apiv1.FrameStderr))
		}, a.wireError)
	})
}

// hijack takes over the connection of a request for serve, unless the client has left.
func hijack(w http.ResponseWriter, serve func(*execSession)) error {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return fmt.Errorf("take over the connection: %w", err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Time{}) // the server's limits are for requests
	const head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: " + apiv1.ExecProtocol + "\r\n\r\n"
	if _, err := io.WriteString(conn, head); err == nil {
		serve(newExecSession(conn, buffered.Reader))
	}
	return nil
}

func validCommand(r *http.Request, cmd apiv1.ExecCommand) error {
	if err := validUpgrade(r); err != nil {
		return err
	}
	if len(cmd.Argv) > maxArguments {
		return invalid("argv", "a command has at most %d arguments", maxArguments)
	}
	for _, arg := range cmd.Argv {
		if strings.ContainsRune(arg, 0) {
			return invalid("argv", "an argument cannot contain a NUL character")
		}
	}
	return nil
}

func validUpgrade(r *http.Request) error {
	if r.ProtoMajor != 1 || !strings.EqualFold(r.Header.Get("Upgrade"), apiv1.ExecProtocol) {
		return platform.Errorf(platform.CodeInvalid, "this needs an HTTP/1.1 request with the header Upgrade: %s", apiv1.ExecProtocol)
	}
	return nil
}

// programOf is what the audit log says of a command: its first word. The others may hold
// passwords.
func programOf(argv []string) string {
	if len(argv) == 0 {
		return "shell"
	}
	if words := strings.Fields(argv[0]); len(words) > 0 {
		return words[0]
	}
	return ""
}

// commandLine returns what to run: without arguments a shell (not a login shell, which
// would reset PATH), a line for the shell for one argument, as ssh does, and exactly what
// is given for several.
func commandLine(argv []string) []string {
	switch len(argv) {
	case 0:
		return []string{"/bin/bash"}
	case 1:
		return []string{"/bin/bash", "-c", argv[0]}
	default:
		return argv
	}
}

// execSession is one connection that carries frames.
type execSession struct {
	conn  net.Conn
	in    *bufio.Reader
	write sync.Mutex // frames are written whole
	sizes chan apiv1.Size
	input chan []byte // closed at the end of the input
	pipe  *io.PipeReader
	feed  *io.PipeWriter
}

func newExecSession(conn net.Conn, in *bufio.Reader) *execSession {
	s := &execSession{conn: conn, in: in, sizes: make(chan apiv1.Size, 1), input: make(chan []byte, inputFrames)}
	s.pipe, s.feed = io.Pipe()
	return s
}

// Write sends whole frames.
func (s *execSession) Write(p []byte) (int, error) {
	s.write.Lock()
	defer s.write.Unlock()
	return s.conn.Write(p) //nolint:wrapcheck // only adds the lock
}

func (s *execSession) out(t apiv1.FrameType) io.Writer { return apiv1.FrameWriter{W: s, Type: t} }

// stdin returns the command's input; it is called before run.
func (s *execSession) stdin(tty bool, size *apiv1.Size) io.Reader {
	if !tty {
		return s.pipe
	}
	if size != nil {
		s.resize(*size)
	}
	return &Terminal{Reader: s.pipe, Sizes: s.sizes}
}

// resize keeps the latest size only. It is called by one goroutine at a time.
func (s *execSession) resize(size apiv1.Size) {
	select {
	case <-s.sizes:
	default:
	}
	s.sizes <- size
}

// run runs a command until it ends or the client leaves, and says how it ended.
func (s *execSession) run(
	ctx context.Context,
	command func(context.Context) (int, error),
	wire func(context.Context, error) *apiv1.Error,
) {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	var pumps sync.WaitGroup
	pumps.Go(func() { cancel(s.receive(ctx)) })
	pumps.Go(s.feedInput)

	code, err := command(ctx)
	if err != nil && context.Cause(ctx) == nil {
		s.sendError(wire(ctx, err))
	} else {
		_ = apiv1.WriteFrame(s, apiv1.FrameExit, apiv1.EncodeExit(code))
	}
	s.linger()
	cancel(errCommandEnded)
	_ = s.pipe.CloseWithError(errCommandEnded)
	pumps.Wait()
}

func (s *execSession) sendError(e *apiv1.Error) {
	e.Title = http.StatusText(e.Code)
	e.Status = e.Title
	data, err := json.Marshal(e)
	if err != nil {
		return // of strings and numbers only
	}
	_ = apiv1.WriteFrame(s, apiv1.FrameError, data)
}

// linger lets the client read the last frame: closing at once, with input unread, would
// reset the connection under it.
func (s *execSession) linger() {
	if half, ok := s.conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	_ = s.conn.SetReadDeadline(time.Now().Add(lingerFor))
}

// receive handles the client's frames until the connection ends. The input of a command
// that has ended is thrown away.
func (s *execSession) receive(ctx context.Context) error {
	open := true
	defer func() {
		if open {
			close(s.input)
		}
	}()
	for {
		t, payload, err := apiv1.ReadFrame(s.in)
		if err != nil {
			return errClientLeft
		}
		switch {
		case t == apiv1.FrameResize:
			if size, err := apiv1.DecodeSize(payload); err == nil {
				s.resize(size)
			}
		case t == apiv1.FrameStdin && open && len(payload) == 0:
			open = false
			close(s.input)
		case t == apiv1.FrameStdin && open:
			select {
			case s.input <- payload:
			case <-ctx.Done():
			}
		}
	}
}

// feedInput hands the input to the command at the command's own pace.
func (s *execSession) feedInput() {
	for chunk := range s.input {
		// An error means that the command has ended: the rest is drained.
		_, _ = s.feed.Write(chunk)
	}
	_ = s.feed.Close()
}
