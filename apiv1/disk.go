package apiv1

import "context"

// DiskUsage is what an environment's data takes on the disk of the machine. Sizes are in bytes.
type DiskUsage struct {
	MeasuredAt Time           `json:"measured_at"`
	Parts      []DiskPart     `json:"parts"`
	Data       int64          `json:"data"` // of all files of the parts, as a listing shows them
	Snapshots  []DiskSnapshot `json:"snapshots"`
	// Disk is what the data and its snapshots take together: blocks that they share count once,
	// and so do those that another environment shares with them.
	Disk  int64 `json:"disk"`
	Own   int64 `json:"own"`  // of disk, what is in one file only
	Free  int64 `json:"free"` // where the data lies
	Total int64 `json:"total"`
}

// DiskPart is the directory of one service, or one source of an application's mounts.
type DiskPart struct {
	Name  string `json:"name"` // "service:mysql", "mount:app:pub/media"
	Size  int64  `json:"size"`
	Files int64  `json:"files"`
}

// DiskSnapshot is data that is kept beside that of the environment, such as from before a
// deployment that changed it.
type DiskSnapshot struct {
	ID        string `json:"id"`
	Reason    string `json:"reason"`
	CreatedAt Time   `json:"created_at"`
	Size      int64  `json:"size"` // of its files: what it shares counts fully
}

// DiskUsage measures what an environment's data takes, which takes seconds where it has very
// many files. A measurement is repeated after half a minute only.
func (c *Client) DiskUsage(ctx context.Context, project, env string) (DiskUsage, error) {
	return get[DiskUsage](ctx, c, path("projects", project, "environments", env, "disk"), nil)
}
