package buildkit

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/moby/buildkit/client"
)

// engineOptions make the client talk to the BuildKit inside a Docker engine: the control
// API is HTTP/2 behind an upgrade of /grpc, and a session is one behind /session. This is
// how Docker's own build client reaches it.
func engineOptions(socket string) []client.ClientOpt {
	return []client.ClientOpt{
		client.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return upgrade(ctx, socket, "/grpc", "h2c", nil)
		}),
		client.WithSessionDialer(func(ctx context.Context, proto string, meta map[string][]string) (net.Conn, error) {
			return upgrade(ctx, socket, "/session", proto, meta)
		}),
	}
}

// upgrade asks the engine to speak another protocol on a new connection and returns the
// connection. The caller closes it.
func upgrade(ctx context.Context, socket, path, proto string, header http.Header) (_ net.Conn, err error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, conn.Close())
		}
	}()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()

	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://engine"+path, http.NoBody)
	if err != nil {
		return nil, err
	}
	for name, values := range header {
		req.Header[http.CanonicalHeaderKey(name)] = values
	}
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", proto)
	if err := req.Write(conn); err != nil {
		return nil, fmt.Errorf("ask for %s: %w", path, err)
	}
	br := bufio.NewReader(conn)
	resp, err := http.ReadResponse(br, req)
	if err != nil {
		return nil, fmt.Errorf("ask for %s: %w", path, err)
	}
	defer func() { _ = resp.Body.Close() }() // has no body; the connection stays
	if resp.StatusCode != http.StatusSwitchingProtocols {
		return nil, fmt.Errorf("ask for %s: the engine answered %s", path, resp.Status)
	}
	return &upgradedConn{Conn: conn, r: br}, nil
}

// upgradedConn reads first what arrived together with the answer to the upgrade.
type upgradedConn struct {
	net.Conn

	r *bufio.Reader
}

func (c *upgradedConn) Read(p []byte) (int, error) { return c.r.Read(p) }
