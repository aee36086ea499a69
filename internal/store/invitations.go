package store

import (
	"context"

	"sluice/internal/platform"
)

const invitationColumns = `id, project, email, scope, secret, hash, invited_by, invited_by_name, vouched, created_at, expires_at`

func (s *Store) scanInvitation(row scanner) (platform.Invitation, error) {
	var v platform.Invitation
	var secret []byte
	err := row.Scan(&v.ID, &v.Project, &v.Email, &v.Scope, sealedColumn{sealer: s.sealer, to: &secret}, &v.Hash,
		&v.InvitedBy.ID, &v.InvitedBy.Name, &v.Vouched, timeColumn{&v.CreatedAt}, timeColumn{&v.ExpiresAt})
	v.Secret = platform.InvitationSecret(secret)
	return v, err
}

// SaveInvitation stores an invitation, in place of another one of the project for the address.
func (s *Store) SaveInvitation(ctx context.Context, v platform.Invitation) error {
	return s.write(ctx, func(tx *tx) error {
		_, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO invitations (`+invitationColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			v.ID, v.Project, v.Email, v.Scope, sealedColumn{sealer: s.sealer, plain: []byte(v.Secret)}, v.Hash,
			v.InvitedBy.ID, v.InvitedBy.Name, v.Vouched, timeText(tx.orNow(v.CreatedAt)), timeText(v.ExpiresAt))
		return err
	})
}

// Invitations lists those to a project, by address; expired ones too.
func (s *Store) Invitations(ctx context.Context, project string) ([]platform.Invitation, error) {
	return s.invitations(ctx, `project = ?`, project)
}

// InvitationsOf lists those of an address, oldest first; expired ones too.
func (s *Store) InvitationsOf(ctx context.Context, email string) ([]platform.Invitation, error) {
	return s.invitations(ctx, `email = lower(?)`, email)
}

func (s *Store) invitations(ctx context.Context, where, value string) ([]platform.Invitation, error) {
	return collect(ctx, s.reader, s.scanInvitation, `SELECT `+invitationColumns+` FROM invitations WHERE `+where+` ORDER BY email, created_at, id`, value)
}

// InvitationByHash returns the invitation whose secret has this hash, or CodeNotFound.
func (s *Store) InvitationByHash(ctx context.Context, hash string) (platform.Invitation, error) {
	v, err := s.scanInvitation(s.reader.QueryRowContext(ctx, `SELECT `+invitationColumns+` FROM invitations WHERE hash = ?`, hash))
	if err != nil {
		return platform.Invitation{}, missing(err, "invitation not found")
	}
	return v, nil
}

// DeleteInvitation removes an invitation. It returns CodeNotFound when the project has none with this ID.
func (s *Store) DeleteInvitation(ctx context.Context, project, id string) error {
	return s.deleteOne(ctx, platform.Errorf(platform.CodeNotFound, "invitation not found"), `DELETE FROM invitations WHERE project = ? AND id = ?`, project, id)
}
