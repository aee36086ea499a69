package store

import (
	"context"
	"fmt"
	"time"

	"sluice/internal/platform"
)

const tokenColumns = `name, hash, scopes, created_by, created_at, expires_at, last_used_at` //nolint:gosec // names of columns

func scanToken(row scanner) (platform.Token, error) {
	var t platform.Token
	err := row.Scan(&t.Name, &t.Hash, jsonColumn{&t.Scopes}, &t.CreatedBy,
		timeColumn{&t.CreatedAt}, timeColumn{&t.ExpiresAt}, timeColumn{&t.LastUsedAt})
	return t, err
}

// SaveToken creates or replaces the token of that name. CreatedAt becomes now when it is
// zero. It returns CodeConflict when another token has the same hash.
func (s *Store) SaveToken(ctx context.Context, t platform.Token) error {
	err := s.write(ctx, func(tx *tx) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO tokens (`+tokenColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (name) DO UPDATE SET hash = excluded.hash, scopes = excluded.scopes, created_by = excluded.created_by,
				created_at = excluded.created_at, expires_at = excluded.expires_at, last_used_at = excluded.last_used_at`,
			t.Name, t.Hash, jsonColumn{t.Scopes}, t.CreatedBy,
			timeText(tx.orNow(t.CreatedAt)), timeText(t.ExpiresAt), timeText(t.LastUsedAt))
		return err
	})
	if err != nil {
		return fmt.Errorf("save token %s: %w", t.Name, err)
	}
	return nil
}

// TokenByHash returns the token with this hash, or CodeNotFound when there is none.
func (s *Store) TokenByHash(ctx context.Context, hash string) (platform.Token, error) {
	t, err := scanToken(s.reader.QueryRowContext(ctx, `SELECT `+tokenColumns+` FROM tokens WHERE hash = ?`, hash))
	if err != nil {
		return platform.Token{}, missing(err, "token not found")
	}
	return t, nil
}

// TouchToken records that the token was used now, at most once a minute, so that
// checking a token rarely costs a write.
func (s *Store) TouchToken(ctx context.Context, t platform.Token) error {
	if now := s.now(); now.Sub(t.LastUsedAt) < time.Minute {
		return nil
	}
	return s.write(ctx, func(tx *tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE tokens SET last_used_at = ? WHERE hash = ?`, timeText(tx.now), t.Hash)
		return err
	})
}

// Tokens lists all tokens by name, expired ones too.
func (s *Store) Tokens(ctx context.Context) ([]platform.Token, error) {
	return collect(ctx, s.reader, scanToken, `SELECT `+tokenColumns+` FROM tokens ORDER BY name`)
}

// DeleteToken revokes the token of that name. It returns CodeNotFound when there is none.
func (s *Store) DeleteToken(ctx context.Context, name string) error {
	return s.write(ctx, func(tx *tx) error {
		res, err := tx.ExecContext(ctx, `DELETE FROM tokens WHERE name = ?`, name)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n > 0 {
			return err
		}
		return platform.Errorf(platform.CodeNotFound, "token %q not found", name).
			WithHint("`sluice token:list` shows the tokens")
	})
}
