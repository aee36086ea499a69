package backup

import (
	"context"
	"fmt"

	"sluice/internal/platform"
)

// keptFree is what a backup leaves free where the repository is, in bytes.
const keptFree = 256 << 20

// fits refuses a backup for which the repository has no room, before anything is saved.
func (c *creation) fits(ctx context.Context) error {
	free, known, err := c.Repository.Room(ctx)
	if err != nil || !known {
		return err
	}
	earlier, err := c.Records.Backups(ctx, c.env.Project, c.env.Name)
	if err != nil {
		return fmt.Errorf("list the backups: %w", err)
	}
	size := c.snapshot.Size().Bytes
	need := growth(size, earlier)
	if free-need >= keptFree {
		return nil
	}
	return platform.Errorf(platform.CodeUnavailable,
		"the backup would not fit: of %s about %s are new, %s are free where the repository is, and %s of them are kept free; nothing was saved",
		platform.Megabytes(size), platform.Megabytes(need), platform.Megabytes(free), platform.Megabytes(keptFree)).
		WithHint("delete backups (sluice backup:delete -p %s -e %s), or choose a larger place: sluiced --backup-repository", c.env.Project, c.env.Name)
}

// growth estimates by how much a backup of this size grows the repository: by all of the first
// one, as media cannot be compressed; later by what was added to the data, and a twentieth for
// what changed in it. earlier are the environment's backups, newest first.
func growth(size int64, earlier []platform.Backup) int64 {
	for _, b := range earlier {
		if b.Restorable() {
			return max(size-b.Bytes, 0) + size/20
		}
	}
	return size
}
