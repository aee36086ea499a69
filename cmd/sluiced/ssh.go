package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"net"
	"strconv"

	"golang.org/x/crypto/ssh"

	"sluice/internal/contract"
	"sluice/internal/deploy"
	"sluice/internal/engine"
	"sluice/internal/gitserve"
	"sluice/internal/httpapi"
	"sluice/internal/platform"
	"sluice/internal/sshserve"
)

// sshConfig is what can be set about the SSH gateway.
type sshConfig struct {
	Listen       string
	Host         string // name under which users reach Listen
	GitHost      string // the same for repositories
	User         int
	Environments int
}

func (c *sshConfig) flags(fs *flag.FlagSet) {
	fs.StringVar(&c.Listen, "ssh-listen", "", "address of the SSH gateway, such as :22; empty: none")
	fs.StringVar(&c.Host, "ssh-host", "", "host name, with :PORT unless that is 22, under which users reach --ssh-listen (default ssh.<base-domain>)")
	fs.StringVar(&c.GitHost, "git-host", "", "the same for Git over SSH (default git.<base-domain>)")
	fs.IntVar(&c.User, "ssh-user-sessions", 400, "SSH sessions and connections through tunnels that one user may have at once")
	fs.IntVar(&c.Environments, "ssh-environment-sessions", 800, "the same for one environment")
}

func (c *sshConfig) complete(domain string) error {
	if c.Listen == "" {
		return nil
	}
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		return fmt.Errorf("%w: --ssh-listen: %w", errUsage, err)
	}
	if c.User < 1 || c.Environments < 1 {
		return fmt.Errorf("%w: --ssh-user-sessions and --ssh-environment-sessions are at least 1", errUsage)
	}
	c.Host = cmp.Or(c.Host, "ssh."+domain)
	c.GitHost = cmp.Or(c.GitHost, "git."+domain)
	return nil
}

// gateway is the SSH server with its listener; nil when there is none.
type gateway struct {
	*sshserve.Server
	listener net.Listener
	hostKey  ssh.PublicKey
}

// openGateway opens the port of the SSH gateway, when it has one.
func (p *plant) openGateway(ctx context.Context, git *gitserve.Server) (*gateway, error) {
	c := p.config.SSH
	if c.Listen == "" {
		return nil, nil //nolint:nilnil // a gateway that does nothing
	}
	key, err := sshserve.LoadKey(p.config.path("keys", "ssh_host_ed25519_key"), c.Host)
	if err != nil {
		return nil, err
	}
	listener, err := listenOn(ctx, c.Listen, "--ssh-listen")
	if err != nil {
		return nil, err
	}
	server := sshserve.New(sshserve.Config{
		Accounts: p.accounts, Gate: p.rules, Directory: sshDirectory{p.pipeline}, Runner: sshRunner{p.pipeline},
		Dialer: sshDialer{p.pipeline}, Git: sshGit{git}, HostKeys: []ssh.Signer{key}, Log: p.log,
		Limits: sshserve.Limits{User: c.User, Place: c.Environments},
	})
	return &gateway{Server: server, listener: listener, hostKey: key.PublicKey()}, nil
}

// serve serves SSH until ctx ends.
func (g *gateway) serve(ctx context.Context) error {
	if g == nil {
		return nil
	}
	return g.Serve(ctx, g.listener)
}

// reached says how users reach the gateway.
func (g *gateway) reached(c sshConfig) httpapi.SSH {
	if g == nil {
		return httpapi.SSH{}
	}
	return httpapi.SSH{Host: c.Host, GitHost: c.GitHost, HostKey: string(ssh.MarshalAuthorizedKey(g.hostKey))}
}

// sshDirectory finds containers by the user names of logins.
type sshDirectory struct{ *deploy.Service }

func (d sshDirectory) Find(ctx context.Context, user string) (sshserve.Place, error) {
	env, container, err := d.Locate(ctx, user)
	return sshserve.Place{Project: env.Project, Environment: env.Name, Container: container}, err
}

// sshRunner runs commands for the gateway.
type sshRunner struct{ *deploy.Service }

// SFTPServer is the toolkit, which every application's container has.
func (sshRunner) SFTPServer() []string { return []string{contract.ToolkitPath, contract.SFTPCommand} }

func (r sshRunner) Run(ctx context.Context, c sshserve.Command) (int, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	command := deploy.Command{
		Project: c.Project, Environment: c.Environment, Container: c.Container, Argv: c.Argv, Env: c.Env, TTY: c.TTY,
		Signals: each(ctx, c.Signals, func(s ssh.Signal) string { return string(s) }),
		Stdin:   c.Stdin, Stdout: c.Stdout, Stderr: c.Stderr,
	}
	if c.TTY {
		command.Sizes = each(ctx, c.Sizes, func(s sshserve.Size) engine.TerminalSize {
			return engine.TerminalSize{Columns: uint(s.Columns), Rows: uint(s.Rows)}
		})
	}
	return r.Exec(ctx, command)
}

// each passes on what a channel receives, as something else, until ctx ends.
func each[A, B any](ctx context.Context, in <-chan A, as func(A) B) <-chan B {
	out := make(chan B)
	go func() {
		for {
			select {
			case a := <-in:
				select {
				case out <- as(a):
				case <-ctx.Done():
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

// sshDialer connects to services.
type sshDialer struct{ *deploy.Service }

func (d sshDialer) Dial(ctx context.Context, at sshserve.Place, host string, port uint32) (net.Conn, error) {
	address, err := d.Reach(ctx, at.Project, at.Environment, at.Container, host, int(port))
	if err != nil {
		return nil, err
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, platform.Errorf(platform.CodeUnavailable, "could not connect to %s: %v", net.JoinHostPort(host, strconv.Itoa(int(port))), err).
			WithHint("the service may be starting; try again in a minute")
	}
	return conn, nil
}

// sshGit serves repositories to the gateway's clients.
type sshGit struct{ *gitserve.Server }

func (g sshGit) Serve(ctx context.Context, s sshserve.GitSession) int {
	return g.ServeSession(ctx, gitserve.Session(s))
}
