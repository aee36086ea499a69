// Package handover passes the listening sockets and the state of a router to the process
// that takes its place, so that no connection is refused in between.
//
// The successor asks on the control socket. The predecessor answers with its sockets and
// its state, and goes on serving; it stops accepting only when the successor says that it
// serves. A successor that fails before that costs nothing.
//
// It knows nothing of routers and may import nothing of this module.
package handover
