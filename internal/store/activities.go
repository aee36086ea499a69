package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"sluice/internal/platform"
)

const activityColumns = `id, type, project, environment, state, result, actor_id, actor_name, description,
	commit_id, old_commit, parameters, step, release, reason, hint, commands, hold, timings,
	created_at, updated_at, started_at, completed_at, also, phase, completion, cancellable`

func scanActivity(row scanner) (platform.Activity, error) {
	var a platform.Activity
	err := row.Scan(&a.ID, &a.Type, &a.Project, &a.Environment, &a.State, &a.Result, &a.Actor.ID, &a.Actor.Name,
		&a.Description, &a.Commit, &a.OldCommit, jsonColumn{&a.Parameters}, &a.Step, &a.Release, &a.Reason, &a.Hint,
		jsonColumn{&a.Commands}, jsonColumn{&a.Hold}, jsonColumn{&a.Timings},
		timeColumn{&a.CreatedAt}, timeColumn{&a.UpdatedAt}, timeColumn{&a.StartedAt}, timeColumn{&a.CompletedAt},
		jsonColumn{&a.Also}, &a.Phase, &a.Completion, &a.Cancellable)
	return a, err
}

// Enqueue stores a pending activity at the end of the queue; CreatedAt becomes now when
// it is zero. When it is a push, pending pushes of the same environment are cancelled in
// the same transaction and returned as superseded. It returns CodeConflict when the
// identifier is taken or the project is being deleted, and CodeNotFound when there is no
// such project.
func (s *Store) Enqueue(ctx context.Context, a platform.Activity) (superseded []platform.Activity, err error) {
	if a.ID == "" {
		return nil, platform.Errorf(platform.CodeInvalid, "an activity needs an identifier")
	}
	err = s.write(ctx, func(tx *tx) error {
		if err := wantOpen(ctx, tx, a.Project); err != nil {
			return err
		}
		if a.Type == platform.ActivityPush {
			if superseded, err = tx.supersede(ctx, a); err != nil {
				return err
			}
		}
		return tx.insertActivity(ctx, a)
	})
	if err != nil {
		return nil, fmt.Errorf("enqueue activity %s: %w", a.ID, err)
	}
	return superseded, nil
}

func (t *tx) insertActivity(ctx context.Context, a platform.Activity) error {
	_, err := t.ExecContext(ctx, `
		INSERT INTO activities (`+activityColumns+`)
		VALUES (?, ?, ?, ?, ?, '', ?, ?, ?, ?, ?, ?, ?, ?, '', '', ?, ?, ?, ?, ?, '', '', ?, ?, ?, ?)`,
		a.ID, a.Type, a.Project, a.Environment, platform.ActivityPending, a.Actor.ID, a.Actor.Name, a.Description,
		a.Commit, a.OldCommit, jsonColumn{a.Parameters}, a.Step, a.Release,
		jsonColumn{a.Commands}, jsonColumn{a.Hold}, jsonColumn{a.Timings},
		timeText(t.orNow(a.CreatedAt)), timeText(t.now), jsonColumn{a.Also}, a.Phase, a.Completion, a.Cancellable)
	if err != nil {
		return err
	}
	for _, name := range append([]string{a.Environment}, a.Also...) {
		_, err := t.ExecContext(ctx, `
			INSERT INTO activity_environments (activity, project, environment, locked) VALUES (?, ?, ?, 0)
			ON CONFLICT DO NOTHING`, a.ID, a.Project, name)
		if err != nil {
			return err
		}
	}
	a.State, a.CreatedAt, a.UpdatedAt = platform.ActivityPending, t.orNow(a.CreatedAt), t.now
	return t.announce(ctx, a)
}

func (t *tx) supersede(ctx context.Context, by platform.Activity) ([]platform.Activity, error) {
	return t.cancelPending(ctx, "superseded by "+by.ID, `project = ? AND environment = ? AND type = ?`, by.Project, by.Environment, by.Type)
}

// cancelPending cancels the pending activities that a condition selects.
func (t *tx) cancelPending(ctx context.Context, reason, where string, args ...any) ([]platform.Activity, error) {
	old, err := collect(ctx, t, scanActivity, `
		UPDATE activities SET state = 'cancelled', reason = ?, updated_at = ?, completed_at = ?, cancellable = 0, completion = 100
		WHERE state = 'pending' AND `+where+`
		RETURNING `+activityColumns, append([]any{reason, timeText(t.now), timeText(t.now)}, args...)...)
	if err != nil {
		return nil, err
	}
	for _, a := range old {
		if err := errors.Join(t.lock(ctx, a), t.announce(ctx, a)); err != nil {
			return nil, err
		}
	}
	return old, nil
}

// lock brings the locks of an activity to what its state asks for.
func (t *tx) lock(ctx context.Context, a platform.Activity) error {
	query := `UPDATE activity_environments SET locked = 0 WHERE activity = ?`
	switch {
	case a.State.Final(), a.Unlocked:
		query = `DELETE FROM activity_environments WHERE activity = ?`
	case a.State == platform.ActivityInProgress:
		query = `UPDATE activity_environments SET locked = 1 WHERE activity = ?`
	}
	_, err := t.ExecContext(ctx, query, a.ID)
	return err
}

// claimQuery finds the activity to claim. An environment is free for an activity when no
// other one has locked it and no older one waits for it; so one that needs several
// environments gets its turn, and two never wait for each other. Of the projects that have
// something to do, the one goes first that runs the fewest activities. A limit for each
// project counts where there are several.
const claimQuery = `
	UPDATE activities SET state = 'in_progress', started_at = ?1, updated_at = ?1
	WHERE seq = (
		SELECT p.seq FROM activities p
		WHERE p.state = 'pending'
			AND NOT (SELECT closed FROM projects WHERE id = p.project)
			AND NOT EXISTS (
				SELECT 1 FROM activity_environments mine
				JOIN activity_environments theirs ON theirs.project = mine.project
					AND theirs.environment = mine.environment AND theirs.activity <> mine.activity
				JOIN activities o ON o.id = theirs.activity
				WHERE mine.activity = p.id AND (theirs.locked = 1 OR o.seq < p.seq))
			AND (?2 = 0 OR (SELECT count(*) FROM projects) = 1
				OR (SELECT count(*) FROM activities r WHERE r.project = p.project AND r.state = 'in_progress') < ?2)
		ORDER BY (SELECT count(*) FROM activities r WHERE r.project = p.project AND r.state = 'in_progress'), p.seq
		LIMIT 1)
	RETURNING ` + activityColumns

// Claim moves one pending activity to in_progress, locks all of its environments and
// returns it. A project that runs perProject activities gets none unless it is the only
// one; 0 is no limit. ok is false when there is nothing to claim. Two calls never return
// the same activity.
func (s *Store) Claim(ctx context.Context, perProject int) (a platform.Activity, ok bool, err error) {
	err = s.write(ctx, func(tx *tx) error {
		if a, err = scanActivity(tx.QueryRowContext(ctx, claimQuery, timeText(tx.now), perProject)); err != nil {
			return err
		}
		return errors.Join(tx.lock(ctx, a), tx.announce(ctx, a))
	})
	if errors.Is(err, sql.ErrNoRows) {
		return platform.Activity{}, false, nil
	}
	if err != nil {
		return platform.Activity{}, false, fmt.Errorf("claim activity: %w", err)
	}
	return a, true, nil
}

// SaveActivity replaces the record, but for what never changes: type, project, environments
// and CreatedAt. UpdatedAt becomes now. It returns CodeConflict when the stored activity is
// already final, or when another one has locked an environment that this one would lock by
// being in progress, and CodeNotFound when there is none.
func (s *Store) SaveActivity(ctx context.Context, a platform.Activity) error {
	err := s.write(ctx, func(tx *tx) error {
		stored, err := activity(ctx, tx, a.ID)
		if err != nil {
			return missing(err, "activity %q not found", a.ID)
		}
		if stored.State.Final() {
			return platform.Errorf(platform.CodeConflict, "the activity is %s already; nothing was changed", stored.State)
		}
		if err := tx.updateActivity(ctx, a); err != nil || a.State == stored.State {
			return err
		}
		a.Type, a.Project, a.Environment, a.Also, a.CreatedAt = stored.Type, stored.Project, stored.Environment, stored.Also, stored.CreatedAt
		a.UpdatedAt = tx.now
		return tx.announce(ctx, a)
	})
	if err != nil {
		return fmt.Errorf("save activity %s: %w", a.ID, err)
	}
	return nil
}

func (t *tx) updateActivity(ctx context.Context, a platform.Activity) error {
	_, err := t.ExecContext(ctx, `
		UPDATE activities SET state = ?, result = ?, actor_id = ?, actor_name = ?, description = ?, commit_id = ?,
			old_commit = ?, parameters = ?, step = ?, release = ?, reason = ?, hint = ?, commands = ?, hold = ?,
			timings = ?, updated_at = ?, started_at = ?, completed_at = ?, phase = ?, completion = ?, cancellable = ?
		WHERE id = ?`,
		a.State, a.Result, a.Actor.ID, a.Actor.Name, a.Description, a.Commit,
		a.OldCommit, jsonColumn{a.Parameters}, a.Step, a.Release, a.Reason, a.Hint, jsonColumn{a.Commands}, jsonColumn{a.Hold},
		jsonColumn{a.Timings}, timeText(t.now), timeText(a.StartedAt), timeText(a.CompletedAt), a.Phase, a.Completion, a.Cancellable, a.ID)
	if err != nil {
		return err
	}
	return t.lock(ctx, a)
}

// Activity returns the activity, or CodeNotFound when there is none.
func (s *Store) Activity(ctx context.Context, id string) (platform.Activity, error) {
	a, err := activity(ctx, s.reader, id)
	if err != nil {
		return platform.Activity{}, missing(err, "activity %q not found", id)
	}
	return a, nil
}

func activity(ctx context.Context, q queryer, id string) (platform.Activity, error) {
	return scanActivity(q.QueryRowContext(ctx, `SELECT `+activityColumns+` FROM activities WHERE id = ?`, id))
}

// Unfinished lists activities in progress, oldest first: after a start, those that a
// crash left.
func (s *Store) Unfinished(ctx context.Context) ([]platform.Activity, error) {
	return collect(ctx, s.reader, scanActivity,
		`SELECT `+activityColumns+` FROM activities WHERE state = ? ORDER BY seq`, platform.ActivityInProgress)
}

// DefaultActivityLimit is how many activities a list has that asks for no number.
const DefaultActivityLimit = 100

// Activities lists the activities that f selects, newest first. Without a limit it
// returns at most DefaultActivityLimit.
func (s *Store) Activities(ctx context.Context, f platform.ActivityFilter) ([]platform.Activity, error) {
	return collect(ctx, s.reader, scanActivity, `
		SELECT `+activityColumns+` FROM activities
		WHERE (:project = '' OR project = :project)
			AND (:environment = '' OR environment = :environment
				OR EXISTS (SELECT 1 FROM json_each(also) WHERE value = :environment))
			AND (:types IN ('null', '[]') OR type IN (SELECT value FROM json_each(:types)))
			AND (:states IN ('null', '[]') OR state IN (SELECT value FROM json_each(:states)))
			AND (:result = '' OR result = :result)
			AND (:before = '' OR created_at < :before)
		ORDER BY created_at DESC, seq DESC LIMIT :limit`,
		sql.Named("project", f.Project), sql.Named("environment", f.Environment),
		sql.Named("types", jsonColumn{f.Types}), sql.Named("states", jsonColumn{f.States}),
		sql.Named("result", f.Result), sql.Named("before", timeText(f.Before)),
		sql.Named("limit", limitOr(f.Limit, DefaultActivityLimit)))
}

// limitOr returns the limit of a list, or another one when none is asked for.
func limitOr(limit, otherwise int) int {
	if limit <= 0 {
		return otherwise
	}
	return limit
}
