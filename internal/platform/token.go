package platform

import "time"

// Token is the record of an API token. The token itself is not kept.
type Token struct {
	ID         string   // stable and unique
	User       string   // ID of the user whom it belongs to
	Name       string   // unique among the user's tokens
	Hash       string   // SHA-256 of the token, hexadecimal
	Scopes     []string // text forms of access.Grant, which limit it; empty: all that the user may do
	CreatedBy  string   // ID of the user who made it
	CreatedAt  time.Time
	ExpiresAt  time.Time // zero: never
	LastUsedAt time.Time // to the minute; zero until used
}

// Expired reports whether the token has ended.
func (t Token) Expired(now time.Time) bool { return !t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt) }

// NewToken is what a token is made from.
type NewToken struct {
	Name   string
	Scopes []string      // text forms of access.Grant; empty: all that the user may do
	Life   time.Duration // 0: it does not expire
}

// AuditEntry records that someone did something that has to be accounted for: ran a
// command, changed tokens, variables, domains or access, or deleted data.
type AuditEntry struct {
	ID          int64
	Time        time.Time
	Actor       Actor
	Action      string // a permission, such as "environment.exec"
	Project     string // empty for the installation
	Environment string // empty for the project
	Detail      string // what it was about, such as the name of a variable; never a value
}

// AuditFilter selects entries; empty fields select all.
type AuditFilter struct {
	Project string
	Before  int64 // only entries with a lower ID; 0: all
	Limit   int   // 0: a default
}
