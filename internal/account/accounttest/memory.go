package accounttest

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"sluice/internal/account"
	"sluice/internal/platform"
)

// Memory is an account.Records in memory. It is safe for concurrent use.
type Memory struct {
	// Now is the source of times; nil is time.Now.
	Now func() time.Time

	mu          sync.Mutex
	users       map[string]platform.User
	tokens      map[string]platform.Token
	sessions    map[string]platform.Session
	connections map[[2]string]platform.Connection // by issuer and subject
	invitations map[string]platform.Invitation
	keys        []platform.SSHKey
	lastKey     int64
	generation  int64
	audit       []platform.AuditEntry
}

var _ account.Records = (*Memory)(nil)

// New returns a Memory without accounts.
func New() *Memory {
	return &Memory{
		users: map[string]platform.User{}, tokens: map[string]platform.Token{}, sessions: map[string]platform.Session{},
		connections: map[[2]string]platform.Connection{}, invitations: map[string]platform.Invitation{},
	}
}

// Add stores a user and a token of it as they are, in place of such with the same IDs.
func (m *Memory) Add(u platform.User, t platform.Token) {
	m.mu.Lock()
	defer m.mu.Unlock()
	u.CreatedAt, u.UpdatedAt, t.CreatedAt = m.now(), m.now(), m.now()
	m.users[u.ID], m.tokens[t.ID] = u, t
}

func (m *Memory) now() time.Time {
	if m.Now != nil {
		return m.Now().UTC()
	}
	return time.Now().UTC()
}

func notFound(what string) error { return platform.Errorf(platform.CodeNotFound, "%s not found", what) }

func conflict() error {
	return platform.Errorf(platform.CodeConflict, "such a record exists already")
}

// find returns the record of a map that a condition is true for.
func find[K comparable, T any](m *Memory, records map[K]T, what string, is func(T) bool) (T, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range records {
		if is(r) {
			return r, nil
		}
	}
	var none T
	return none, notFound(what)
}

// CreateUser implements account.Users.
func (m *Memory) CreateUser(_ context.Context, u platform.User) (platform.User, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, taken := m.users[u.ID]; taken || m.taken(u) {
		return platform.User{}, conflict()
	}
	if u.CreatedAt.IsZero() {
		u.CreatedAt = m.now()
	}
	u.UpdatedAt = u.CreatedAt
	u.Grants = normal(u.Grants)
	m.users[u.ID] = u
	return u, nil
}

func (m *Memory) taken(u platform.User) bool {
	for _, other := range m.users {
		if other.ID != u.ID && (other.Username == u.Username || u.Email != "" && other.Email == u.Email) {
			return true
		}
	}
	return false
}

func normal(grants []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(append([]string{}, grants...))))
}

// User implements account.Users.
func (m *Memory) User(_ context.Context, id string) (platform.User, error) {
	return find(m, m.users, "user", func(u platform.User) bool { return u.ID == id })
}

// UserByLogin implements account.Users.
func (m *Memory) UserByLogin(_ context.Context, login string) (platform.User, error) {
	if u, err := find(m, m.users, "user", func(u platform.User) bool { return u.Username == login }); err == nil {
		return u, nil
	}
	return find(m, m.users, "user", func(u platform.User) bool { return u.Email != "" && u.Email == strings.ToLower(login) })
}

// Users implements account.Users.
func (m *Memory) Users(_ context.Context, project string) ([]platform.User, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := slices.SortedFunc(maps.Values(m.users), func(a, b platform.User) int { return cmp.Compare(a.Username, b.Username) })
	return slices.DeleteFunc(all, func(u platform.User) bool {
		return project != "" && !slices.ContainsFunc(u.Grants, func(g string) bool { return names(g, project) || names(g, "*") })
	}), nil
}

// names reports whether a grant is about a project.
func names(grant, project string) bool {
	p, _, _ := strings.Cut(grant, ":")
	return p == project
}

// ChangeUser implements account.Users.
func (m *Memory) ChangeUser(_ context.Context, id string, change func(*platform.User) error) (platform.User, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	before, ok := m.users[id]
	if !ok {
		return platform.User{}, notFound("user")
	}
	after := before
	if err := change(&after); err != nil {
		return platform.User{}, err
	}
	after.ID, after.Grants, after.Issuers, after.CreatedAt, after.UpdatedAt = before.ID, before.Grants, before.Issuers, before.CreatedAt, m.now()
	if m.taken(after) {
		return platform.User{}, conflict()
	}
	if before.State != after.State || before.Password != after.Password {
		m.generation++
	}
	m.users[id] = after
	return after, nil
}

// SetGrants implements account.Users.
func (m *Memory) SetGrants(_ context.Context, user, project string, change func([]string) ([]string, error)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	u, ok := m.users[user]
	if !ok {
		return notFound("user")
	}
	var now, rest []string
	for _, g := range u.Grants {
		if project == "" || names(g, project) {
			now = append(now, g)
		} else {
			rest = append(rest, g)
		}
	}
	wanted, err := change(now)
	if err != nil {
		return err
	}
	u.Grants = normal(append(rest, wanted...))
	m.users[user] = u
	m.generation++
	return nil
}

// DeleteUser implements account.Users.
func (m *Memory) DeleteUser(_ context.Context, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.users[id]; !ok {
		return notFound("user")
	}
	delete(m.users, id)
	maps.DeleteFunc(m.tokens, func(_ string, t platform.Token) bool { return t.User == id })
	maps.DeleteFunc(m.sessions, func(_ string, s platform.Session) bool { return s.User == id })
	maps.DeleteFunc(m.connections, func(_ [2]string, c platform.Connection) bool { return c.User == id })
	m.keys = slices.DeleteFunc(m.keys, func(k platform.SSHKey) bool { return k.User == id })
	m.generation++
	return nil
}

// CreateToken implements account.Tokens.
func (m *Memory) CreateToken(_ context.Context, t platform.Token) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.users[t.User]; !ok {
		return notFound("user")
	}
	for _, other := range m.tokens {
		if other.ID == t.ID || other.Hash == t.Hash || other.User == t.User && other.Name == t.Name {
			return conflict()
		}
	}
	if t.CreatedAt.IsZero() {
		t.CreatedAt = m.now()
	}
	t.Scopes = append([]string{}, t.Scopes...)
	m.tokens[t.ID] = t
	return nil
}

// Token implements account.Tokens.
func (m *Memory) Token(_ context.Context, id string) (platform.Token, error) {
	return find(m, m.tokens, "token", func(t platform.Token) bool { return t.ID == id })
}

// TokenByHash implements account.Tokens.
func (m *Memory) TokenByHash(_ context.Context, hash string) (platform.Token, error) {
	return find(m, m.tokens, "token", func(t platform.Token) bool { return t.Hash == hash })
}

// TouchToken implements account.Tokens.
func (m *Memory) TouchToken(_ context.Context, t platform.Token) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if stored, ok := m.tokens[t.ID]; ok && m.now().Sub(stored.LastUsedAt) >= time.Minute {
		stored.LastUsedAt = m.now()
		m.tokens[t.ID] = stored
	}
	return nil
}

// Tokens implements account.Tokens.
func (m *Memory) Tokens(context.Context) ([]platform.Token, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.SortedFunc(maps.Values(m.tokens), func(a, b platform.Token) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	}), nil
}

// DeleteToken implements account.Tokens.
func (m *Memory) DeleteToken(_ context.Context, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.tokens[id]; !ok {
		return notFound("token")
	}
	delete(m.tokens, id)
	maps.DeleteFunc(m.sessions, func(_ string, s platform.Session) bool { return s.Token == id })
	m.generation++
	return nil
}

// SaveSession implements account.Sessions.
func (m *Memory) SaveSession(_ context.Context, s platform.Session) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, userKnown := m.users[s.User]
	_, tokenKnown := m.tokens[s.Token]
	if !userKnown || s.Token != "" && !tokenKnown {
		return notFound("user or token")
	}
	maps.DeleteFunc(m.sessions, func(_ string, old platform.Session) bool { return old.ExpiresAt.Before(m.now()) })
	m.sessions[s.ID] = s
	return nil
}

// Session implements account.Sessions.
func (m *Memory) Session(_ context.Context, id string) (platform.Session, error) {
	return find(m, m.sessions, "session", func(s platform.Session) bool { return s.ID == id })
}

// SessionByHash implements account.Sessions.
func (m *Memory) SessionByHash(_ context.Context, hash string) (platform.Session, error) {
	return find(m, m.sessions, "session", func(s platform.Session) bool {
		return s.Access == hash || s.Refresh != "" && s.Refresh == hash || s.Previous != "" && s.Previous == hash
	})
}

// DeleteSession implements account.Sessions.
func (m *Memory) DeleteSession(_ context.Context, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.sessions, id)
	m.generation++
	return nil
}

// DeleteSessions implements account.Sessions.
func (m *Memory) DeleteSessions(_ context.Context, user, except string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	maps.DeleteFunc(m.sessions, func(id string, s platform.Session) bool { return s.User == user && id != except })
	m.generation++
	return nil
}

// SSHKeys implements account.SSHKeys.
func (m *Memory) SSHKeys(_ context.Context, user string) ([]platform.SSHKey, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(m.keys), func(k platform.SSHKey) bool { return k.User != user }), nil
}

// SSHKey implements account.SSHKeys.
func (m *Memory) SSHKey(_ context.Context, value string) (platform.SSHKey, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, k := range m.keys {
		if k.Value == value {
			return k, nil
		}
	}
	return platform.SSHKey{}, notFound("SSH key")
}

// AddSSHKey implements account.SSHKeys.
func (m *Memory) AddSSHKey(_ context.Context, k platform.SSHKey) (platform.SSHKey, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if slices.ContainsFunc(m.keys, func(other platform.SSHKey) bool { return other.Value == k.Value }) {
		return platform.SSHKey{}, conflict()
	}
	m.lastKey++
	k.ID, k.CreatedAt = m.lastKey, m.now()
	m.keys = append(m.keys, k)
	return k, nil
}

// DeleteSSHKey implements account.SSHKeys.
func (m *Memory) DeleteSSHKey(_ context.Context, user string, id int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	before := len(m.keys)
	m.keys = slices.DeleteFunc(m.keys, func(k platform.SSHKey) bool { return k.User == user && k.ID == id })
	if len(m.keys) == before {
		return notFound("SSH key")
	}
	m.generation++
	return nil
}

// RightsGeneration implements account.Records.
func (m *Memory) RightsGeneration(context.Context) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.generation, nil
}

// AddAudit implements account.Records.
func (m *Memory) AddAudit(_ context.Context, e platform.AuditEntry) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	e.ID, e.Time = int64(len(m.audit)+1), m.now()
	m.audit = append(m.audit, e)
	return nil
}

// Audit returns the audit log as lines, oldest first.
func (m *Memory) Audit() []platform.AuditEntry {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.audit)
}
