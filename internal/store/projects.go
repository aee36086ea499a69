package store

import (
	"context"

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
		var busy bool
		err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM activities WHERE project = ? AND state = ?)`,
			id, platform.ActivityInProgress).Scan(&busy)
		if err != nil {
			return err
		}
		if busy {
			return platform.Errorf(platform.CodeConflict, "an activity of project %q is in progress; nothing was deleted", id).
				WithHint("wait for it or cancel it, then try again")
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM projects WHERE id = ?`, id)
		return err
	})
}
