package platform

import "time"

// Invitation is access to a project for a person who has no account, or whose address has
// not been confirmed. Who has its secret can accept it, once.
type Invitation struct {
	ID        string
	Project   string
	Email     string // lower case
	Scope     string // text form of the access.Grant that it gives
	Secret    InvitationSecret
	Hash      string // SHA-256 of the secret, hexadecimal
	InvitedBy Actor
	// Vouched says that an admin of the installation invited, who can say whose an address is.
	Vouched   bool
	CreatedAt time.Time
	ExpiresAt time.Time
}

// InvitationSecret is the last part of an invitation's address. It hides itself from logs.
type InvitationSecret string

// String keeps the secret out of logs.
func (InvitationSecret) String() string { return "[hidden]" }

// GoString keeps the secret out of logs.
func (InvitationSecret) GoString() string { return "[hidden]" }

// Acceptance is how a person accepts an invitation: with a new password, or with that of the
// account that they have.
type Acceptance struct {
	FirstName string
	LastName  string
	Password  string
	OneTime   string
	Address   string // of the machine that it comes from
}

// String keeps secrets out of logs.
func (Acceptance) String() string { return "[hidden]" }

// GoString keeps secrets out of logs.
func (Acceptance) GoString() string { return "[hidden]" }
