package journal

import (
	"context"
	"errors"
	"net"
	"time"
)

// dial connects within a time. A record has no context of its own: it must be sent also
// when the run was cancelled.
func dial(network, address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeoutCause(context.Background(), timeout, errors.New("no connection within "+timeout.String()))
	defer cancel()
	return (&net.Dialer{}).DialContext(ctx, network, address)
}
