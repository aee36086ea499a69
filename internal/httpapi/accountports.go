package httpapi

import (
	"context"

	"sluice/internal/access"
	"sluice/internal/platform"
)

// Accounts is who people and machines are.
type Accounts interface {
	// Authenticate returns whom a token belongs to, or CodeUnauthorized.
	Authenticate(ctx context.Context, token string) (access.Subject, error)

	Sessions
	Tokens
	Users
	Members
	SSHKeys
}

// Sessions are log-ins through OAuth 2. Methods return CodeUnauthorized for what does not
// prove who somebody is.
type Sessions interface {
	// LogIn returns an authorization code. It returns CodeRateLimited after too many failures.
	LogIn(ctx context.Context, request platform.AuthorizationRequest, by platform.LogIn) (code string, err error)
	ExchangeCode(ctx context.Context, client, redirect, code, verifier string) (platform.Issued, error)
	ExchangeToken(ctx context.Context, client, secret string) (platform.Issued, error)
	Refresh(ctx context.Context, client, secret string) (platform.Issued, error)
	// RevokeSession of a token that is not known is no error.
	RevokeSession(ctx context.Context, secret string) error
}

// SSHKeys keeps the SSH keys of users and signs certificates.
type SSHKeys interface {
	SSHKeys(ctx context.Context, by access.Subject) ([]platform.SSHKey, error)
	// AddSSHKey reads a key in the format of authorized_keys. It returns CodeConflict when
	// somebody has the key.
	AddSSHKey(ctx context.Context, by access.Subject, title, text string) (platform.SSHKey, error)
	DeleteSSHKey(ctx context.Context, by access.Subject, id int64) error
	// Fingerprint is that of MD5, hexadecimal without colons.
	Fingerprint(k platform.SSHKey) string
	// Certify returns a certificate of the subject for a public key.
	Certify(ctx context.Context, by access.Subject, text string) (string, error)
	// AuthorityKey is the public key that certificates are signed with.
	AuthorityKey() string
}

// Tokens keeps API tokens.
type Tokens interface {
	// Tokens lists those that the subject can manage, and its own.
	Tokens(ctx context.Context, by access.Subject) ([]platform.Token, error)
	// CreateToken returns the token itself too, which is not kept.
	CreateToken(ctx context.Context, by access.Subject, wanted platform.NewToken) (string, platform.Token, error)
	// RevokeToken returns CodeNotFound for a token that the subject cannot manage; name is
	// its ID or name.
	RevokeToken(ctx context.Context, by access.Subject, name string) error
}

// Users keeps accounts. Methods return CodeNotFound for an account that the subject may not
// see, and CodeForbidden for what only an admin of the installation may do.
type Users interface {
	// Me returns CodeNotFound for a subject without an account.
	Me(ctx context.Context, by access.Subject) (platform.User, error)
	User(ctx context.Context, by access.Subject, id string) (platform.User, error)
	Users(ctx context.Context, by access.Subject) ([]platform.User, error)
	CreateUser(ctx context.Context, by access.Subject, wanted platform.NewUser) (platform.User, error)
	ChangeUser(ctx context.Context, by access.Subject, id string, change platform.UserChange) (platform.User, error)
	// SetPassword of the subject itself wants the present password. It returns CodeRateLimited
	// after too many failures.
	SetPassword(ctx context.Context, by access.Subject, user, present, wanted, address string) error
	// EnrollFactor and ConfirmFactor set up the subject's second factor.
	EnrollFactor(ctx context.Context, by access.Subject) (secret, address string, err error)
	ConfirmFactor(ctx context.Context, by access.Subject, code, address string) (recovery []string, err error)
	RemoveFactor(ctx context.Context, by access.Subject, user, password, address string) error
	DeleteUser(ctx context.Context, by access.Subject, id string) error
}

// Members is who has access to a project. Methods return CodeForbidden to those who may not
// manage it, and CodeNotFound for a user without access.
type Members interface {
	Members(ctx context.Context, by access.Subject, project string) ([]access.Member, error)
	Member(ctx context.Context, by access.Subject, project, user string) (access.Member, error)
	SetRole(ctx context.Context, by access.Subject, project, user string, role access.Role) (access.Member, error)
	// AddMember returns CodeConflict for one who has access already, unless force, and
	// CodeNotFound for an address that no user has.
	AddMember(ctx context.Context, by access.Subject, project, email string, wanted access.Grant, force bool) (access.Member, error)
	// SetTypeRole with NoRole takes the access to the environments of the type.
	SetTypeRole(ctx context.Context, by access.Subject, project string, kind platform.EnvironmentType, user string, role access.Role) (access.Member, error)
	RemoveMember(ctx context.Context, by access.Subject, project, user string) error
}
