// Package certs knows which certificate the router shows for a name:
//
//	own    somebody uploaded one that is valid for it; the most specific one counts
//	acme   one from an ACME authority, ordered when the name gets a route or is first asked for
//	local  one from the authority in the data directory, which only machines trust that were
//	       told to: for development, and for as long as there is no other
//
// Whatever fails, there is a certificate: a handshake never ends because an authority said
// no, and the status says what it said. An order is placed for hosts of the route table
// only, a few at a time, and later and later while it fails.
//
// It may import platform and the ACME library; how connections are made is the business of
// tlsedge, what is served that of edge.
package certs
