// Package account is who people and machines are: users, their roles on projects, API
// tokens, sessions and SSH keys. It holds the rules for that, so that all transports (the
// HTTP API, Git, SSH, the sluiced program) follow the same ones.
//
// It declares the interface of what it keeps, knows no transport and no adapter, and
// decides nothing about projects: what a role may do is in package access. Secrets are
// compared by their hashes; neither they nor passwords reach a log, the audit log or an
// error. Whatever changes access is in the audit log before it happens.
package account
