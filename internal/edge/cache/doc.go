// Package cache is a shared HTTP cache (RFC 9111) that answers for applications, under the
// rules of a route's cache section.
//
// A request meets it twice:
//
//	Route.Answer  before the application can be reached at all: a fresh answer, or a stale
//	              one where that is allowed. No allocation, no lock but a shard's read lock
//	Route.Fill    in front of the application: looks again, asks the application once for
//	              everybody who waits for the same thing, and keeps what may be kept
//
// A Zone is what one release of one environment answered. Its number is the first part of
// every key, so an answer cannot be found from another environment or another release, and
// dropping it empties it.
//
// What tells two answers apart is the key: scheme, host, path and query as the application
// sees them; the headers and cookies that the route names; the headers that the answer's
// Vary names; and request headers that applications are known to build links from, which
// no application names and with which a stranger could otherwise fill the cache for all.
//
// It knows nothing of gates, releases or backends, and may import platform only.
package cache
