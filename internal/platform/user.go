package platform

import (
	"strings"
	"time"
)

// UserKind says what stands behind an account.
type UserKind string

// The kinds of users. A machine has tokens, but no e-mail address and no password.
const (
	Person  UserKind = "person"
	Machine UserKind = "machine"
)

// UserState says whether an account can be used.
type UserState string

// The states of users. Only an active one can log in.
const (
	UserActive   UserState = "active"
	UserDisabled UserState = "disabled"
)

// User is an account.
type User struct {
	ID    string // letters, digits and hyphens; stable, and the ID of the Actor
	Kind  UserKind
	State UserState
	Email string // lower case; unique, but empty for a machine
	// EmailUnverified says that only who invited the person said that the address is theirs.
	EmailUnverified bool
	Username        string // unique
	FirstName       string
	LastName        string
	Grants          []string     // text forms of access.Grant
	Password        PasswordHash // empty: no log-in with a password
	Factor          SecondFactor
	Issuers         []string // of the providers that an identity of the user is connected to; set by the store
	CreatedAt       time.Time
	UpdatedAt       time.Time
	LastLoginAt     time.Time // with a password or through a provider; zero until then
}

// NewUser is what an account of a person is made from.
type NewUser struct {
	Email     string
	FirstName string
	LastName  string
	Password  string   // empty: none yet
	Scopes    []string // text forms of access.Grant; may be empty
}

// UserChange is what can be changed about an account; nil fields stay as they are.
type UserChange struct {
	FirstName *string
	LastName  *string
	State     *UserState // UserActive or UserDisabled; only admins of the installation
}

// PasswordHash is the hash of a password in the PHC format. It hides itself from logs.
type PasswordHash string

// String keeps the hash out of logs.
func (PasswordHash) String() string { return "[hidden]" }

// GoString keeps the hash out of logs.
func (PasswordHash) GoString() string { return "[hidden]" }

// ValidUserID reports whether a text can be the ID of a user.
func ValidUserID(id string) bool {
	const most = 64
	return id != "" && len(id) <= most && !strings.ContainsFunc(id, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-'
	})
}

// DisplayName returns the name that people see.
func (u User) DisplayName() string {
	if name := strings.TrimSpace(u.FirstName + " " + u.LastName); name != "" {
		return name
	}
	return u.Username
}

// Actor returns the user as one who does something.
func (u User) Actor() Actor { return Actor{ID: u.ID, Name: u.DisplayName()} }

// SecondFactor is a user's second factor for log-ins with a password: one-time passwords by
// time (RFC 6238). It hides itself from logs.
type SecondFactor struct {
	Secret    []byte   // empty: there is none
	Confirmed bool     // the user has shown that it can make one-time passwords
	LastStep  int64    // the time step of the last one that was accepted; each counts once
	Recovery  []string // SHA-256 of unused recovery codes, hexadecimal
}

// Enabled reports whether log-ins ask for the factor.
func (f SecondFactor) Enabled() bool { return f.Confirmed && len(f.Secret) > 0 }

// String keeps the secret out of logs.
func (SecondFactor) String() string { return "[hidden]" }

// GoString keeps the secret out of logs.
func (SecondFactor) GoString() string { return "[hidden]" }

// SSHKey is a public key with which a user logs in.
type SSHKey struct {
	ID        int64 // set by the store
	User      string
	Title     string
	Value     string // "ssh-ed25519 AAAA...", without a comment
	CreatedAt time.Time
}

// AuthorizationRequest is what a client asks for when it sends its user to the log-in page.
type AuthorizationRequest struct {
	Client      string
	RedirectURI string // of a program on the user's own machine
	Challenge   string // SHA-256 of the client's verifier, base64 for URLs without padding
	State       string // what the client wants back
	// MaxAge is how long ago the user may have proved who it is; 0: any time.
	MaxAge time.Duration
}

// LogIn is what a user enters to log in.
type LogIn struct {
	Login    string // e-mail address or username
	Password string
	OneTime  string // code of the second factor, or a recovery code; may be empty
	Address  string // of the machine that it comes from
}

// String keeps secrets out of logs.
func (LogIn) String() string { return "[hidden]" }

// GoString keeps secrets out of logs.
func (LogIn) GoString() string { return "[hidden]" }

// StepUpError is the cause of an error that a new log-in solves.
type StepUpError struct {
	MaxAge time.Duration // how long ago the log-in may be
}

// Error implements error.
func (e *StepUpError) Error() string { return "insufficient user authentication" }

// Issued are the tokens that a log-in gives out.
type Issued struct {
	Access  string
	Refresh string        // empty: the log-in cannot be refreshed
	Life    time.Duration // of Access
}

// Session is a log-in through OAuth 2. Its tokens are not kept, only their hashes.
type Session struct {
	ID        string
	User      string
	Token     string // ID of the API token that it was made with, or empty
	Client    string // OAuth client ID
	Access    string // SHA-256 of the access token, hexadecimal
	Refresh   string // the same of the refresh token; empty: cannot be refreshed
	Previous  string // the same of the refresh token before this one, or empty
	RotatedAt time.Time
	Methods   []string // how the user proved who it is: "pwd", "otp", "fed"
	CreatedAt time.Time
	LoginAt   time.Time // when the user last proved who it is
	AccessEnd time.Time // when the access token ends
	ExpiresAt time.Time // when the session ends
}
