//go:build !linux

package edge

import "net"

// hungUp cannot look without reading here; a held request with a body then waits for its
// turn even when its client has left.
func hungUp(net.Conn) bool { return false }

// descriptor is for parking, which needs gone.
func descriptor(net.Conn) (fd int, ok bool) { return 0, false }

func gone([]*parked) []*parked { return nil }

// silent cannot be told here.
func silent(uintptr) bool { return true }
