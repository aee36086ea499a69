// Package plan says what a push would do to an environment: which applications are built
// and why, what becomes of services, mounts, routes and background jobs, which steps run,
// and how long requests would be held, judged by earlier deployments.
//
// It decides nothing by itself: whether a slug is the same and whether a service is
// replaced is computed by topology, as in a deployment. It is pure, does no I/O and reads
// no clock, so the client and the server compute the same. It may import the nouns,
// the manifest, the ports and topology.
package plan
