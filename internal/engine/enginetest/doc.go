// Package enginetest holds the conformance suite that every implementation of the engine
// port passes, and Fake, an in-memory engine that passes it too and on which the pipeline
// is tested.
//
// It may import the nouns and the port, never an implementation.
package enginetest
