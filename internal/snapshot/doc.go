// Package snapshot is the port through which environments' data is snapshotted: the Store
// interface and what it returns.
//
// An environment's data are its parts: the directory of each service and each source that
// its applications mount. A snapshot holds all of them as of one moment and does not change.
// It is kept beside the data, in the same file system, so it does not replace a backup.
//
// The package may import the nouns; it does no I/O. Implementations are subpackages
// (snapshot/files), and snapshot/snapshottest holds the fake and the one conformance suite
// that all of them pass.
package snapshot
