// Package shell runs commands for the steps: an argument list, never text for a shell, but
// for the user's own scripts. It logs each command line and its output at level debug and
// words its errors as the original does.
//
// It knows no step; what it runs is decided by others.
package shell
