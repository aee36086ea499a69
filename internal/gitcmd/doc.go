// Package gitcmd runs the real git binary for the packages that read repositories and
// serve them: without a shell, without any file of the machine or of a user, and within
// limits of memory, processor time and threads.
//
// What git works on was pushed by strangers. Two limits hold together: git refuses single
// allocations above MaxAllocation, and the kernel bounds a process's private memory and
// processor time. Both apply to the helpers that git starts.
//
// The package knows no repository, no project and no other package of this module.
package gitcmd
