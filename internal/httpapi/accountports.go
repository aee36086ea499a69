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
	Providers
	Tokens
	Users
	Members
	Invitations
	SSHKeys
}

// Providers log people in elsewhere. Methods return CodeUnavailable while the provider does not
// respond, and fail as LogIn does; what they return says what the log-in is for also then.
type Providers interface {
	ProviderPolicies() []platform.ProviderPolicy
	// BeginProvider is for a client's request, or for the secret of an invitation.
	BeginProvider(ctx context.Context, id string, request platform.AuthorizationRequest, invitation string) (platform.ProviderStart, error)
	FinishProvider(ctx context.Context, id string, answer platform.ProviderAnswer) (platform.LogInProgress, error)
	// ContinueProvider takes the password or the one-time code that a log-in still wants.
	ContinueProvider(ctx context.Context, ticket, browser string, by platform.LogIn) (platform.LogInProgress, error)
}

// Invitations to projects. Those who may not invite get CodeForbidden.
type Invitations interface {
	// Invite adds somebody whose account is known, or returns an invitation.
	Invite(ctx context.Context, by access.Subject, project, email string, wanted access.Grant, force bool) (access.Member, *platform.Invitation, error)
	Invitations(ctx context.Context, by access.Subject, project string) ([]platform.Invitation, error)
	Invitation(ctx context.Context, by access.Subject, project, id string) (platform.Invitation, error)
	ResendInvitation(ctx context.Context, by access.Subject, project, id string) (platform.Invitation, error)
	CancelInvitation(ctx context.Context, by access.Subject, project, id string) error

	// OpenInvitation returns CodeNotFound for a secret that does not count.
	OpenInvitation(ctx context.Context, secret, address string) (platform.Invitation, error)
	// InvitedUser reports whether the address has an account, whose password accepts.
	InvitedUser(ctx context.Context, v platform.Invitation) (platform.User, bool, error)
	AcceptInvitation(ctx context.Context, secret string, by platform.Acceptance) (platform.Invitation, error)
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
	// SetTypeRole with NoRole takes the access to the environments of the type.
	SetTypeRole(ctx context.Context, by access.Subject, project string, kind platform.EnvironmentType, user string, role access.Role) (access.Member, error)
	RemoveMember(ctx context.Context, by access.Subject, project, user string) error
}
