// Package buildstep are the native steps of the scenarios build/generate and
// build/transfer. A build has no services and no data: its steps
// change the tree only, and each can be run again after a crash.
package buildstep
