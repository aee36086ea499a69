// Package tlsedge makes the router's TLS connections: per requested name the least version
// and the clients' certificates that its routes ask for, HTTP/2, session tickets. Nothing is
// restarted when routes or certificates change: every handshake asks for both.
//
// It also refuses requests that come over a connection that was made for another name under
// other rules (RFC 9110 section 15.5.20), so that a client cannot reach a host past its rules.
//
// It may import platform and edge; which certificate is shown it is told.
package tlsedge
