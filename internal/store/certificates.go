package store

import (
	"context"

	"sluice/internal/platform"
)

const certificateColumns = `project, certificate, private_key, created_at`

func (s *Store) scanCertificate(row scanner) (platform.Certificate, error) {
	var c platform.Certificate
	var project string
	var key []byte
	err := row.Scan(&project, jsonColumn{&c}, sealedColumn{sealer: s.sealer, to: &key}, timeColumn{&c.CreatedAt})
	c.Project, c.Key = project, platform.PrivateKey(key)
	return c, err
}

// Certificates lists the uploaded certificates of a project, or of all when project is "",
// with their keys, in the order in which they came.
func (s *Store) Certificates(ctx context.Context, project string) ([]platform.Certificate, error) {
	return collect(ctx, s.reader, s.scanCertificate, `
		SELECT `+certificateColumns+` FROM certificates WHERE ? IN (project, '') ORDER BY created_at, project, id`, project)
}

// AddCertificate stores a certificate, its key sealed, and returns it with the time. It
// returns CodeConflict when the project has it already.
func (s *Store) AddCertificate(ctx context.Context, c platform.Certificate) (platform.Certificate, error) {
	err := s.write(ctx, func(tx *tx) error {
		c.CreatedAt = tx.now
		_, err := tx.ExecContext(ctx, `
			INSERT INTO certificates (project, id, certificate, private_key, created_at) VALUES (?, ?, ?, ?, ?)`,
			c.Project, c.ID, jsonColumn{c}, sealedColumn{sealer: s.sealer, plain: []byte(c.Key)}, timeText(tx.now))
		return err
	})
	if platform.ErrorCode(err) == platform.CodeConflict {
		return c, platform.Errorf(platform.CodeConflict, "project %s already has this certificate, as %s; nothing was changed", c.Project, c.ID)
	}
	return c, err
}

// DeleteCertificate removes an uploaded certificate. It returns CodeNotFound when the
// project has none with this ID.
func (s *Store) DeleteCertificate(ctx context.Context, project, id string) error {
	notFound := platform.Errorf(platform.CodeNotFound, "project %s has no uploaded certificate %q; nothing was changed", project, id).
		WithHint("`sluice certificate:list` shows the certificates")
	return s.deleteOne(ctx, notFound, `DELETE FROM certificates WHERE project = ? AND id = ?`, project, id)
}
