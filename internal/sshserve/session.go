package sshserve

import (
	"context"
	"io"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"

	"sluice/internal/access"
	"sluice/internal/platform"
)

// session is one channel that runs one command.
type session struct {
	*client
	channel ssh.Channel
	env     map[string]string
	term    string // "" without a terminal
	sizes   chan Size
	signals chan ssh.Signal
	started bool
}

// refused is the exit status when there is nothing that could have one: that of ssh itself
// when it cannot connect, by which clients know that an explanation follows.
const refused = 255

// session serves a channel of the type "session".
func (c *client) session(ctx context.Context, channel ssh.NewChannel) {
	ch, requests, err := channel.Accept()
	if err != nil {
		return // the client left
	}
	ctx, cancel := context.WithCancelCause(ctx)
	s := &session{client: c, channel: ch, env: map[string]string{}, sizes: make(chan Size, 1), signals: make(chan ssh.Signal, 8)}
	var running sync.WaitGroup
	for r := range requests {
		start, ok := s.request(r.Type, r.Payload)
		if r.WantReply {
			_ = r.Reply(ok, nil)
		}
		if start != nil {
			running.Go(func() { s.finish(start(ctx)) })
		}
	}
	cancel(errClientLeft)
	running.Wait()
	_ = ch.Close() // of a client that asked for nothing
}

// finish reports the exit status and ends the channel. The status comes before the end of the
// output: a client whose input has ended too closes the channel as soon as it sees that, and
// nothing reaches it afterwards.
func (s *session) finish(code int) {
	_, _ = s.channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{uint32(code)})) //nolint:gosec // a status is a byte
	_ = s.channel.CloseWrite()
	_ = s.channel.Close()
}

// request handles one request of the channel. start is what it begins; it returns the
// exit status.
func (s *session) request(kind string, payload []byte) (start func(context.Context) int, ok bool) {
	switch kind {
	case "env":
		name, value, ok := parseVariable(payload)
		if ok = ok && acceptedVariable(name) && !s.started; ok {
			s.env[name] = value
		}
		return nil, ok
	case "pty-req":
		term, size, ok := parsePty(payload)
		if ok = ok && s.may("permit-pty") && !s.started; ok {
			s.term = term
			s.resize(size)
		}
		return nil, ok
	case "window-change":
		size, ok := parseSize(payload)
		if ok = ok && s.term != ""; ok {
			s.resize(size)
		}
		return nil, ok
	case "signal":
		signal, ok := parseSignal(payload)
		if ok {
			select {
			case s.signals <- signal:
			default: // the command does not look at them
			}
		}
		return nil, ok
	case "shell", "exec", "subsystem":
		return s.startOf(kind, payload)
	default: // agents and X11 among them: containers get no access to the user's machine
		return nil, false
	}
}

// startOf returns what begins the session's command; a session has one.
func (s *session) startOf(kind string, payload []byte) (start func(context.Context) int, ok bool) {
	command := ""
	if kind != "shell" {
		if command, ok = parseCommand(payload); !ok {
			return nil, false
		}
	}
	if s.started || kind == "subsystem" && command != "sftp" {
		return nil, false
	}
	s.started = true
	switch kind {
	case "subsystem":
		return func(ctx context.Context) int { return s.run(ctx, s.Runner.SFTPServer(), "sftp") }, true
	case "shell":
		// Not a login shell, which would reset PATH.
		return func(ctx context.Context) int { return s.run(ctx, []string{"/bin/bash"}, "shell") }, true
	}
	if service, project, git := parseGit(command); git && (s.login.User() == project || s.login.User() == "git") {
		return func(ctx context.Context) int { return s.git(ctx, service, project) }, true
	}
	return func(ctx context.Context) int {
		return s.run(ctx, []string{"/bin/bash", "-c", command}, programOf(command))
	}, true
}

// resize keeps the latest size only. It is called by one goroutine.
func (s *session) resize(size Size) {
	select {
	case <-s.sizes:
	default:
	}
	s.sizes <- size
}

// programOf is what the audit log says of a command: its first word, unless that sets a
// variable. Anything else may hold passwords.
func programOf(command string) string {
	for word := range strings.FieldsSeq(command) {
		if strings.Contains(word, "=") {
			break
		}
		return strings.TrimRight(word[:min(len(word), 100)], ";&|")
	}
	return "command"
}

// run runs a command where the login leads and returns its exit status.
func (s *session) run(ctx context.Context, argv []string, detail string) int {
	using, at, done, err := s.enter(ctx, access.Exec)
	if err != nil {
		return s.refuse(ctx, err)
	}
	defer done()
	if err := s.Gate.Record(using, s.who(), access.Exec, at.Project, at.Environment, detail); err != nil {
		return s.refuse(ctx, err)
	}
	delete(s.env, gitProtocol)
	delete(s.env, noWait)
	c := Command{
		Place: at, Argv: argv, Env: s.env, Signals: s.signals,
		Stdin: s.channel, Stdout: s.channel, Stderr: s.channel.Stderr(),
	}
	if s.term != "" {
		c.TTY, c.Sizes, c.Env["TERM"] = true, s.sizes, s.term
		if len(argv) == 1 {
			_, _ = io.WriteString(s.channel, "Project "+at.Project+", environment "+at.Environment+
				". Files can be written in mounts and in /tmp only.\r\n")
		}
	}
	code, err := s.Runner.Run(using, c)
	switch {
	case err == nil:
		return code
	case using.Err() != nil:
		s.say("E: " + context.Cause(using).Error() + "\n")
		return refused
	default:
		return s.refuse(ctx, err)
	}
}

// refuse explains an error to the client.
func (s *session) refuse(ctx context.Context, err error) int {
	s.say(s.explain(ctx, err))
	return refused
}

// say shows text to the client; it may have left.
func (s *session) say(text string) {
	if s.term != "" {
		text = strings.ReplaceAll(text, "\n", "\r\n") // its terminal is raw
	}
	_, _ = io.WriteString(s.channel.Stderr(), text)
}

// git serves a fetch or a push.
func (s *session) git(ctx context.Context, service, project string) int {
	permission := access.CodeRead
	if service == "git-receive-pack" {
		permission = access.CodePushSomewhere
	}
	if !platform.ValidProjectID(project) {
		return s.refuse(ctx, platform.Errorf(platform.CodeNotFound, "repository not found"))
	}
	using, done, err := s.begin(ctx, use{permission: permission, project: project})
	if err != nil {
		return s.refuse(ctx, err)
	}
	defer done()
	var options map[string]string
	if wait := s.env[noWait]; wait != "" && wait != "0" {
		options = map[string]string{platform.OptionWait: "false"}
	}
	return s.Git.Serve(using, GitSession{
		Subject: s.who(), Project: project, Service: service, Protocol: s.env[gitProtocol], Options: options,
		Stdin: s.channel, Stdout: s.channel, Stderr: s.channel.Stderr(),
		Abort: func() { _ = s.login.Close() },
	})
}
