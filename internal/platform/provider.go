package platform

import (
	"slices"
	"strings"
	"time"
)

// ProviderPolicy is what the operator lets a provider of log-ins decide.
type ProviderPolicy struct {
	ID    string // letters, digits and hyphens; part of the address that the provider sends people back to
	Title string // what people know it as
	// Issuer is the provider's own name for itself, by which its identities are kept.
	Issuer string
	// Domains are those of the e-mail addresses of people who may log in; empty: all.
	Domains []string
	// Groups are those one of which people have to be in; empty: everybody.
	Groups []string
	// Everybody lets people without an account and an invitation get an account.
	Everybody bool
	// AssumeVerified takes addresses as verified that the provider says nothing about. It has
	// no effect on those that it says are not verified.
	AssumeVerified bool
	// Life is how long a log-in lasts, whatever its client does: what somebody lost at the
	// provider then counts here.
	Life time.Duration
}

// Refusal says why an identity may not log in here, or returns "".
func (p ProviderPolicy) Refusal(i Identity) string {
	if len(p.Groups) > 0 && !slices.ContainsFunc(i.Groups, func(g string) bool { return slices.Contains(p.Groups, g) }) {
		return "you are in no group whose members may log in here"
	}
	if len(p.Domains) == 0 {
		return ""
	}
	if !p.Verified(i) {
		return "it does not say that your e-mail address is verified"
	}
	_, domain, _ := strings.Cut(strings.ToLower(i.Email), "@")
	if !slices.Contains(p.Domains, domain) {
		return "addresses like " + i.Email + " may not log in here"
	}
	return ""
}

// Verified reports whether the address of an identity is known to be that of the person.
func (p ProviderPolicy) Verified(i Identity) bool {
	if i.Email == "" {
		return false
	}
	if i.EmailVerified == nil {
		return p.AssumeVerified
	}
	return *i.EmailVerified
}

// ProviderChallenge binds the answer of a provider to one log-in.
type ProviderChallenge struct {
	State    string
	Nonce    string
	Verifier string        // of PKCE
	MaxAge   time.Duration // how long ago the person may have logged in there; 0: any time
}

// ProviderStart is how a log-in through a provider begins.
type ProviderStart struct {
	Address string // where the browser is sent
	State   string // what it brings back
	Browser string // a secret that it keeps meanwhile
}

// ProviderAnswer is what the browser brings back from a provider.
type ProviderAnswer struct {
	State   string
	Code    string
	Issuer  string // empty from most providers
	Error   string // code of OAuth, such as access_denied; empty for none
	Browser string // the secret that the browser was given when it was sent there
	Address string // of the machine that it comes from
}

// Identity is what a provider says of a person.
type Identity struct {
	Issuer    string
	Subject   string // who it is; never another person's, while an e-mail address can become one
	Email     string
	FirstName string
	LastName  string
	// EmailVerified is nil when the provider does not say.
	EmailVerified *bool
	Groups        []string
	LoginAt       time.Time // when the person logged in there; zero: it does not say
}

// Connection is an identity whose log-ins are those of a user.
type Connection struct {
	Issuer    string
	Subject   string
	User      string
	Email     string // at the time of the connection, for people to read
	CreatedAt time.Time
}

// LogInProgress is how far a log-in through a provider has come.
type LogInProgress struct {
	// Request is that of the client; its Client is empty when only an invitation is accepted.
	Request  AuthorizationRequest
	Provider string // its title
	// Invitation is the secret of the invitation that the log-in began with, or empty.
	Invitation string
	// Code is the authorization code of a log-in that is complete.
	Code string
	// Ticket is given with the password or the one-time code that is still wanted.
	Ticket        string
	Login         string // whose they are
	WantsOneTime  bool
	WantsPassword bool
	// Project is that of an invitation that was accepted, or empty.
	Project string
}
