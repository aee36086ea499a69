package store

import (
	"context"

	"sluice/internal/platform"
)

// UserByIdentity returns the user that an identity of a provider is connected to, or
// CodeNotFound.
func (s *Store) UserByIdentity(ctx context.Context, issuer, subject string) (platform.User, error) {
	return s.oneUser(ctx, s.reader, `WHERE id = (SELECT user FROM connections WHERE issuer = ? AND subject = ?)`, issuer, subject)
}

// Connect stores that the log-ins of an identity are those of a user. It returns CodeConflict
// when the identity is connected to somebody, or the user has one of the provider, and
// CodeNotFound when there is no such user.
func (s *Store) Connect(ctx context.Context, c platform.Connection) error {
	return s.write(ctx, func(tx *tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO connections (issuer, subject, user, email, created_at) VALUES (?, ?, ?, ?, ?)`,
			c.Issuer, c.Subject, c.User, c.Email, timeText(tx.orNow(c.CreatedAt)))
		return err
	})
}

// Disconnect removes the connections of a user; one that has none is no error.
func (s *Store) Disconnect(ctx context.Context, user string) error {
	return s.exec(ctx, `DELETE FROM connections WHERE user = ?`, user)
}
