package store

import (
	"cmp"
	"context"
	"time"

	"sluice/internal/platform"
)

const domainColumns = `project, name, is_default, challenge, verified_at, created_at, updated_at`

func scanDomain(row scanner) (platform.Domain, error) {
	var d platform.Domain
	err := row.Scan(&d.Project, &d.Name, &d.Default, &d.Challenge, timeColumn{&d.VerifiedAt}, timeColumn{&d.CreatedAt}, timeColumn{&d.UpdatedAt})
	return d, err
}

// Domains lists the domains of a project, those that are not verified too: the default
// one, then the others in the order in which they were added.
func (s *Store) Domains(ctx context.Context, project string) ([]platform.Domain, error) {
	return collect(ctx, s.reader, scanDomain, `
		SELECT `+domainColumns+` FROM domains WHERE project = ? ORDER BY is_default DESC, created_at, name`, project)
}

// AddDomain stores a domain, verified now when it has no Challenge. The first verified
// domain of a project is its default one; one that is not verified cannot be. It returns
// CodeConflict when the project has the domain, or another project has it verified.
func (s *Store) AddDomain(ctx context.Context, d platform.Domain) (platform.Domain, error) {
	err := s.write(ctx, func(tx *tx) error {
		wanted := d.Default
		d.Default, d.VerifiedAt, d.CreatedAt, d.UpdatedAt = false, time.Time{}, tx.now, tx.now
		if d.Challenge == "" {
			d.VerifiedAt = tx.now
		}
		var taken bool
		err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM domains WHERE name = ? AND verified_at <> '')`, d.Name).Scan(&taken)
		if err != nil || taken {
			return cmp.Or(err, error(&platform.Error{Code: platform.CodeConflict}))
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO domains (`+domainColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?)`,
			d.Project, d.Name, false, d.Challenge, timeText(d.VerifiedAt), timeText(d.CreatedAt), timeText(d.UpdatedAt))
		if err != nil || !d.Verified() {
			return err
		}
		d.Default, err = tx.becomeDefault(ctx, d.Project, d.Name, wanted)
		return err
	})
	if platform.ErrorCode(err) == platform.CodeConflict {
		return platform.Domain{}, platform.Errorf(platform.CodeConflict, "the domain %q exists already; nothing was changed", d.Name).
			WithHint("a domain belongs to one project: delete it there first, with `sluice domain:delete %s`", d.Name)
	}
	return d, err
}

// becomeDefault makes a verified domain the default one if that is wanted or there is none.
func (t *tx) becomeDefault(ctx context.Context, project, name string, wanted bool) (bool, error) {
	var none bool
	err := t.QueryRowContext(ctx, `SELECT NOT EXISTS (SELECT 1 FROM domains WHERE project = ? AND is_default = 1)`, project).Scan(&none)
	if err != nil || (!wanted && !none) {
		return false, err
	}
	return true, t.defaultDomain(ctx, project, name)
}

// VerifyDomain records that a domain was verified, and returns it. It returns CodeConflict
// when another project has verified it meanwhile.
func (s *Store) VerifyDomain(ctx context.Context, project, name string) (d platform.Domain, err error) {
	err = s.write(ctx, func(tx *tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE domains SET verified_at = ?, updated_at = ? WHERE project = ? AND name = ? AND verified_at = ''`,
			timeText(tx.now), timeText(tx.now), project, name)
		if err != nil {
			return err
		}
		if _, err := tx.becomeDefault(ctx, project, name, false); err != nil {
			return err
		}
		d, err = scanDomain(tx.QueryRowContext(ctx, `SELECT `+domainColumns+` FROM domains WHERE project = ? AND name = ?`, project, name))
		return err
	})
	switch platform.ErrorCode(err) {
	case platform.CodeConflict:
		return platform.Domain{}, platform.Errorf(platform.CodeConflict, "the domain %q belongs to another project; nothing was changed", name).
			WithHint("delete it there first, with `sluice domain:delete %s`", name)
	case platform.CodeNotFound:
		return platform.Domain{}, noDomain(project, name)
	default:
		return d, err
	}
}

// SetDefaultDomain makes a verified domain the project's default one. It returns
// CodeNotFound when the project has none of that name.
func (s *Store) SetDefaultDomain(ctx context.Context, project, name string) error {
	return s.write(ctx, func(tx *tx) error { return tx.defaultDomain(ctx, project, name) })
}

func (t *tx) defaultDomain(ctx context.Context, project, name string) error {
	_, err := t.ExecContext(ctx, `UPDATE domains SET is_default = 0, updated_at = ? WHERE project = ? AND is_default = 1 AND name <> ?`,
		timeText(t.now), project, name)
	if err != nil {
		return err
	}
	res, err := t.ExecContext(ctx, `UPDATE domains SET is_default = 1, updated_at = ? WHERE project = ? AND name = ? AND verified_at <> ''`,
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
			UPDATE domains SET is_default = 1, updated_at = ?1
			WHERE project = ?2 AND is_default = 0 AND name = (
				SELECT name FROM domains WHERE project = ?2 AND verified_at <> '' ORDER BY is_default DESC, created_at, name LIMIT 1)`,
			timeText(tx.now), project)
		return err
	})
}

func noDomain(project, name string) error {
	return platform.Errorf(platform.CodeNotFound, "project %s has no verified domain %q; nothing was changed", project, name).
		WithHint("`sluice domain:list` shows the project's domains")
}
