//go:build !linux

package socket

import "net"

// Wrap returns c: on this system there are no connections of the package's own.
func Wrap(c net.Conn) net.Conn { return c }

// Unwrap returns c.
func Unwrap(c net.Conn) net.Conn { return c }
