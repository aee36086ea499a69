package accounttest

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"sluice/internal/platform"
)

// UserByIdentity implements account.Connections.
func (m *Memory) UserByIdentity(ctx context.Context, issuer, subject string) (platform.User, error) {
	c, err := find(m, m.connections, "connection", func(c platform.Connection) bool { return c.Issuer == issuer && c.Subject == subject })
	if err != nil {
		return platform.User{}, err
	}
	return m.User(ctx, c.User)
}

// Connect implements account.Connections.
func (m *Memory) Connect(_ context.Context, c platform.Connection) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	u, ok := m.users[c.User]
	if !ok {
		return notFound("user")
	}
	key := [2]string{c.Issuer, c.Subject}
	if _, taken := m.connections[key]; taken || slices.Contains(u.Issuers, c.Issuer) {
		return conflict()
	}
	if c.CreatedAt.IsZero() {
		c.CreatedAt = m.now()
	}
	m.connections[key] = c
	u.Issuers = slices.Sorted(slices.Values(append(slices.Clone(u.Issuers), c.Issuer)))
	m.users[u.ID] = u
	return nil
}

// Disconnect implements account.Connections.
func (m *Memory) Disconnect(_ context.Context, user string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	maps.DeleteFunc(m.connections, func(_ [2]string, c platform.Connection) bool { return c.User == user })
	if u, ok := m.users[user]; ok {
		u.Issuers = nil
		m.users[user] = u
	}
	m.generation++
	return nil
}

// SaveInvitation implements account.Invitations.
func (m *Memory) SaveInvitation(_ context.Context, v platform.Invitation) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	maps.DeleteFunc(m.invitations, func(_ string, old platform.Invitation) bool { return old.Project == v.Project && old.Email == v.Email })
	if v.CreatedAt.IsZero() {
		v.CreatedAt = m.now()
	}
	m.invitations[v.ID] = v
	return nil
}

// Invitations implements account.Invitations.
func (m *Memory) Invitations(_ context.Context, project string) ([]platform.Invitation, error) {
	return m.selectInvitations(func(v platform.Invitation) bool { return v.Project == project }), nil
}

// InvitationsOf implements account.Invitations.
func (m *Memory) InvitationsOf(_ context.Context, email string) ([]platform.Invitation, error) {
	return m.selectInvitations(func(v platform.Invitation) bool { return v.Email == strings.ToLower(email) }), nil
}

func (m *Memory) selectInvitations(is func(platform.Invitation) bool) []platform.Invitation {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := slices.SortedFunc(maps.Values(m.invitations), func(a, b platform.Invitation) int {
		return cmp.Or(cmp.Compare(a.Email, b.Email), a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return slices.DeleteFunc(all, func(v platform.Invitation) bool { return !is(v) })
}

// InvitationByHash implements account.Invitations.
func (m *Memory) InvitationByHash(_ context.Context, hash string) (platform.Invitation, error) {
	return find(m, m.invitations, "invitation", func(v platform.Invitation) bool { return v.Hash == hash })
}

// DeleteInvitation implements account.Invitations.
func (m *Memory) DeleteInvitation(_ context.Context, project, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if v, ok := m.invitations[id]; !ok || v.Project != project {
		return notFound("invitation")
	}
	delete(m.invitations, id)
	return nil
}
