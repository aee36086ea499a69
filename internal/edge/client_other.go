//go:build !linux

package edge

import "net"

// descriptor is for parking, which needs gone.
func descriptor(net.Conn) (fd int, ok bool) { return 0, false }

func gone([]*parked) []*parked { return nil }
