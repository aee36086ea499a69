package store

import (
	"context"

	"sluice/internal/platform"
)

func scanBackup(row scanner) (platform.Backup, error) {
	var b platform.Backup
	return b, row.Scan(jsonColumn{&b})
}

// SaveBackup creates or replaces the record of a backup.
func (s *Store) SaveBackup(ctx context.Context, b platform.Backup) error {
	return s.exec(ctx, `
		INSERT INTO backups (id, project, environment, backup, created_at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET backup = excluded.backup, created_at = excluded.created_at`,
		b.ID, b.Project, b.Environment, jsonColumn{b}, timeText(b.CreatedAt))
}

// Backup returns the record of a backup, or CodeNotFound when there is none.
func (s *Store) Backup(ctx context.Context, id string) (platform.Backup, error) {
	b, err := scanBackup(s.reader.QueryRowContext(ctx, `SELECT backup FROM backups WHERE id = ?`, id))
	return b, missing(err, "backup %q not found", id)
}

// Backups lists the backups of an environment, or those of all when project is "", newest
// first.
func (s *Store) Backups(ctx context.Context, project, env string) ([]platform.Backup, error) {
	return collect(ctx, s.reader, scanBackup, `
		SELECT backup FROM backups WHERE ?1 = '' OR (project = ?1 AND environment = ?2) ORDER BY created_at DESC, id`, project, env)
}

// DeleteBackup removes the record of a backup. One that is gone is not an error.
func (s *Store) DeleteBackup(ctx context.Context, id string) error {
	return s.exec(ctx, `DELETE FROM backups WHERE id = ?`, id)
}
