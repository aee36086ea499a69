package webhook

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"sluice/internal/platform"
)

// reserved are the networks, beside those that netip tells, that are not the public internet or
// lead to addresses within them.
func reserved() []netip.Prefix {
	var out []netip.Prefix
	for _, p := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "198.18.0.0/15", "240.0.0.0/4",
		"64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/23", "fec0::/10", "::/96",
	} {
		out = append(out, netip.MustParsePrefix(p))
	}
	return out
}

// guard says which addresses may be connected to.
type guard struct {
	allowed  []netip.Prefix // although they are not public
	reserved []netip.Prefix
}

// permits reports whether an address is public, or in a network that the operator allows.
func (g guard) permits(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	in := func(p netip.Prefix) bool { return p.Contains(a) }
	if slices.ContainsFunc(g.allowed, in) {
		return true
	}
	return a.IsGlobalUnicast() && !a.IsPrivate() && !slices.ContainsFunc(g.reserved, in)
}

// control is asked with the address that a connection is about to be made to: whatever a name
// resolved to, and however often it was asked.
func (g guard) control(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("parse the receiver's address: %w", err)
	}
	if !g.permits(at.Addr()) {
		return refusal(at.Addr())
	}
	return nil
}

func refusal(a netip.Addr) error {
	return platform.Errorf(platform.CodeInvalid, "the receiver has the address %s, which is not public", a).WithField("url").
		WithHint("the operator can allow its network: sluiced serve --webhook-networks")
}

// client returns an HTTP client for receivers. It uses no proxy: that would connect to
// addresses which the guard does not see.
func (g guard) client(limit time.Duration) *http.Client {
	dialer := &net.Dialer{Timeout: limit, Control: g.control}
	return &http.Client{
		Timeout:       limit,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:            dialer.DialContext,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    limit,
			ResponseHeaderTimeout:  limit,
			MaxResponseHeaderBytes: 64 << 10,
			DisableKeepAlives:      true, // nothing is kept open between events
			DisableCompression:     true,
		},
	}
}

// reach connects to the receiver as a delivery would, and sends nothing.
func (g guard) reach(ctx context.Context, secure bool, host, port string) error {
	dialer := &net.Dialer{Control: g.control}
	address := net.JoinHostPort(host, port)
	var conn net.Conn
	var err error
	if secure {
		conn, err = (&tls.Dialer{NetDialer: dialer, Config: &tls.Config{MinVersion: tls.VersionTLS12}}).DialContext(ctx, "tcp", address)
	} else {
		conn, err = dialer.DialContext(ctx, "tcp", address)
	}
	if err != nil {
		return err
	}
	return conn.Close()
}
