//go:build unix

package cli

import (
	"os"

	"golang.org/x/sys/unix"
)

// lock waits for a file that another process has locked.
func lock(f *os.File) error {
	return unix.Flock(int(f.Fd()), unix.LOCK_EX) //nolint:wrapcheck // wrapped by the caller
}
