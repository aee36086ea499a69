package store

import (
	"context"
	"fmt"
	"time"

	"sluice/internal/platform"
)

const tokenColumns = `id, user, name, hash, scopes, created_by, created_at, expires_at, last_used_at` //nolint:gosec // names of columns

func scanToken(row scanner) (platform.Token, error) {
	var t platform.Token
	err := row.Scan(&t.ID, &t.User, &t.Name, &t.Hash, jsonColumn{&t.Scopes}, &t.CreatedBy,
		timeColumn{&t.CreatedAt}, timeColumn{&t.ExpiresAt}, timeColumn{&t.LastUsedAt})
	return t, err
}

// CreateToken stores a token. CreatedAt becomes now when it is zero. It returns CodeConflict
// when the user has a token of that name or another token has the same ID or hash, and
// CodeNotFound when there is no such user.
func (s *Store) CreateToken(ctx context.Context, t platform.Token) error {
	err := s.write(ctx, func(tx *tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO tokens (`+tokenColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			t.ID, t.User, t.Name, t.Hash, jsonColumn{append([]string{}, t.Scopes...)}, t.CreatedBy,
			timeText(tx.orNow(t.CreatedAt)), timeText(t.ExpiresAt), timeText(t.LastUsedAt))
		return err
	})
	if err != nil {
		return fmt.Errorf("create token %s: %w", t.Name, err)
	}
	return nil
}

// Token returns the token with this ID, or CodeNotFound when there is none.
func (s *Store) Token(ctx context.Context, id string) (platform.Token, error) {
	return s.oneToken(ctx, `id = ?`, id)
}

// TokenByHash returns the token with this hash, or CodeNotFound when there is none.
func (s *Store) TokenByHash(ctx context.Context, hash string) (platform.Token, error) {
	return s.oneToken(ctx, `hash = ?`, hash)
}

func (s *Store) oneToken(ctx context.Context, where, value string) (platform.Token, error) {
	t, err := scanToken(s.reader.QueryRowContext(ctx, `SELECT `+tokenColumns+` FROM tokens WHERE `+where, value))
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
		_, err := tx.ExecContext(ctx, `UPDATE tokens SET last_used_at = ? WHERE id = ?`, timeText(tx.now), t.ID)
		return err
	})
}

// Tokens lists all tokens by name, expired ones too.
func (s *Store) Tokens(ctx context.Context) ([]platform.Token, error) {
	return collect(ctx, s.reader, scanToken, `SELECT `+tokenColumns+` FROM tokens ORDER BY name, id`)
}

// DeleteToken revokes the token with this ID, and ends the sessions that were made with it.
// It returns CodeNotFound when there is none.
func (s *Store) DeleteToken(ctx context.Context, id string) error {
	return s.deleteOne(ctx, platform.Errorf(platform.CodeNotFound, "token not found"), `DELETE FROM tokens WHERE id = ?`, id)
}
