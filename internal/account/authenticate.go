package account

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"sluice/internal/access"
	"sluice/internal/platform"
)

// The kinds of credentials that a Subject names.
const (
	byToken   = "token"
	bySession = "session"
	byKey     = "key"
)

// Secrets begin with what they are, so that a leaked one is recognised.
const (
	tokenPrefix   = "sluice_"         // API tokens
	accessPrefix  = "sluice_access_"  // access tokens of sessions
	refreshPrefix = "sluice_refresh_" // refresh tokens of sessions
)

// Authenticate returns whom an API token or an access token belongs to. It returns
// CodeUnauthorized for one that is not valid or has expired.
func (s *Service) Authenticate(ctx context.Context, secret string) (access.Subject, error) {
	if strings.HasPrefix(secret, accessPrefix) {
		return s.bySession(ctx, secret)
	}
	_, subject, err := s.useToken(ctx, secret)
	return subject, err
}

// useToken returns the API token of a secret and whom it belongs to, and records its use.
func (s *Service) useToken(ctx context.Context, secret string) (platform.Token, access.Subject, error) {
	t, err := s.Records.TokenByHash(ctx, hashSecret(secret))
	if platform.ErrorCode(err) == platform.CodeNotFound {
		err = errInvalidToken()
	}
	if err != nil {
		return platform.Token{}, access.Subject{}, err
	}
	subject, err := s.ofToken(ctx, t)
	if err != nil {
		return platform.Token{}, access.Subject{}, err
	}
	return t, subject, s.Records.TouchToken(ctx, t)
}

// bySession returns whom an access token belongs to.
func (s *Service) bySession(ctx context.Context, secret string) (access.Subject, error) {
	hash := hashSecret(secret)
	session, err := s.Records.SessionByHash(ctx, hash)
	if platform.ErrorCode(err) == platform.CodeNotFound || err == nil && session.Access != hash {
		return access.Subject{}, errInvalidToken()
	}
	if err != nil {
		return access.Subject{}, err
	}
	if !s.now().Before(session.AccessEnd) {
		return access.Subject{}, platform.Errorf(platform.CodeUnauthorized, "the access token has expired").
			WithHint("log in again: sluice auth:login")
	}
	return s.ofSession(ctx, session)
}

// Current returns a subject as it is now: with the rights that it has by now. It returns
// CodeUnauthorized when what it proved itself with has ended since; a certificate that has
// expired still counts. Open connections ask it again after a change, see Watch.
func (s *Service) Current(ctx context.Context, subject access.Subject) (access.Subject, error) {
	kind, id, _ := strings.Cut(subject.Credential, "/")
	var err error
	switch kind {
	case "":
		return subject, nil
	case byToken:
		var t platform.Token
		if t, err = s.Records.Token(ctx, id); err == nil {
			return s.ofToken(ctx, t)
		}
	case bySession:
		var session platform.Session
		if session, err = s.Records.Session(ctx, id); err == nil {
			return s.ofSession(ctx, session)
		}
	case byKey:
		var k platform.SSHKey
		if k, err = s.Records.SSHKey(ctx, id); err == nil {
			return s.ofKey(ctx, k)
		}
	default:
		err = platform.Errorf(platform.CodeNotFound, "credential not found")
	}
	if platform.ErrorCode(err) == platform.CodeNotFound {
		return access.Subject{}, platform.Errorf(platform.CodeUnauthorized, "the log-in has ended").WithHint("log in again: sluice auth:login")
	}
	return access.Subject{}, err
}

func (s *Service) ofToken(ctx context.Context, t platform.Token) (access.Subject, error) {
	if t.Expired(s.now()) {
		return access.Subject{}, platform.Errorf(platform.CodeUnauthorized, "the access token %s expired at %s", t.Name, t.ExpiresAt.UTC().Format(time.RFC3339)).
			WithHint("create a new token, or ask an admin for one, then log in with it: sluice auth:login")
	}
	return s.ofUser(ctx, t.User, byToken+"/"+t.ID, t.Scopes)
}

func (s *Service) ofSession(ctx context.Context, session platform.Session) (access.Subject, error) {
	if !s.now().Before(session.ExpiresAt) {
		return access.Subject{}, platform.Errorf(platform.CodeUnauthorized, "the log-in has expired").WithHint("log in again: sluice auth:login")
	}
	var limits []string
	if session.Token != "" {
		t, err := s.Records.Token(ctx, session.Token)
		if platform.ErrorCode(err) == platform.CodeNotFound || err == nil && t.Expired(s.now()) {
			return access.Subject{}, errInvalidToken()
		}
		if err != nil {
			return access.Subject{}, err
		}
		limits = t.Scopes
	}
	return s.ofUser(ctx, session.User, bySession+"/"+session.ID, limits)
}

func (s *Service) ofKey(ctx context.Context, k platform.SSHKey) (access.Subject, error) {
	return s.ofUser(ctx, k.User, byKey+"/"+k.Value, nil)
}

// cutCredential returns the ID in a credential of a kind, "" in one of another kind.
func cutCredential(credential, kind string) (id string, ok bool) {
	if have, id, ok := strings.Cut(credential, "/"); ok && have == kind {
		return id, true
	}
	return "", false
}

// ofUser returns a user as the subject of a request. A grant that this version does not
// know gives nothing, a limit that it does not know leaves nothing.
func (s *Service) ofUser(ctx context.Context, id, credential string, limits []string) (access.Subject, error) {
	u, err := s.Records.User(ctx, id)
	if platform.ErrorCode(err) == platform.CodeNotFound {
		return access.Subject{}, errInvalidToken()
	}
	if err != nil {
		return access.Subject{}, err
	}
	if u.State != platform.UserActive {
		return access.Subject{}, platform.Errorf(platform.CodeUnauthorized, "the account is %s", u.State).
			WithHint("ask an admin of the installation to activate it")
	}
	subject := access.Subject{Actor: u.Actor(), Grants: parseGrants(u.Grants), Credential: credential}
	if len(limits) > 0 {
		subject.Limits = parseGrants(limits)
	}
	return subject, nil
}

// parseGrants leaves out grants that this version cannot read. It never returns nil.
func parseGrants(texts []string) []access.Grant {
	grants := make([]access.Grant, 0, len(texts))
	for _, text := range texts {
		if g, err := access.ParseGrant(text); err == nil {
			grants = append(grants, g)
		}
	}
	return grants
}

func errInvalidToken() error {
	return platform.Errorf(platform.CodeUnauthorized, "invalid access token").
		WithHint("log in with a token of this server: sluice auth:login")
}

// newSecret returns a random secret of 130 bits.
func newSecret(prefix string) string { return prefix + strings.ToLower(rand.Text()) }

// hashSecret returns what is stored of a secret, and looked up: a comparison by an index
// then says nothing about the secret itself. Secrets are long random texts, so a slow hash
// would protect nothing.
func hashSecret(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}
