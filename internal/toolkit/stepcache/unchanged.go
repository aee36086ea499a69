package stepcache

import (
	"io/fs"
	"os"
	"syscall"
	"time"
)

// settled is how old a change must be when a file is read for a later one to show: kernels
// count time in steps of some milliseconds.
const settled = time.Second

// unchanged reports whether a file was certainly not written since it was read. The time of the
// change of its inode cannot be set back, unlike that of its content.
func unchanged(known remembered, now fs.FileInfo) bool {
	a, okA := known.info.Sys().(*syscall.Stat_t)
	b, okB := now.Sys().(*syscall.Stat_t)
	return okA && okB && os.SameFile(known.info, now) && a.Size == b.Size && a.Ctim == b.Ctim &&
		known.at.Sub(time.Unix(a.Ctim.Unix())) > settled
}
