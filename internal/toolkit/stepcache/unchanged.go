package stepcache

import (
	"io/fs"
	"os"
	"syscall"
)

// unchanged reports whether a file was written between two looks at it. The time of the change
// of its inode cannot be set back, unlike that of its content.
func unchanged(before, now fs.FileInfo) bool {
	a, okA := before.Sys().(*syscall.Stat_t)
	b, okB := now.Sys().(*syscall.Stat_t)
	return okA && okB && os.SameFile(before, now) && a.Size == b.Size && a.Ctim == b.Ctim
}
