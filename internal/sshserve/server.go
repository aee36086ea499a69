package sshserve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"sluice/internal/access"
	"sluice/internal/platform"
)

// Config is what a Server works with. All but Limits must be set.
type Config struct {
	Accounts  Accounts
	Gate      Gate
	Directory Directory
	Runner    Runner
	Dialer    Dialer
	Git       Git
	HostKeys  []ssh.Signer // at most one of each type
	Limits    Limits
	Log       *slog.Logger
}

// Server serves SSH.
type Server struct {
	Config
	door *door
	uses counts // of users and environments

	mu      sync.Mutex
	clients map[*client]struct{}
}

// New returns a Server.
func New(c Config) *Server {
	c.Limits = c.Limits.withDefaults()
	return &Server{Config: c, door: newDoor(c.Limits), uses: counts{byKey: map[string]int{}}, clients: map[*client]struct{}{}}
}

// The causes of the end of what a client does.
var (
	errClientLeft = errors.New("the client left")
	errStopping   = errors.New("the server is stopping; connect again in a minute")
	errRevoked    = errors.New("your access was removed")
)

// stopTime is how long commands may take to end when the server stops.
const stopTime = 3 * time.Second

// Serve serves the connections of a listener until ctx ends. Then it closes the listener
// and ends everything that clients do.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	context.AfterFunc(ctx, func() { _ = listener.Close() })
	var running sync.WaitGroup
	running.Go(func() { s.watch(ctx) })
	work, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(nil)
	err := s.accept(ctx, listener, func(conn net.Conn) {
		running.Go(func() { s.connection(work, conn) })
	})
	cancel(nil)
	stop(errStopping)
	ended := make(chan struct{})
	go func() { running.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(stopTime):
	}
	return err
}

// accept passes connections to serve until the listener is closed. What goes wrong with
// one connection, or for want of file descriptors, passes.
func (s *Server) accept(ctx context.Context, listener net.Listener, serve func(net.Conn)) error {
	for {
		conn, err := listener.Accept()
		switch {
		case err == nil:
			serve(conn)
		case errors.Is(err, net.ErrClosed):
			if ctx.Err() == nil {
				return fmt.Errorf("accept SSH connections: %w", err)
			}
			return nil
		default:
			s.Log.WarnContext(ctx, "could not accept an SSH connection", "error", err)
			select {
			case <-time.After(100 * time.Millisecond):
			case <-ctx.Done():
			}
		}
	}
}

// connection serves one connection until it ends.
func (s *Server) connection(ctx context.Context, conn net.Conn) {
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Now()) })()
	address := addressOf(conn.RemoteAddr())
	leave, ok := s.door.enter(address)
	if !ok {
		return
	}
	_ = conn.SetDeadline(time.Now().Add(s.Limits.LoginTime))
	login, channels, requests, err := ssh.NewServerConn(conn, s.serverConfig(ctx))
	leave()
	if err != nil {
		if !errors.Is(err, io.EOF) { // a health check says nothing
			s.door.failure(address)
			s.Log.InfoContext(ctx, "SSH login failed", "address", address, "error", err)
		}
		return
	}
	_ = conn.SetDeadline(time.Time{})
	who, ok := login.Permissions.ExtraData[identityKey{}].(identity)
	if !ok {
		return // every login has one
	}
	c := newClient(s, login, who)
	s.add(c)
	defer s.remove(c)
	go ssh.DiscardRequests(requests) // no tcpip-forward; keep-alives get their reply
	c.serve(ctx, channels)
}

// identity is whom a connection has logged in as.
type identity struct {
	subject access.Subject
	key     ssh.PublicKey
}

type identityKey struct{}

// serverConfig is made for each connection, because the library's callback has no context.
func (s *Server) serverConfig(ctx context.Context) *ssh.ServerConfig {
	c := &ssh.ServerConfig{
		ServerVersion:           "SSH-2.0-Sluice",
		MaxAuthTries:            10, // an agent may have many keys
		PublicKeyAuthAlgorithms: ssh.SupportedAlgorithms().PublicKeyAuths,
		PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			return s.logIn(ctx, key)
		},
	}
	for _, key := range s.HostKeys {
		c.AddHostKey(key)
	}
	return c
}

// logIn finds out whose a key is. Where the login leads is looked at when something is
// asked for, so that its refusal can be explained.
func (s *Server) logIn(ctx context.Context, key ssh.PublicKey) (*ssh.Permissions, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.Limits.LoginTime, errors.New("the key could not be looked up in time"))
	defer cancel()
	p := &ssh.Permissions{}
	if cert, ok := key.(*ssh.Certificate); ok {
		for option := range cert.CriticalOptions {
			if option != "source-address" { // which the library checks
				return nil, fmt.Errorf("the certificate has the critical option %q, which is not supported", option)
			}
		}
		p.CriticalOptions, p.Extensions = cert.CriticalOptions, cert.Extensions
	}
	subject, err := s.Accounts.Subject(ctx, key)
	if err != nil {
		if platform.ErrorCode(err) == platform.CodeInternal {
			s.Log.ErrorContext(ctx, "could not look up an SSH key", "error", err)
		}
		return nil, err
	}
	p.ExtraData = map[any]any{identityKey{}: identity{subject, key}}
	return p, nil
}

func (s *Server) add(c *client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clients[c] = struct{}{}
}

func (s *Server) remove(c *client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.clients, c)
}

// How often rights are checked again without a notice: for what no notice tells of, such
// as a project that is gone, and soon after a check that failed.
const (
	checkAgain = time.Minute
	checkSoon  = time.Second
)

// watch ends what clients may no longer do, until ctx ends.
func (s *Server) watch(ctx context.Context) {
	changes := s.Accounts.Watch(ctx)
	timer := time.NewTimer(checkAgain)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case _, open := <-changes:
			if !open {
				changes = nil
				continue
			}
		case <-timer.C:
		}
		if s.recheck(ctx) {
			timer.Reset(checkAgain)
		} else {
			timer.Reset(checkSoon)
		}
	}
}

// recheck looks at all clients again. It reports whether all could be checked.
func (s *Server) recheck(ctx context.Context) bool {
	s.mu.Lock()
	clients := make([]*client, 0, len(s.clients))
	for c := range s.clients {
		clients = append(clients, c)
	}
	s.mu.Unlock()
	checked := true
	for _, c := range clients {
		if err := c.recheck(ctx); err != nil {
			s.Log.ErrorContext(ctx, "could not check the rights of an SSH client", "user", c.who().ID, "error", err)
			checked = false
		}
	}
	return checked
}
