// Package project is what people do with projects and environments outside a deployment:
// they create and delete projects, add domains, certificates and variables. It
// holds the rules for that and who may do it, so that all transports (the HTTP API, Git,
// the sluiced program) follow the same ones.
//
// It declares the interfaces of what it needs, runs no deployment itself, and knows no
// adapter. What a role may do is decided by package access; whatever has to be accounted
// for is in the audit log before it happens.
package project
