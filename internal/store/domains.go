package store

import (
	"context"

	"sluice/internal/platform"
)

const domainColumns = `project, name, is_default, created_at, updated_at`

func scanDomain(row scanner) (platform.Domain, error) {
	var d platform.Domain
	err := row.Scan(&d.Project, &d.Name, &d.Default, timeColumn{&d.CreatedAt}, timeColumn{&d.UpdatedAt})
	return d, err
}

// Domains lists the domains of a project: the default one, then the others as they came.
func (s *Store) Domains(ctx context.Context, project string) ([]platform.Domain, error) {
	return collect(ctx, s.reader, scanDomain, `
		SELECT `+domainColumns+` FROM domains WHERE project = ? ORDER BY is_default DESC, created_at, name`, project)
}

// AddDomain stores a domain; the first of a project is its default one. It returns
// CodeConflict when there is one of that name, also in another project.
func (s *Store) AddDomain(ctx context.Context, d platform.Domain) (platform.Domain, error) {
	err := s.write(ctx, func(tx *tx) error {
		var first bool
		err := tx.QueryRowContext(ctx, `SELECT NOT EXISTS (SELECT 1 FROM domains WHERE project = ?)`, d.Project).Scan(&first)
		if err != nil {
			return err
		}
		wanted := d.Default
		d.Default, d.CreatedAt, d.UpdatedAt = first, tx.now, tx.now
		_, err = tx.ExecContext(ctx, `INSERT INTO domains (`+domainColumns+`) VALUES (?, ?, ?, ?, ?)`,
			d.Project, d.Name, d.Default, timeText(d.CreatedAt), timeText(d.UpdatedAt))
		if err != nil || !wanted || first {
			return err
		}
		d.Default = true
		return tx.defaultDomain(ctx, d.Project, d.Name)
	})
	if platform.ErrorCode(err) == platform.CodeConflict {
		return platform.Domain{}, platform.Errorf(platform.CodeConflict, "the domain %q exists already; nothing was changed", d.Name).
			WithHint("a domain leads to one project: delete it there first, with `sluice domain:delete %s`", d.Name)
	}
	return d, err
}

// SetDefaultDomain makes a domain the project's default one. It returns CodeNotFound when
// the project has none of that name.
func (s *Store) SetDefaultDomain(ctx context.Context, project, name string) error {
	return s.write(ctx, func(tx *tx) error { return tx.defaultDomain(ctx, project, name) })
}

func (t *tx) defaultDomain(ctx context.Context, project, name string) error {
	_, err := t.ExecContext(ctx, `UPDATE domains SET is_default = 0, updated_at = ? WHERE project = ? AND is_default = 1 AND name <> ?`,
		timeText(t.now), project, name)
	if err != nil {
		return err
	}
	res, err := t.ExecContext(ctx, `UPDATE domains SET is_default = 1, updated_at = ? WHERE project = ? AND name = ?`,
		timeText(t.now), project, name)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n > 0 {
		return err
	}
	return noDomain(project, name)
}

// DeleteDomain removes a domain; the oldest of the others takes over when it was the
// default one. It returns CodeNotFound when the project has none of that name.
func (s *Store) DeleteDomain(ctx context.Context, project, name string) error {
	return s.write(ctx, func(tx *tx) error {
		res, err := tx.ExecContext(ctx, `DELETE FROM domains WHERE project = ? AND name = ?`, project, name)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			if err == nil {
				err = noDomain(project, name)
			}
			return err
		}
		_, err = tx.ExecContext(ctx, `
			UPDATE domains SET is_default = 1, updated_at = ?
			WHERE name = (SELECT name FROM domains WHERE project = ? ORDER BY is_default DESC, created_at, name LIMIT 1) AND is_default = 0`,
			timeText(tx.now), project)
		return err
	})
}

func noDomain(project, name string) error {
	return platform.Errorf(platform.CodeNotFound, "the project %q has no domain %q; nothing was changed", project, name).
		WithHint("`sluice domain:list` shows those there are")
}
