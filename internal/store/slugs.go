package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// LastKey returns the parts of the key of the application's newest slug, as stored by
// SaveKey. ok is false when there is none.
func (s *Store) LastKey(ctx context.Context, project, app string) (parts map[string]string, ok bool, err error) {
	err = s.reader.QueryRowContext(ctx, `SELECT parts FROM slug_keys WHERE project = ? AND app = ?`, project, app).
		Scan(jsonColumn{&parts})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("read build key of %s: %w", app, mapError(err))
	}
	return parts, true, nil
}

// SaveKey remembers the parts of the key of the application's newest slug. It returns
// CodeNotFound when there is no such project.
func (s *Store) SaveKey(ctx context.Context, project, app string, parts map[string]string) error {
	err := s.exec(ctx, `
		INSERT INTO slug_keys (project, app, parts) VALUES (?, ?, ?)
		ON CONFLICT (project, app) DO UPDATE SET parts = excluded.parts`, project, app, jsonColumn{parts})
	if err != nil {
		return fmt.Errorf("save build key of %s: %w", app, err)
	}
	return nil
}
