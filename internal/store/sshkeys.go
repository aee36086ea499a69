package store

import (
	"context"

	"sluice/internal/platform"
)

const sshKeyColumns = `id, user, title, value, created_at`

func scanSSHKey(row scanner) (platform.SSHKey, error) {
	var k platform.SSHKey
	err := row.Scan(&k.ID, &k.User, &k.Title, &k.Value, timeColumn{&k.CreatedAt})
	return k, err
}

// SSHKeys lists the keys of a user, oldest first.
func (s *Store) SSHKeys(ctx context.Context, user string) ([]platform.SSHKey, error) {
	return collect(ctx, s.reader, scanSSHKey, `SELECT `+sshKeyColumns+` FROM ssh_keys WHERE user = ? ORDER BY id`, user)
}

// SSHKey returns the key with this value, or CodeNotFound when no user has it.
func (s *Store) SSHKey(ctx context.Context, value string) (platform.SSHKey, error) {
	k, err := scanSSHKey(s.reader.QueryRowContext(ctx, `SELECT `+sshKeyColumns+` FROM ssh_keys WHERE value = ?`, value))
	if err != nil {
		return platform.SSHKey{}, missing(err, "SSH key not found")
	}
	return k, nil
}

// AddSSHKey stores a key and returns it with its ID. It returns CodeConflict when somebody
// has it already.
func (s *Store) AddSSHKey(ctx context.Context, k platform.SSHKey) (platform.SSHKey, error) {
	err := s.write(ctx, func(tx *tx) error {
		k.CreatedAt = tx.now
		res, err := tx.ExecContext(ctx, `INSERT INTO ssh_keys (user, title, value, created_at) VALUES (?, ?, ?, ?)`,
			k.User, k.Title, k.Value, timeText(k.CreatedAt))
		if err != nil {
			return err
		}
		k.ID, err = res.LastInsertId()
		return err
	})
	return k, err
}

// DeleteSSHKey removes a key of a user. It returns CodeNotFound when the user has none
// with this ID.
func (s *Store) DeleteSSHKey(ctx context.Context, user string, id int64) error {
	return s.deleteOne(ctx, platform.Errorf(platform.CodeNotFound, "SSH key not found"), `DELETE FROM ssh_keys WHERE user = ? AND id = ?`, user, id)
}
