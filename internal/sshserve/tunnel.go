package sshserve

import (
	"context"
	"io"
	"net"
	"strconv"
	"sync"

	"golang.org/x/crypto/ssh"

	"sluice/internal/access"
	"sluice/internal/platform"
)

// tunnel serves a channel of the type "direct-tcpip": a connection to a service that a
// relationship names.
func (c *client) tunnel(ctx context.Context, channel ssh.NewChannel) {
	using, service, done, err := c.openTunnel(ctx, channel.ExtraData())
	if err != nil {
		reason := ssh.Prohibited
		if platform.ErrorCode(err) == platform.CodeUnavailable {
			reason = ssh.ConnectionFailed
		}
		text, hint := c.shown(ctx, err)
		if hint != "" {
			text += "; " + hint
		}
		_ = channel.Reject(reason, text)
		return
	}
	defer done()
	defer func() { _ = service.Close() }()
	ch, requests, err := channel.Accept()
	if err != nil {
		return // the client left
	}
	join(using, ch, requests, service)
}

func (c *client) openTunnel(ctx context.Context, payload []byte) (using context.Context, service net.Conn, done func(), err error) {
	host, port, ok := parseForward(payload)
	if !ok {
		return nil, nil, nil, platform.Errorf(platform.CodeInvalid, "malformed request for a tunnel")
	}
	if !c.may("permit-port-forwarding") {
		return nil, nil, nil, platform.Errorf(platform.CodeForbidden, "the certificate does not allow tunnels")
	}
	using, at, done, err := c.enter(ctx, access.RelationshipsView)
	if err != nil {
		return nil, nil, nil, err
	}
	if err := c.recordTunnel(using, at, net.JoinHostPort(host, strconv.FormatUint(uint64(port), 10))); err != nil {
		done()
		return nil, nil, nil, err
	}
	if service, err = c.Dialer.Dial(using, at, host, port); err != nil {
		done()
		return nil, nil, nil, err
	}
	return using, service, done, nil
}

// recordTunnel writes the first connection to a service to the audit log: programs open
// many.
func (c *client) recordTunnel(ctx context.Context, at Place, to string) error {
	c.mu.Lock()
	known := c.tunnels[to]
	if len(c.tunnels) < maxTunnelsNoted {
		c.tunnels[to] = true
	}
	c.mu.Unlock()
	if known {
		return nil
	}
	return c.Gate.Record(ctx, c.who(), access.RelationshipsView, at.Project, at.Environment, "tunnel "+to)
}

const maxTunnelsNoted = 100

// join copies between a channel and a service until both have ended, or one is gone, or
// ctx ends.
func join(ctx context.Context, ch ssh.Channel, requests <-chan *ssh.Request, service net.Conn) {
	end := func() {
		_ = ch.Close()
		_ = service.Close()
	}
	defer context.AfterFunc(ctx, end)()
	var copying sync.WaitGroup
	copying.Go(func() {
		ssh.DiscardRequests(requests)
		_ = service.Close() // the client has closed the channel
	})
	copying.Go(func() {
		_, _ = io.Copy(service, ch)
		if half, ok := service.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
		}
	})
	_, _ = io.Copy(ch, service)
	_ = ch.CloseWrite()
	_ = ch.Close() // a service that says nothing more hears nothing more
	copying.Wait()
}
