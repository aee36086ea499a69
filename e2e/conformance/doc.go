// Command conformance runs public test suites against sluice-router and compares what fails
// with what is expected to (make conformance).
//
//	h2spec       HTTP/2 (RFC 9113), over TLS
//	cache-tests  HTTP caches (RFC 9111); its checks of kind "required"
//
// The failures that are expected are in expected.json, each with its reason. A failure that
// is not in it, and an entry that no longer fails, end the program with status 1.
//
// It starts the router and the origin servers itself, on ports of its own choice, and sends
// traffic to this machine only. It may import what a client of the router's control socket
// needs, and nothing else of the product.
package main
