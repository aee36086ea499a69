package snapshot

import (
	"context"
	"io"
)

// Receiver is a store that takes in data from elsewhere, such as from a backup, to be planted
// afterwards.
type Receiver interface {
	// Receive makes a snapshot of what fill writes below dir, each part at its Part.Dir. When
	// fill returns an error, or the process dies, nothing is left of it. Without room for
	// Request.Bytes it is not begun. Request.Held is not used.
	Receive(ctx context.Context, req Request, fill func(ctx context.Context, dir string) error, log io.Writer) (Snapshot, error)
}
