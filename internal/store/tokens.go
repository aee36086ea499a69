package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"sluice/internal/platform"
)

// Token is the record of an access token. The token itself is not kept.
type Token struct {
	Name       string // stable and unique; the ID of platform.Actor
	Hash       string // see HashToken
	CreatedAt  time.Time
	LastUsedAt time.Time // to the minute; zero until used
}

// HashToken returns what is stored of a token: its SHA-256, hexadecimal. Tokens are long
// random texts, so a slow hash would protect nothing.
func HashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

const tokenColumns = `name, hash, created_at, last_used_at` //nolint:gosec // names of columns

func scanToken(row scanner) (Token, error) {
	var t Token
	err := row.Scan(&t.Name, &t.Hash, timeColumn{&t.CreatedAt}, timeColumn{&t.LastUsedAt})
	return t, err
}

// SaveToken creates or replaces the token of that name. CreatedAt becomes now when it is
// zero. It returns CodeConflict when another token has the same hash.
func (s *Store) SaveToken(ctx context.Context, t Token) error {
	err := s.write(ctx, func(tx *tx) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO tokens (`+tokenColumns+`) VALUES (?, ?, ?, ?)
			ON CONFLICT (name) DO UPDATE SET hash = excluded.hash, created_at = excluded.created_at,
				last_used_at = excluded.last_used_at`,
			t.Name, t.Hash, timeText(tx.orNow(t.CreatedAt)), timeText(t.LastUsedAt))
		return err
	})
	if err != nil {
		return fmt.Errorf("save token %s: %w", t.Name, err)
	}
	return nil
}

// TokenByHash returns the token with this hash, or CodeNotFound when there is none.
func (s *Store) TokenByHash(ctx context.Context, hash string) (Token, error) {
	t, err := scanToken(s.reader.QueryRowContext(ctx, `SELECT `+tokenColumns+` FROM tokens WHERE hash = ?`, hash))
	if err != nil {
		return Token{}, missing(err, "there is no such token")
	}
	return t, nil
}

// TouchToken records that the token was used now, at most once a minute, so that
// checking a token seldom costs a write.
func (s *Store) TouchToken(ctx context.Context, t Token) error {
	if now := s.now(); now.Sub(t.LastUsedAt) < time.Minute {
		return nil
	}
	return s.write(ctx, func(tx *tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE tokens SET last_used_at = ? WHERE hash = ?`, timeText(tx.now), t.Hash)
		return err
	})
}

// Tokens lists all tokens by name.
func (s *Store) Tokens(ctx context.Context) ([]Token, error) {
	return collect(ctx, s.reader, scanToken, `SELECT `+tokenColumns+` FROM tokens ORDER BY name`)
}

// DeleteToken makes the token of that name worthless. It returns CodeNotFound when there
// is none.
func (s *Store) DeleteToken(ctx context.Context, name string) error {
	return s.write(ctx, func(tx *tx) error {
		res, err := tx.ExecContext(ctx, `DELETE FROM tokens WHERE name = ?`, name)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n > 0 {
			return err
		}
		return platform.Errorf(platform.CodeNotFound, "there is no token %q", name)
	})
}
