// Package sshserve is the SSH gateway: it lets people with a key or a certificate run
// commands and shells in the containers of an environment, copy files, open tunnels to its
// services, and use Git. No container needs an SSH server.
//
// The user name of a login says where to go: ENV, ENV--APP, ENV--APP--WORKER or
// ENV--SERVICE for a container, the ID of a project for its repository. Every known
// key may log in. Permissions are checked for each session and tunnel, and again whenever
// rights change; sessions and tunnels that are no longer allowed end.
//
// The package decides nothing about keys, roles, containers or repositories: it asks the
// interfaces in ports.go. It knows no other adapter.
package sshserve
