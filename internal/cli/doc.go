// Package cli holds the commands of sluice, under the names that users of the platform's
// own CLI know, each with a short alias.
//
// It talks to the server through apiv1 only; manifest, catalog and plan are there for
// `validate` and `plan`, which need no server. It keeps no state but the configuration file, writes to the
// streams it was given and reads the environment it was given.
//
// Data goes to stdout; progress, questions and warnings go to stderr. An error is
// "sluice: what happened" and, where there is one, a line "next: what to do". Exit statuses
// are those of Exit… in exit.go.
package cli
