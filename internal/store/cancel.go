package store

import (
	"context"
	"fmt"

	"sluice/internal/platform"
)

// CancelPending moves a pending activity to cancelled with the reason and returns it. ok
// is false when it is no longer pending, or when there is none.
func (s *Store) CancelPending(ctx context.Context, id, reason string) (a platform.Activity, ok bool, err error) {
	err = s.write(ctx, func(tx *tx) error {
		cancelled, err := tx.cancelPending(ctx, reason, `id = ?`, id)
		if len(cancelled) > 0 {
			a, ok = cancelled[0], true
		}
		return err
	})
	if err != nil {
		return platform.Activity{}, false, fmt.Errorf("cancel activity %s: %w", id, err)
	}
	return a, ok, nil
}
