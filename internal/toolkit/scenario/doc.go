// Package scenario reads scenario files, merges them, resolves the types of their steps to
// native ones and runs them.
//
// It knows no step: the packages of steps register theirs in a Registry.
package scenario
