// Package front is an HTTP server for plain requests in front of net/http's, which gets
// everything else.
//
// net/http watches the connection from another goroutine during every request and keeps
// two buffers and deep stacks for each connection, which is most of what a fast answer or
// a request that waits costs. This server reads requests of the plainest form itself
// (wire.ParseRequest: HTTP/1.1, one host, a body of a stated length or none, no upgrade)
// and answers them through the same http.Handler. Package h2 does so for HTTP/2. A
// connection that brings anything else, be it an upgrade, a chunked body or garbage, is
// handed over to net/http with all that was read of it, and stays there.
//
// What differs for a handler: whether the client has left is looked at once a second; a
// request's context ends with its connection; a connection can be hijacked only before
// anything was answered.
//
// The package may import wire, h2, golang.org/x/sys and the standard library.
package front
