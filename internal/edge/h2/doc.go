// Package h2 serves the requests of one HTTP/2 connection.
//
// net/http's server hands every frame that it reads to another goroutine and every frame
// that it writes to a third, starts a new goroutine for each request, and makes a record
// of TLS of nearly every frame. Here the goroutine that reads a frame acts on it, requests
// are answered by goroutines that are used again, and what many requests have to say goes
// out in one write. Frames are read and header blocks are coded by golang.org/x/net/http2.
//
// A Conn follows RFC 9113 without server push, priorities and extended CONNECT. What a
// client can make it keep is bounded: the windows of bodies, the requests at once, those
// that were given up and still run, and replies that the client does not read. Time is
// told it by Check.
//
// The package may import wire, golang.org/x/net and the standard library.
package h2
