package store

import (
	"context"
	"fmt"

	"sluice/internal/platform"
)

// Limits of the audit log.
const (
	maxAudit          = 200_000 // entries that are kept; the oldest go first
	defaultAuditLimit = 100
)

const auditColumns = `id, at, actor_id, actor_name, action, project, environment, detail`

func scanAudit(row scanner) (platform.AuditEntry, error) {
	var e platform.AuditEntry
	err := row.Scan(&e.ID, timeColumn{&e.Time}, &e.Actor.ID, &e.Actor.Name, &e.Action, &e.Project, &e.Environment, &e.Detail)
	return e, err
}

// AddAudit appends an entry to the audit log. Its ID and Time are set by the store.
func (s *Store) AddAudit(ctx context.Context, e platform.AuditEntry) error {
	err := s.write(ctx, func(tx *tx) error {
		res, err := tx.ExecContext(ctx, `
			INSERT INTO audit (at, actor_id, actor_name, action, project, environment, detail) VALUES (?, ?, ?, ?, ?, ?, ?)`,
			timeText(tx.now), e.Actor.ID, e.Actor.Name, e.Action, e.Project, e.Environment, e.Detail)
		if err != nil {
			return err
		}
		id, err := res.LastInsertId()
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM audit WHERE id <= ?`, id-maxAudit)
		return err
	})
	if err != nil {
		return fmt.Errorf("write audit log: %w", err)
	}
	return nil
}

// Audit lists the entries that f selects, newest first.
func (s *Store) Audit(ctx context.Context, f platform.AuditFilter) ([]platform.AuditEntry, error) {
	return collect(ctx, s.reader, scanAudit, `
		SELECT `+auditColumns+` FROM audit
		WHERE ? IN (project, '') AND (? = 0 OR id < ?)
		ORDER BY id DESC LIMIT ?`, f.Project, f.Before, f.Before, limitOr(f.Limit, defaultAuditLimit))
}
