package store

import (
	"context"
	"database/sql"
	"errors"

	"sluice/internal/platform"
)

const projectColumns = `id, title, default_branch, entropy, created_at, updated_at`

func (s *Store) scanProject(row scanner) (platform.Project, error) {
	var p platform.Project
	var entropy []byte
	err := row.Scan(&p.ID, &p.Title, &p.DefaultBranch, sealedColumn{sealer: s.sealer, to: &entropy},
		timeColumn{&p.CreatedAt}, timeColumn{&p.UpdatedAt})
	p.Entropy = string(entropy)
	return p, err
}

// Project returns the project, or CodeNotFound when there is none.
func (s *Store) Project(ctx context.Context, id string) (platform.Project, error) {
	p, err := s.scanProject(s.reader.QueryRowContext(ctx, `SELECT `+projectColumns+` FROM projects WHERE id = ?`, id))
	if err != nil {
		return platform.Project{}, missing(err, "project %q not found", id)
	}
	return p, nil
}

// Projects lists all projects by their id.
func (s *Store) Projects(ctx context.Context) ([]platform.Project, error) {
	return collect(ctx, s.reader, s.scanProject, `SELECT `+projectColumns+` FROM projects ORDER BY id`)
}

// SaveProject creates or replaces. CreatedAt of a stored project does not change, and
// UpdatedAt becomes now.
func (s *Store) SaveProject(ctx context.Context, p platform.Project) error {
	return s.write(ctx, func(tx *tx) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO projects (`+projectColumns+`) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET title = excluded.title, default_branch = excluded.default_branch,
				entropy = excluded.entropy, updated_at = excluded.updated_at`,
			p.ID, p.Title, p.DefaultBranch, sealedColumn{sealer: s.sealer, plain: []byte(p.Entropy)},
			timeText(tx.orNow(p.CreatedAt)), timeText(tx.now))
		return err
	})
}

// DeleteProject removes the project and every record that belongs to it. Deleting one
// that is gone is not an error. It returns CodeConflict while an activity is in progress.
func (s *Store) DeleteProject(ctx context.Context, id string) error {
	return s.write(ctx, func(tx *tx) error {
		if err := tx.wantIdle(ctx, id); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM projects WHERE id = ?`, id)
		return err
	})
}

// CloseProject begins the deletion of a project: from then on nothing of it is queued or
// claimed, and what waited is cancelled and returned. A deletion that fails can be repeated.
// It returns CodeConflict while an activity is in progress; then nothing was changed.
func (s *Store) CloseProject(ctx context.Context, id string) (cancelled []platform.Activity, err error) {
	err = s.write(ctx, func(tx *tx) error {
		if err := tx.wantIdle(ctx, id); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE projects SET closed = 1 WHERE id = ?`, id); err != nil {
			return err
		}
		cancelled, err = tx.cancelPending(ctx, "the project is being deleted", `project = ?`, id)
		return err
	})
	return cancelled, err
}

// wantOpen refuses new activities of a project that is being deleted.
func wantOpen(ctx context.Context, q queryer, project string) error {
	var closed bool
	err := q.QueryRowContext(ctx, `SELECT closed FROM projects WHERE id = ?`, project).Scan(&closed)
	if errors.Is(err, sql.ErrNoRows) || err == nil && !closed {
		return nil // the insertion refuses a project that does not exist
	}
	if err != nil {
		return err
	}
	return platform.Errorf(platform.CodeConflict, "project %q is being deleted; nothing was changed", project).
		WithHint("repeat the deletion if it failed: sluice project:delete -p %s", project)
}

// wantIdle refuses what must not happen while an activity of the project is in progress.
func (t *tx) wantIdle(ctx context.Context, project string) error {
	var busy string
	err := t.QueryRowContext(ctx, `SELECT ifnull(min(id), '') FROM activities WHERE project = ? AND state = 'in_progress'`, project).Scan(&busy)
	if err != nil || busy == "" {
		return err
	}
	return platform.Errorf(platform.CodeConflict, "activity %s of project %q is in progress; nothing was deleted", busy, project).
		WithHint("wait for it, or cancel it: sluice activity:cancel %s", busy)
}
