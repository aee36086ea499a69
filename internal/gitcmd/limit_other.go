//go:build !linux

package gitcmd

// limit does nothing: sluiced runs on Linux, other systems only compile it.
func limit(int) error { return nil }
