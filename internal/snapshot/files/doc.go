// Package files keeps snapshots as directories beside the data.
//
// Blocks are shared with the original where the file system can (FICLONE, found by trying
// it in the data directory), and copied elsewhere. An environment's mounts are passed over
// twice: while its containers run, and again, for what changed meanwhile, while they are
// frozen. Directories of services are passed over while they are frozen, before that too
// where blocks have to be copied.
//
// Applications own what is in their mounts and may change it at any time. Every file is
// opened relative to its directory and no symbolic link is followed (tree.go).
//
// The package knows the nouns and its own port. What freezes containers and what makes
// requests wait are interfaces that cmd/sluiced joins.
package files
