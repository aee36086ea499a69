// Package wire is HTTP/1.1 as bytes: what the router reads from a backend and the plain
// requests that it reads from clients itself (RFC 9112).
//
// It is strict where two parties could understand a message differently: lengths, codings,
// line ends and names are taken in their one plain form or refused. It knows no sockets,
// no routes and no policy; it may import the standard library only.
package wire
