package sshserve

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"sluice/internal/access"
	"sluice/internal/platform"
)

// client is a connection that has logged in.
type client struct {
	*Server
	login *ssh.ServerConn
	key   ssh.PublicKey

	mu      sync.Mutex
	subject access.Subject
	uses    map[*use]struct{}
	tunnels map[string]bool // host:port, those in the audit log
}

// use is something that a client does for longer than a moment.
type use struct {
	permission access.Permission
	project    string
	env        string // "" for what is about the project
	end        context.CancelCauseFunc
}

func newClient(s *Server, login *ssh.ServerConn, who identity) *client {
	return &client{
		Server: s, login: login, key: who.key, subject: who.subject,
		uses: map[*use]struct{}{}, tunnels: map[string]bool{},
	}
}

// who returns the subject with what it may do at present.
func (c *client) who() access.Subject {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.subject
}

// may reports whether the certificate of the login allows something; a key allows all.
func (c *client) may(extension string) bool {
	if _, ok := c.key.(*ssh.Certificate); !ok {
		return true
	}
	_, ok := c.login.Permissions.Extensions[extension]
	return ok
}

// serve serves the channels of the connection until it ends.
func (c *client) serve(ctx context.Context, channels <-chan ssh.NewChannel) {
	ctx, cancel := context.WithCancelCause(ctx)
	var running sync.WaitGroup
	places := make(chan struct{}, c.Limits.Connection)
	for channel := range channels {
		var serve func(context.Context, ssh.NewChannel)
		switch channel.ChannelType() {
		case "session":
			serve = c.session
		case "direct-tcpip":
			serve = c.tunnel
		default:
			_ = channel.Reject(ssh.UnknownChannelType, "this server has sessions and tunnels to services only")
			continue
		}
		select {
		case places <- struct{}{}:
			running.Go(func() {
				serve(ctx, channel)
				<-places
			})
		default:
			_ = channel.Reject(ssh.ResourceShortage, "too many sessions and tunnels on this connection; close some first")
		}
	}
	cancel(errClientLeft)
	running.Wait()
}

// begin notes that the client uses something, within the limits. The context ends when the
// client may no longer do it. done must be called.
func (c *client) begin(ctx context.Context, u use) (using context.Context, done func(), err error) {
	user, env := "user "+c.who().ID, "environment "+u.project+" "+u.env
	release, full := c.Server.uses.take(map[string]int{user: c.Limits.User, env: c.Limits.Place})
	if release == nil {
		return nil, nil, platform.Errorf(platform.CodeUnavailable, "too many SSH sessions and tunnels of the %s are open; nothing was started", full).
			WithHint("close some of them, then try again")
	}
	ctx, u.end = context.WithCancelCause(ctx)
	c.mu.Lock()
	c.uses[&u] = struct{}{}
	c.mu.Unlock()
	return ctx, func() {
		c.mu.Lock()
		delete(c.uses, &u)
		c.mu.Unlock()
		u.end(nil)
		release()
	}, nil
}

// enter begins a use of the place that the login leads to, when the client may.
func (c *client) enter(ctx context.Context, p access.Permission) (using context.Context, at Place, done func(), err error) {
	if at, err = c.Directory.Find(ctx, c.login.User()); err != nil {
		return nil, at, nil, err
	}
	using, done, err = c.begin(ctx, use{permission: p, project: at.Project, env: at.Environment})
	if err != nil {
		return nil, at, nil, err
	}
	// After begin: a change of rights between the two is seen by one of them.
	if err := c.Gate.Authorize(ctx, c.who(), p, at.Project, at.Environment); err != nil {
		done()
		return nil, at, nil, err
	}
	return using, at, done, nil
}

// recheck ends what the client may no longer do. It returns an error when that could not
// be found out.
func (c *client) recheck(ctx context.Context) error {
	subject, err := c.Accounts.Current(ctx, c.who())
	switch platform.ErrorCode(err) {
	case "":
	case platform.CodeUnauthorized:
		c.Log.InfoContext(ctx, "SSH connection ended: the access was removed", "user", c.who().ID)
		c.expel()
		return nil
	default:
		return fmt.Errorf("look up the key: %w", err)
	}
	c.mu.Lock()
	c.subject = subject
	uses := make([]*use, 0, len(c.uses))
	for u := range c.uses {
		uses = append(uses, u)
	}
	c.mu.Unlock()
	var problems []error
	for _, u := range uses {
		err := c.Gate.Authorize(ctx, subject, u.permission, u.project, u.env)
		switch platform.ErrorCode(err) {
		case "":
		case platform.CodeForbidden, platform.CodeNotFound:
			c.Log.InfoContext(ctx, "SSH session ended: it is no longer allowed", "user", subject.ID, "project", u.project, "environment", u.env)
			u.end(errRevoked)
		default:
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}

// lastWords is how long a client has to read why it is disconnected.
const lastWords = time.Second

// expel ends everything that the client does, and the connection.
func (c *client) expel() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.subject = access.Subject{Actor: c.subject.Actor} // nothing new begins
	wait := time.Duration(0)
	for u := range c.uses {
		u.end(errRevoked)
		wait = lastWords
	}
	time.AfterFunc(wait, func() { _ = c.login.Close() }) // it may have ended
}

// explain returns what a person reads when something could not be done. The first line is
// what the command line clients of this kind of platform look for.
func (c *client) explain(ctx context.Context, err error) string {
	who := c.who()
	text, hint := c.shown(ctx, err)
	hello := fmt.Sprintf("Hello %s (UUID: %s), you successfully authenticated, but could not connect to service %s "+
		"(reason: service doesn't exist or you do not have access to it)\n",
		plain(who.Name), plain(who.ID), strings.ReplaceAll(plain(c.login.User()), " ", ""))
	lines := "E: " + text + "\n"
	switch platform.ErrorCode(err) {
	case platform.CodeNotFound:
		lines = hello // its own text could say more than the client may know
	case platform.CodeForbidden, platform.CodeConflict:
		lines = hello + lines
	default:
	}
	if hint != "" {
		lines += "   " + hint + "\n"
	}
	return lines
}

// shown returns what a client reads of an error.
func (c *client) shown(ctx context.Context, err error) (text, hint string) {
	if platform.ErrorCode(err) != platform.CodeInternal {
		return err.Error(), platform.ErrorHint(err)
	}
	c.Log.ErrorContext(ctx, "SSH request failed", "user", c.who().ID, "login", c.login.User(), "error", err)
	return "internal error", "try again in a minute; if it happens again, ask the operator"
}

// plain keeps a name on one line and within what clients match.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == ',' || r >= 0x7f && r < 0xa0 {
			return -1
		}
		return r
	}, s)
}
