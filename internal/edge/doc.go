// Package edge is the router: it finds the environment that a request is for, answers
// redirects and refusals itself, and has the rest held, cached and relayed.
//
// The path of a request, with what returns it early, is in docs/ARCHITECTURE.md. The parts:
//
//	table, route, release   which URL leads where; immutable, replaced as a whole
//	redirect, protection,   what is answered without an application
//	bypass, pages
//	transaction             one request between its gate, the cache and the relay
//	edge/gate               pass, wait or turn away; one for each environment
//	edge/cache, edge/ssi    stored responses; pages with includes
//	edge/relay              the exchange with an application
//	edge/front, edge/wire   HTTP/1.1 towards clients
//	state, succession       what survives the process
//
// The package knows nothing of projects, deployments or containers beyond
// platform.Publication, and it must keep working when the control plane does not run. It may import
// platform and its own parts.
package edge
