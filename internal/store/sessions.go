package store

import (
	"context"

	"sluice/internal/platform"
)

const sessionColumns = `id, user, coalesce(token, ''), client, access, refresh, previous, rotated_at, methods, created_at, login_at, access_end, expires_at`

func scanSession(row scanner) (platform.Session, error) {
	var v platform.Session
	err := row.Scan(&v.ID, &v.User, &v.Token, &v.Client, &v.Access, &v.Refresh, &v.Previous, timeColumn{&v.RotatedAt}, jsonColumn{&v.Methods},
		timeColumn{&v.CreatedAt}, timeColumn{&v.LoginAt}, timeColumn{&v.AccessEnd}, timeColumn{&v.ExpiresAt})
	return v, err
}

// SaveSession creates a session or replaces its tokens and times. It removes sessions that
// have ended. It returns CodeNotFound when the user or the API token does not exist.
func (s *Store) SaveSession(ctx context.Context, v platform.Session) error {
	return s.write(ctx, func(tx *tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM sessions WHERE expires_at < ?`, timeText(tx.now)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `
			INSERT INTO sessions (id, user, token, client, access, refresh, previous, rotated_at, methods, created_at, login_at, access_end, expires_at)
			VALUES (?, ?, nullif(?, ''), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET access = excluded.access, refresh = excluded.refresh,
				previous = excluded.previous, rotated_at = excluded.rotated_at, methods = excluded.methods,
				login_at = excluded.login_at, access_end = excluded.access_end, expires_at = excluded.expires_at`,
			v.ID, v.User, v.Token, v.Client, v.Access, v.Refresh, v.Previous, timeText(v.RotatedAt), jsonColumn{v.Methods},
			timeText(tx.orNow(v.CreatedAt)), timeText(v.LoginAt), timeText(v.AccessEnd), timeText(v.ExpiresAt))
		return err
	})
}

// Session returns the session with this ID, or CodeNotFound.
func (s *Store) Session(ctx context.Context, id string) (platform.Session, error) {
	return s.oneSession(ctx, `id = ?`, id)
}

// SessionByHash returns the session whose access token or refresh token, the previous one
// included, has this hash, or CodeNotFound.
func (s *Store) SessionByHash(ctx context.Context, hash string) (platform.Session, error) {
	return s.oneSession(ctx, `access = ?1 OR refresh = ?1 AND refresh <> '' OR previous = ?1 AND previous <> ''`, hash)
}

func (s *Store) oneSession(ctx context.Context, where string, args ...any) (platform.Session, error) {
	v, err := scanSession(s.reader.QueryRowContext(ctx, `SELECT `+sessionColumns+` FROM sessions WHERE `+where, args...))
	if err != nil {
		return platform.Session{}, missing(err, "session not found")
	}
	return v, nil
}

// DeleteSession ends a session; one that does not exist is not an error.
func (s *Store) DeleteSession(ctx context.Context, id string) error {
	return s.exec(ctx, `DELETE FROM sessions WHERE id = ?`, id)
}

// DeleteSessions ends all sessions of a user, but one where except is its ID.
func (s *Store) DeleteSessions(ctx context.Context, user, except string) error {
	return s.exec(ctx, `DELETE FROM sessions WHERE user = ? AND id <> ?`, user, except)
}
