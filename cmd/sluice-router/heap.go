package main

import "runtime"

// heapFloor is memory that is never touched, so that the system gives none. The collector
// counts it, and begins when as much garbage has come together instead of with every 4 MB:
// a router that keeps little would else collect many times a second.
const heapFloor = 16 << 20

// withHeapFloor runs f with it. GOGC and GOMEMLIMIT work as ever.
func withHeapFloor(f func() error) error {
	floor := make([]byte, heapFloor)
	defer runtime.KeepAlive(floor)
	return f()
}
