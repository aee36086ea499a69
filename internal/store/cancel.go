package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"sluice/internal/platform"
)

// CancelPending moves a pending activity to cancelled with the reason and returns it. ok
// is false when it is no longer pending, or when there is none.
func (s *Store) CancelPending(ctx context.Context, id, reason string) (a platform.Activity, ok bool, err error) {
	err = s.write(ctx, func(tx *tx) error {
		a, err = scanActivity(tx.QueryRowContext(ctx, `
			UPDATE activities SET state = ?1, reason = ?2, updated_at = ?3, completed_at = ?3, cancellable = 0, completion = 100
			WHERE id = ?4 AND state = ?5
			RETURNING `+activityColumns,
			platform.ActivityCancelled, reason, timeText(tx.now), id, platform.ActivityPending))
		if err != nil {
			return err
		}
		return tx.lock(ctx, a)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return platform.Activity{}, false, nil
	}
	if err != nil {
		return platform.Activity{}, false, fmt.Errorf("cancel activity %s: %w", id, err)
	}
	return a, true, nil
}
