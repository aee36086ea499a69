package account

import (
	"context"
	"slices"
	"time"

	"sluice/internal/platform"
)

// How long log-ins last.
const (
	accessLife  = 15 * time.Minute    // of an access token
	sessionLife = 30 * 24 * time.Hour // of a log-in that nobody refreshes
	// A refresh token that was just replaced still counts: two processes of one client may
	// have refreshed at once. After that, its use means that it was stolen.
	rotationGrace = time.Minute
)

// ExchangeToken makes a session out of an API token, with an access token that lives for
// minutes. It returns CodeUnauthorized for an API token that is not valid.
func (s *Service) ExchangeToken(ctx context.Context, client, secret string) (platform.Issued, error) {
	t, _, err := s.useToken(ctx, secret)
	if err != nil {
		return platform.Issued{}, err
	}
	now := s.now().UTC()
	session := platform.Session{
		ID: platform.NewID(), User: t.User, Token: t.ID, Client: client, Methods: []string{"token"},
		CreatedAt: now, LoginAt: now, ExpiresAt: now.Add(accessLife),
	}
	if !t.ExpiresAt.IsZero() && t.ExpiresAt.Before(session.ExpiresAt) {
		session.ExpiresAt = t.ExpiresAt
	}
	return s.issue(ctx, session)
}

// Refresh gives a session new tokens. It returns CodeUnauthorized for a refresh token that
// is not valid. One that was replaced a while ago ends the session: somebody stole it.
func (s *Service) Refresh(ctx context.Context, client, secret string) (platform.Issued, error) {
	hash := hashSecret(secret)
	session, err := s.Records.SessionByHash(ctx, hash)
	if platform.ErrorCode(err) == platform.CodeNotFound || err == nil && (session.Access == hash || session.Client != client) {
		return platform.Issued{}, errInvalidToken()
	}
	if err != nil {
		return platform.Issued{}, err
	}
	if session.Previous == hash && s.now().Sub(session.RotatedAt) > rotationGrace {
		s.Log.WarnContext(ctx, "a refresh token was used twice; the log-in was ended", "user", session.User, "session", session.ID)
		if err := s.Records.DeleteSession(ctx, session.ID); err != nil {
			return platform.Issued{}, err
		}
		return platform.Issued{}, errInvalidToken()
	}
	if _, err := s.ofSession(ctx, session); err != nil {
		return platform.Issued{}, err
	}
	if !slices.Contains(session.Methods, byProvider) { // what a provider said counts for a while only
		session.ExpiresAt = s.now().UTC().Add(sessionLife)
	}
	return s.issue(ctx, session)
}

// issue gives a session new tokens. One that was made with an API token cannot be refreshed.
func (s *Service) issue(ctx context.Context, session platform.Session) (platform.Issued, error) {
	now := s.now().UTC()
	out := platform.Issued{Access: newSecret(accessPrefix), Life: min(accessLife, session.ExpiresAt.Sub(now))}
	session.Access, session.AccessEnd = hashSecret(out.Access), now.Add(out.Life)
	if session.Token == "" {
		out.Refresh = newSecret(refreshPrefix)
		session.Previous, session.RotatedAt = session.Refresh, now
		session.Refresh = hashSecret(out.Refresh)
	}
	return out, s.Records.SaveSession(ctx, session)
}

// RevokeSession ends the session that an access token or a refresh token belongs to; a
// token of none is no error.
func (s *Service) RevokeSession(ctx context.Context, secret string) error {
	session, err := s.Records.SessionByHash(ctx, hashSecret(secret))
	if platform.ErrorCode(err) == platform.CodeNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	return s.Records.DeleteSession(ctx, session.ID)
}
