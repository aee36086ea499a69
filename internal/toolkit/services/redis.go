package services

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// replyTimeout bounds one command to Redis.
const replyTimeout = 10 * time.Second

// maxReply bounds the text that is read of one reply, in bytes.
const maxReply = 1 << 20

// RedisConn speaks to a server of Redis or Valkey. It is not safe for concurrent use.
type RedisConn struct {
	conn net.Conn
	in   *bufio.Reader
}

// DialRedis connects and logs in when a password is given. The password is in no error.
func DialRedis(ctx context.Context, address, password string) (*RedisConn, error) {
	d := net.Dialer{Timeout: replyTimeout}
	network := "tcp"
	if strings.HasPrefix(address, "/") {
		network = "unix"
	}
	conn, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, fmt.Errorf("connect to Redis: %w", err)
	}
	r := &RedisConn{conn, bufio.NewReader(conn)}
	if password == "" {
		return r, nil
	}
	if _, err := r.Do(ctx, "AUTH", password); err != nil {
		return nil, errors.Join(fmt.Errorf("log in to Redis at %s: %w", address, err), conn.Close())
	}
	return r, nil
}

// Close ends the connection.
func (r *RedisConn) Close() error { return r.conn.Close() }

// Do sends a command and returns its reply as text. A reply that is an error of the server
// is returned as an error.
func (r *RedisConn) Do(ctx context.Context, args ...string) (string, error) {
	deadline := time.Now().Add(replyTimeout)
	if d, ok := ctx.Deadline(); ok && d.Before(deadline) {
		deadline = d
	}
	if err := r.conn.SetDeadline(deadline); err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, arg := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(arg), arg)
	}
	if _, err := io.WriteString(r.conn, b.String()); err != nil {
		return "", err
	}
	return r.reply()
}

func (r *RedisConn) reply() (string, error) {
	line, err := r.in.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("no reply: %w", err)
	}
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return "", errors.New("the reply is not in Redis's protocol")
	}
	switch rest := line[1:]; line[0] {
	case '+', ':':
		return rest, nil
	case '-':
		return "", errors.New(rest)
	case '$':
		return r.bulk(rest)
	}
	return "", errors.New("the reply is not in Redis's protocol")
}

func (r *RedisConn) bulk(length string) (string, error) {
	n, err := strconv.Atoi(length)
	switch {
	case err != nil || n > maxReply:
		return "", errors.New("the reply is too long")
	case n < 0:
		return "", nil
	}
	text := make([]byte, n+2)
	if _, err := io.ReadFull(r.in, text); err != nil {
		return "", fmt.Errorf("the reply is cut off: %w", err)
	}
	return string(text[:n]), nil
}

// RedisVersion returns the version of a server, "7.0": a Valkey says its own version beside
// that of the Redis it is compatible with.
func RedisVersion(ctx context.Context, r *RedisConn) (string, error) {
	info, err := r.Do(ctx, "INFO", "server")
	if err != nil {
		return "", err
	}
	version := ""
	for line := range strings.Lines(info) {
		key, text, _ := strings.Cut(strings.TrimSpace(line), ":")
		if key == "valkey_version" || key == "redis_version" && version == "" {
			version = majorMinor(text)
		}
	}
	if version == "" {
		return "", errors.New("the server does not report its version")
	}
	return version, nil
}

func majorMinor(version string) string {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return version
	}
	return parts[0] + "." + parts[1]
}
