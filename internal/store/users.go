package store

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"strings"

	"sluice/internal/platform"
)

const (
	userColumns = `id, kind, state, email, username, first_name, last_name, password, factor, created_at, updated_at, last_login_at, email_unverified`
	userGrants  = `(SELECT json_group_array(scope) FROM (SELECT scope FROM user_access WHERE user = users.id ORDER BY scope))`
	userIssuers = `(SELECT json_group_array(issuer) FROM (SELECT issuer FROM connections WHERE user = users.id ORDER BY issuer))`
	selectUser  = `SELECT ` + userColumns + `, ` + userGrants + `, ` + userIssuers + ` FROM users `
)

func (s *Store) scanUser(row scanner) (platform.User, error) {
	var u platform.User
	err := row.Scan(&u.ID, &u.Kind, &u.State, &u.Email, &u.Username, &u.FirstName, &u.LastName, (*string)(&u.Password),
		factorColumn{sealer: s.sealer, to: &u.Factor}, timeColumn{&u.CreatedAt}, timeColumn{&u.UpdatedAt}, timeColumn{&u.LastLoginAt},
		&u.EmailUnverified, jsonColumn{&u.Grants}, jsonColumn{&u.Issuers})
	if len(u.Issuers) == 0 {
		u.Issuers = nil
	}
	return u, err
}

// factorColumn stores a second factor as sealed JSON, and none as nothing.
type factorColumn struct {
	sealer *Sealer
	value  platform.SecondFactor
	to     *platform.SecondFactor
}

// Value implements driver.Valuer.
func (c factorColumn) Value() (driver.Value, error) {
	if len(c.value.Secret) == 0 {
		return []byte{}, nil
	}
	plain, err := json.Marshal(c.value) //nolint:gosec // it is sealed
	if err != nil {
		return nil, err
	}
	return c.sealer.Seal(plain)
}

// Scan implements sql.Scanner.
func (c factorColumn) Scan(src any) error {
	*c.to = platform.SecondFactor{}
	if sealed, ok := src.([]byte); ok && len(sealed) == 0 {
		return nil
	}
	var plain []byte
	if err := (sealedColumn{sealer: c.sealer, to: &plain}).Scan(src); err != nil {
		return fmt.Errorf("second factor: %w", err)
	}
	return json.Unmarshal(plain, c.to)
}

// CreateUser stores a user with its grants and returns it. CreatedAt becomes now when it is
// zero. It returns CodeConflict when the ID, the username or the e-mail address is taken.
func (s *Store) CreateUser(ctx context.Context, u platform.User) (platform.User, error) {
	err := s.write(ctx, func(tx *tx) error {
		u.CreatedAt = tx.orNow(u.CreatedAt)
		u.UpdatedAt = u.CreatedAt
		if _, err := tx.ExecContext(ctx, `INSERT INTO users (`+userColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			u.ID, u.Kind, u.State, u.Email, u.Username, u.FirstName, u.LastName, string(u.Password),
			factorColumn{sealer: s.sealer, value: u.Factor}, timeText(u.CreatedAt), timeText(u.UpdatedAt), timeText(u.LastLoginAt),
			u.EmailUnverified); err != nil {
			return err
		}
		return tx.setGrants(ctx, u.ID, nil, u.Grants)
	})
	return u, err
}

// User returns the user with this ID, or CodeNotFound when there is none.
func (s *Store) User(ctx context.Context, id string) (platform.User, error) {
	return s.oneUser(ctx, s.reader, `WHERE id = ?`, id)
}

// UserByLogin returns the user with this e-mail address or username, or CodeNotFound.
func (s *Store) UserByLogin(ctx context.Context, login string) (platform.User, error) {
	return s.oneUser(ctx, s.reader, `WHERE username = ? OR email = lower(?) AND email <> '' ORDER BY username = ? DESC LIMIT 1`, login, login, login)
}

func (s *Store) oneUser(ctx context.Context, q queryer, where string, args ...any) (platform.User, error) {
	u, err := s.scanUser(q.QueryRowContext(ctx, selectUser+where, args...))
	if err != nil {
		return platform.User{}, missing(err, "user not found")
	}
	return u, nil
}

// Users lists all users by username; with a project only those who have a grant that names
// it, or that counts for all projects.
func (s *Store) Users(ctx context.Context, project string) ([]platform.User, error) {
	return collect(ctx, s.reader, s.scanUser, selectUser+`
		WHERE ? = '' OR id IN (SELECT user FROM user_access WHERE project IN (?, '*')) ORDER BY username`, project, project)
}

// ChangeUser lets change alter a user, all of it but the ID, the grants and the issuers, and returns
// what was stored. The user is not changed by others meanwhile. It returns CodeNotFound when
// there is none, CodeConflict when a name is taken, and the error of change.
func (s *Store) ChangeUser(ctx context.Context, id string, change func(*platform.User) error) (platform.User, error) {
	var u platform.User
	err := s.write(ctx, func(tx *tx) error {
		var err error
		if u, err = s.oneUser(ctx, tx, `WHERE id = ?`, id); err != nil {
			return err
		}
		before := u
		if err := change(&u); err != nil {
			return err
		}
		u.ID, u.Grants, u.Issuers, u.CreatedAt, u.UpdatedAt = before.ID, before.Grants, before.Issuers, before.CreatedAt, tx.now
		_, err = tx.ExecContext(ctx, `
			UPDATE users SET kind = ?, state = ?, email = ?, username = ?, first_name = ?, last_name = ?, password = ?,
				factor = ?, updated_at = ?, last_login_at = ?, email_unverified = ? WHERE id = ?`,
			u.Kind, u.State, u.Email, u.Username, u.FirstName, u.LastName, string(u.Password),
			factorColumn{sealer: s.sealer, value: u.Factor}, timeText(u.UpdatedAt), timeText(u.LastLoginAt), u.EmailUnverified, u.ID)
		return err
	})
	return u, err
}

// SetGrants replaces the grants of a user that name a project, or all when it is "". change
// gets the present ones and returns the new ones. It returns CodeNotFound when there is no such user.
func (s *Store) SetGrants(ctx context.Context, user, project string, change func(now []string) ([]string, error)) error {
	return s.write(ctx, func(tx *tx) error {
		u, err := s.oneUser(ctx, tx, `WHERE id = ?`, user)
		if err != nil {
			return err
		}
		var now []string
		for _, g := range u.Grants {
			if p, _, _ := strings.Cut(g, ":"); project == "" || p == project {
				now = append(now, g)
			}
		}
		wanted, err := change(now)
		if err != nil {
			return err
		}
		return tx.setGrants(ctx, user, now, wanted)
	})
}

func (tx *tx) setGrants(ctx context.Context, user string, before, after []string) error {
	for _, scope := range before {
		if _, err := tx.ExecContext(ctx, `DELETE FROM user_access WHERE user = ? AND scope = ?`, user, scope); err != nil {
			return err
		}
	}
	for _, scope := range after {
		project, _, _ := strings.Cut(scope, ":")
		if _, err := tx.ExecContext(ctx, `INSERT OR IGNORE INTO user_access (user, scope, project) VALUES (?, ?, ?)`, user, scope, project); err != nil {
			return err
		}
	}
	return nil
}

// DeleteUser removes a user with everything that belongs to it: grants, tokens, sessions
// and keys. It returns CodeNotFound when there is none.
func (s *Store) DeleteUser(ctx context.Context, id string) error {
	return s.deleteOne(ctx, platform.Errorf(platform.CodeNotFound, "user not found"), `DELETE FROM users WHERE id = ?`, id)
}

// RightsGeneration returns a number that grows whenever somebody may have lost a right.
func (s *Store) RightsGeneration(ctx context.Context) (int64, error) {
	var n int64
	err := s.reader.QueryRowContext(ctx, `SELECT generation FROM rights`).Scan(&n)
	return n, mapError(err)
}
