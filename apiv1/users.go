package apiv1

import (
	"context"
	"net/http"
)

// User is an account.
type User struct {
	ID            string `json:"id"`
	Username      string `json:"username"`
	DisplayName   string `json:"display_name"`
	Email         string `json:"email"`
	EmailVerified bool   `json:"email_verified"`
	FirstName     string `json:"first_name"`
	LastName      string `json:"last_name"`
	Kind          string `json:"kind"`  // "person" or "machine"
	State         string `json:"state"` // "invited", "active" or "disabled"
	// PhoneVerified and Country are there for clients that show them: no phone number and no
	// address is kept.
	PhoneVerified bool     `json:"phone_number_verified"`
	Country       string   `json:"country"`
	MFAEnabled    bool     `json:"mfa_enabled"`
	SSOEnabled    bool     `json:"sso_enabled"`
	Scopes        []string `json:"scopes"` // what the user may do; of the caller, what the token that it used allows
	CreatedAt     Time     `json:"created_at"`
	UpdatedAt     Time     `json:"updated_at"`
	LastLoginAt   Time     `json:"last_login_at"` // null: never
	Links         Links    `json:"_links"`
}

// UserCreate asks for an account of a person.
type UserCreate struct {
	Email     string   `json:"email"`
	FirstName string   `json:"first_name,omitempty"`
	LastName  string   `json:"last_name,omitempty"`
	Password  string   `json:"password,omitempty"`
	Scopes    []string `json:"scopes,omitempty"`
}

// UserChange changes an account; what is null stays as it is.
type UserChange struct {
	FirstName *string `json:"first_name,omitempty"`
	LastName  *string `json:"last_name,omitempty"`
	State     *string `json:"state,omitempty"` // "active" or "disabled"
}

// Profile is what a client reads after a log-in: who the user is, with the SSH keys and the
// projects.
type Profile struct {
	ID          string           `json:"id"`
	UUID        string           `json:"uuid"`
	Username    string           `json:"username"`
	Mail        string           `json:"mail"`
	DisplayName string           `json:"display_name"`
	SSHKeys     []SSHKey         `json:"ssh_keys"`
	Projects    []ProfileProject `json:"projects"`
	Links       Links            `json:"_links"`
}

// ProfileProject is one of the projects that a user sees.
type ProfileProject struct {
	ID        string `json:"id"`
	Title     string `json:"title"`
	Name      string `json:"name"`
	Region    string `json:"region"`
	Endpoint  string `json:"endpoint"` // URL of the project
	Status    string `json:"status"`
	CreatedAt Time   `json:"created_at"`
}

// SSHKey is a public key of a user.
type SSHKey struct {
	KeyID       int64  `json:"key_id"`
	Title       string `json:"title"`
	Fingerprint string `json:"fingerprint"` // MD5, hexadecimal without colons
	Value       string `json:"value"`
	CreatedAt   Time   `json:"created_at"`
	Links       Links  `json:"_links"`
}

// Access is what a user may do on a project.
type Access struct {
	ID        string            `json:"id"`   // of the user
	Role      string            `json:"role"` // "admin" or "viewer"
	TypeRoles map[string]string `json:"type_roles"`
	Embedded  AccessEmbedded    `json:"_embedded"`
	Links     Links             `json:"_links"`
}

// AccessEmbedded holds the user of an Access.
type AccessEmbedded struct {
	Users []User `json:"users"`
}

// Role gives a role.
type Role struct {
	User string `json:"user,omitempty"` // ID, where the path does not name it
	Role string `json:"role"`
}

// EnvironmentType is a type of environments, for which roles are given.
type EnvironmentType struct {
	ID    string `json:"id"` // "production", "staging" or "development"
	Links Links  `json:"_links"`
}

// TypeAccess is the role of a user on the environments of a type.
type TypeAccess struct {
	ID    string `json:"id"`   // of the user
	Role  string `json:"role"` // "admin", "contributor" or "viewer"
	Links Links  `json:"_links"`
}

// TypeRole is a role on the environments of a type.
type TypeRole struct {
	Type string `json:"type"`
	Role string `json:"role"`
}

// InvitationCreate gives a user access to a project.
type InvitationCreate struct {
	Email       string     `json:"email"`
	Role        string     `json:"role"`        // "admin" or "viewer"
	Permissions []TypeRole `json:"permissions"` // of a viewer; none: viewer on all types
	Force       bool       `json:"force,omitempty"`
}

// Invitation is what became of an InvitationCreate: somebody with an account has the access at
// once, another person gets it with the address to open.
type Invitation struct {
	ID            string     `json:"id"`    // of an accepted one: that of the user
	State         string     `json:"state"` // "pending", "expired" or "accepted"
	Email         string     `json:"email"`
	Role          string     `json:"role"`
	Environments  []string   `json:"environments"`
	Permissions   []TypeRole `json:"permissions"`
	ActivationURL string     `json:"activation_url,omitempty"` // a secret: whoever opens it can accept, once
	InvitedBy     string     `json:"invited_by,omitempty"`
	CreatedAt     Time       `json:"created_at"`
	ExpiresAt     Time       `json:"expires_at"`
	Links         Links      `json:"_links"`
}

// Invite gives a user, named by e-mail address, access to a project.
func (c *Client) Invite(ctx context.Context, project string, wanted InvitationCreate) (Invitation, error) {
	return post[Invitation](ctx, c, path("projects", project, "invitations"), wanted)
}

// Invitations lists those to a project that have not been accepted.
func (c *Client) Invitations(ctx context.Context, project string) ([]Invitation, error) {
	return get[[]Invitation](ctx, c, path("projects", project, "invitations"), nil)
}

// ResendInvitation gives an invitation another address and the time of a new one.
func (c *Client) ResendInvitation(ctx context.Context, project, id string) (Invitation, error) {
	return change[Invitation](ctx, c, http.MethodPost, path("projects", project, "invitations", id, "resend"), nil)
}

// CancelInvitation makes the address of an invitation worthless.
func (c *Client) CancelInvitation(ctx context.Context, project, id string) error {
	return c.call(ctx, http.MethodDelete, path("projects", project, "invitations", id), nil, nil, nil)
}

// Users lists all accounts, for admins of the installation.
func (c *Client) Users(ctx context.Context) ([]User, error) {
	return get[[]User](ctx, c, path("users"), nil)
}

// CreateUser makes an account of a person.
func (c *Client) CreateUser(ctx context.Context, wanted UserCreate) (User, error) {
	return change[User](ctx, c, http.MethodPost, path("users"), wanted)
}

// Members lists who has access to a project.
func (c *Client) Members(ctx context.Context, project string) ([]Access, error) {
	return get[[]Access](ctx, c, path("projects", project, "access"), nil)
}

// SetRole gives a user another role on a project: "admin" or "viewer".
func (c *Client) SetRole(ctx context.Context, project, user, role string) (Access, error) {
	return change[Access](ctx, c, http.MethodPatch, path("projects", project, "access", user), Role{Role: role})
}

// SetTypeRole gives a user a role on the environments of a type, and with "" none.
func (c *Client) SetTypeRole(ctx context.Context, project, kind, user, role string) error {
	at := path("projects", project, "environment-types", kind, "access", user)
	if role == "" {
		return c.call(ctx, http.MethodDelete, at, nil, nil, nil)
	}
	return c.call(ctx, http.MethodPatch, at, nil, Role{Role: role}, nil)
}

// RemoveMember takes all access to a project from a user.
func (c *Client) RemoveMember(ctx context.Context, project, user string) error {
	return c.call(ctx, http.MethodDelete, path("projects", project, "access", user), nil, nil, nil)
}
