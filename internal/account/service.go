package account

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"sluice/internal/access"
	"sluice/internal/platform"
)

// Records keeps accounts. Methods that name one record return CodeNotFound when there is
// none.
type Records interface {
	Users
	Tokens
	Sessions
	SSHKeys
	Connections
	Invitations

	// RightsGeneration returns a number that grows whenever somebody may have lost a right.
	RightsGeneration(ctx context.Context) (int64, error)
	// AddAudit appends to the audit log; ID and Time are set by the store.
	AddAudit(ctx context.Context, e platform.AuditEntry) error
}

// Users keeps users with their grants.
type Users interface {
	// CreateUser returns CodeConflict when the ID, the username or the e-mail address is taken.
	CreateUser(ctx context.Context, u platform.User) (platform.User, error)
	User(ctx context.Context, id string) (platform.User, error)
	// UserByLogin finds a user by e-mail address or username.
	UserByLogin(ctx context.Context, login string) (platform.User, error)
	// Users lists those with a grant that counts for the project, or all when it is "".
	Users(ctx context.Context, project string) ([]platform.User, error)
	// ChangeUser lets change alter all but the ID, the grants and the issuers, while nobody else can.
	ChangeUser(ctx context.Context, id string, change func(*platform.User) error) (platform.User, error)
	// SetGrants lets change replace the grants that name a project, or all when it is "".
	SetGrants(ctx context.Context, user, project string, change func(now []string) ([]string, error)) error
	// DeleteUser removes also what belongs to the user.
	DeleteUser(ctx context.Context, id string) error
}

// Tokens keeps API tokens.
type Tokens interface {
	// CreateToken returns CodeConflict when the user has a token of that name.
	CreateToken(ctx context.Context, t platform.Token) error
	Token(ctx context.Context, id string) (platform.Token, error)
	TokenByHash(ctx context.Context, hash string) (platform.Token, error)
	TouchToken(ctx context.Context, t platform.Token) error
	Tokens(ctx context.Context) ([]platform.Token, error)
	// DeleteToken removes also the sessions that were made with it.
	DeleteToken(ctx context.Context, id string) error
}

// Sessions keeps log-ins.
type Sessions interface {
	// SaveSession creates a session or replaces its tokens and times.
	SaveSession(ctx context.Context, s platform.Session) error
	Session(ctx context.Context, id string) (platform.Session, error)
	// SessionByHash finds a session by the hash of its access token or refresh token, the
	// previous one included.
	SessionByHash(ctx context.Context, hash string) (platform.Session, error)
	// DeleteSession of a session that does not exist is no error.
	DeleteSession(ctx context.Context, id string) error
	// DeleteSessions ends all sessions of a user but one.
	DeleteSessions(ctx context.Context, user, except string) error
}

// Connections keeps which identities of providers log in as which user.
type Connections interface {
	UserByIdentity(ctx context.Context, issuer, subject string) (platform.User, error)
	// Connect returns CodeConflict when the identity is connected to somebody, or the user has
	// one of the provider.
	Connect(ctx context.Context, c platform.Connection) error
	// Disconnect removes all connections of a user, if there are any.
	Disconnect(ctx context.Context, user string) error
}

// Invitations keeps invitations to projects, one of an address to each.
type Invitations interface {
	// SaveInvitation creates an invitation, in place of another of the address to the project.
	SaveInvitation(ctx context.Context, v platform.Invitation) error
	// Invitations lists those to a project, expired ones too.
	Invitations(ctx context.Context, project string) ([]platform.Invitation, error)
	// InvitationsOf lists those of an address, expired ones too.
	InvitationsOf(ctx context.Context, email string) ([]platform.Invitation, error)
	InvitationByHash(ctx context.Context, hash string) (platform.Invitation, error)
	DeleteInvitation(ctx context.Context, project, id string) error
}

// SSHKeys keeps public keys.
type SSHKeys interface {
	SSHKeys(ctx context.Context, user string) ([]platform.SSHKey, error)
	// SSHKey finds a key by its value.
	SSHKey(ctx context.Context, value string) (platform.SSHKey, error)
	// AddSSHKey returns CodeConflict when somebody has the key.
	AddSSHKey(ctx context.Context, k platform.SSHKey) (platform.SSHKey, error)
	DeleteSSHKey(ctx context.Context, user string, id int64) error
}

// Dependencies are what a Service works with. Records and Log may not be nil.
type Dependencies struct {
	Records Records
	// Authority signs SSH certificates of users. Its key has to survive restarts: clients keep
	// their certificates.
	Authority ssh.Signer
	// PasswordMemory is how many KiB the hash of a password needs; 0 means 65536. Tests save it.
	PasswordMemory uint32
	// Providers are those whose log-ins count here, in the order in which people see them.
	Providers []Provider
	Log       *slog.Logger
}

// Service is safe for concurrent use.
type Service struct {
	Dependencies
	now       func() time.Time
	passwords *hashing
	throttle  *throttle
	codes     *shortLived[authorization]
	flows     *shortLived[flow]   // by the state that providers send back
	tickets   *shortLived[ticket] // of people who have still to give something
	accepting sync.Mutex          // an invitation is accepted once
}

// New returns a Service.
func New(d Dependencies) *Service {
	return &Service{
		Dependencies: d, now: time.Now, passwords: newHashing(d.PasswordMemory),
		throttle: &throttle{failures: map[string][]time.Time{}},
		codes:    newShortLived[authorization](codePrefix, codeLife, maxCodes),
		flows:    newShortLived[flow]("", flowLife, maxCodes),
		tickets:  newShortLived[ticket]("", flowLife, maxCodes),
	}
}

// record writes to the audit log that someone does something now. When it cannot, an error
// is returned, and the caller must not do it.
func (s *Service) record(ctx context.Context, by access.Subject, p access.Permission, project, detail string) error {
	const most = 200
	if len(detail) > most {
		detail = detail[:most]
	}
	return s.Records.AddAudit(ctx, platform.AuditEntry{Actor: by.Actor, Action: string(p), Project: project, Detail: detail})
}
