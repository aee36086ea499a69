// Package snapshottest holds the conformance suite that every implementation of the
// snapshot port passes, and Fake, an in-memory store that passes it too and on which
// operations are tested.
//
// It may import the nouns and the port, never an implementation.
package snapshottest
