package platform

import "time"

// DiskUsage is what an environment's data takes on the disk. Sizes are in bytes.
type DiskUsage struct {
	MeasuredAt time.Time
	Parts      []DiskPart // of the data, by name
	Data       int64      // of all files of the parts, as a listing shows them
	Snapshots  []DiskSnapshot
	// Disk is what the data and its snapshots take together: blocks that they share count once,
	// and so do those that another environment shares with them.
	Disk  int64
	Own   int64 // of Disk, what is in one file only
	Free  int64 // where the data lies
	Total int64
}

// DiskPart is the directory of one service, or one source of an application's mounts.
type DiskPart struct {
	Name  string // "service:mysql", "mount:app:pub/media"
	Bytes int64
	Files int64
}

// DiskSnapshot is data that is kept beside that of the environment.
type DiskSnapshot struct {
	ID     string
	Reason string
	Taken  time.Time
	Bytes  int64 // of its files: what it shares counts fully
}
