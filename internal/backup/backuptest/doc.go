// Package backuptest holds the conformance suite that every repository of backups passes, and
// Repository, one in memory that passes it too.
//
// It may import the nouns and the port, never an implementation.
package backuptest
