// Package relay sends requests to applications and their responses back.
//
// It speaks HTTP/1.1 to backends itself: what net/http's client does for every request in
// other goroutines is most of what a proxy costs (docs/adr/0026). A Pool is the backends of
// one release and the connections to them; a Relay makes one exchange of a request and a
// response on one of these connections, and another one when no connection could be made.
//
// It decides nothing about requests: where they go, what their header says and what
// happens when there is no response is a Job's to say.
//
// It may import wire, front (to hear that a client has left) and platform.
package relay
