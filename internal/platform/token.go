package platform

import "time"

// Token is the record of an access token. The token itself is not kept.
type Token struct {
	Name       string   // stable and unique; the ID of the Actor
	Hash       string   // SHA-256 of the token, hexadecimal
	Scopes     []string // text forms of access.Grant
	CreatedBy  string   // name of the token that made it; empty for the operator
	CreatedAt  time.Time
	ExpiresAt  time.Time // zero: never
	LastUsedAt time.Time // to the minute; zero until used
}

// Expired reports whether the token has ended.
func (t Token) Expired(now time.Time) bool { return !t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt) }

// NewToken is what a token is made from.
type NewToken struct {
	Name    string
	Scopes  []string      // text forms of access.Grant; at least one
	Life    time.Duration // 0: it does not expire
	Replace bool          // an existing token of that name is revoked
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
