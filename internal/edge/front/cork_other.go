//go:build !linux

package front

import "net"

// cork does nothing: this system sends packets as they are written.
func cork(net.Conn, bool) {}
