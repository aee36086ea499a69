package sshserve

import (
	"context"
	"io"
	"net"

	"golang.org/x/crypto/ssh"

	"sluice/internal/access"
)

// Accounts says whose a key is.
type Accounts interface {
	// Subject returns whom a public key or a certificate (*ssh.Certificate) belongs to. It
	// returns CodeUnauthorized for one that gives no access now.
	Subject(ctx context.Context, key ssh.PublicKey) (access.Subject, error)
	// Current returns what someone who has logged in may do now. It returns CodeUnauthorized
	// when the key or its owner was removed; a certificate that has expired since the login
	// still counts.
	Current(ctx context.Context, by access.Subject) (access.Subject, error)
	// Watch returns a channel that receives something after each change of keys, users or
	// roles. Several changes may be one. The channel is closed when ctx ends.
	Watch(ctx context.Context) <-chan struct{}
}

// Gate says who may do what.
type Gate interface {
	// Authorize returns CodeNotFound when the subject may not see the project, and
	// CodeForbidden when it lacks the permission.
	Authorize(ctx context.Context, by access.Subject, p access.Permission, project, env string) error
	// Record writes to the audit log that someone does something now. After an error it
	// must not be done.
	Record(ctx context.Context, by access.Subject, p access.Permission, project, env, detail string) error
}

// Place is a container of an environment.
type Place struct {
	Project     string
	Environment string // the branch
	Container   string // "" is the only application
}

// Directory finds out where a login leads.
type Directory interface {
	// Find returns the place that a user name stands for. It returns CodeNotFound when there
	// is no such environment; whether its container runs is not looked at.
	Find(ctx context.Context, user string) (Place, error)
}

// Runner runs commands.
type Runner interface {
	// Run runs a command in a place and returns its exit status. When ctx ends, the command
	// is ended. It does not wait for Stdin.
	Run(ctx context.Context, c Command) (int, error)
	// SFTPServer is the command that serves SFTP in containers, on its input and output.
	SFTPServer() []string
}

// Command is one that runs in a container.
type Command struct {
	Place
	Argv    []string
	Env     map[string]string // beside the container's own
	TTY     bool              // all output goes to Stdout
	Sizes   <-chan Size       // of the terminal; nil without one. It need not be read
	Signals <-chan ssh.Signal // for the command; it need not be read
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
}

// Size is that of a terminal, in characters.
type Size struct{ Columns, Rows uint32 }

// Dialer connects to services.
type Dialer interface {
	// Dial connects to what a relationship of the place's application names. It returns
	// CodeForbidden for any other host and port.
	Dial(ctx context.Context, at Place, host string, port uint32) (net.Conn, error)
}

// Git serves repositories.
type Git interface {
	// Serve speaks git's protocol with a client until it is done, and returns the exit
	// status. It decides itself what the subject may do. ctx ends when the client leaves.
	Serve(ctx context.Context, s GitSession) int
}

// GitSession is one connection of git. Its fields are those of the server of repositories, so
// that one can be converted into the other.
type GitSession struct {
	Subject  access.Subject
	Project  string
	Service  string            // "git-upload-pack" or "git-receive-pack"
	Protocol string            // GIT_PROTOCOL, unchecked
	Options  map[string]string // push options that count where the pusher gives none
	Stdin    io.Reader
	Stdout   io.Writer
	Stderr   io.Writer
	Abort    func() // ends the connection, so that reads and writes that wait return
}
