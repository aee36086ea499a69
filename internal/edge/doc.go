// Package edge is the data plane: it finds the environment that a request is for,
// answers redirects itself, holds requests while a deployment switches releases, and
// proxies the rest to the application's containers.
//
// A request's way through the package:
//
//	Router.ServeHTTP  -> table.match     which route, so which gate (no lock, no allocation)
//	                  -> redirects       answered here, in every state of the gate
//	                  -> include         puts pages with includes together from what follows
//	                  -> cache           answers before the gate, so also while requests are held
//	                  -> gate.admit      passes, waits or is turned away; counted from here on
//	                  -> cache           again: one request asks for all that wait for the same
//	                  -> relay           proxied to the release that the gate admitted it to, by
//	                                     one exchange on a connection of the release's pool
//
// A gate is the whole truth about one environment: open, held or closed, the release that
// serves, the requests that wait and those that are under way. Everything it decides is
// decided under one lock, so a request is either counted before a hold drains or waits.
//
// The package knows nothing of projects, deployments or containers beyond
// platform.Publication, and it must keep working when nobody talks to it: a hold's
// deadline is enforced here. It may import platform and its own parts (cache, ssi,
// front, which reads plain requests, and wire, which parses).
package edge
