package gitcmd

import (
	"errors"

	"golang.org/x/sys/unix"
)

// limit bounds a process and what it starts from now on. Mapped packs are read-only files
// and do not count as private memory.
func limit(pid int) error {
	seconds := uint64(MaxCPU.Seconds())
	for resource, value := range map[int]uint64{
		unix.RLIMIT_DATA: MaxMemory,
		unix.RLIMIT_CPU:  seconds,
		unix.RLIMIT_CORE: 0,
	} {
		err := unix.Prlimit(pid, resource, &unix.Rlimit{Cur: value, Max: value}, nil)
		if err != nil && !errors.Is(err, unix.ESRCH) { // a process that has ended needs no limit
			return err
		}
	}
	return nil
}
