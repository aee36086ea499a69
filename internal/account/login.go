package account

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"regexp"
	"strings"
	"time"

	"sluice/internal/access"
	"sluice/internal/platform"
)

// logIn is the action in the audit log when somebody logs in with a password.
const logIn access.Permission = "auth.login"

// Limits of authorization codes.
const (
	codePrefix = "sluice_code_"
	codeLife   = time.Minute
	maxCodes   = 10_000
	maxLogin   = 254
)

// LogIn checks who somebody is and returns a code, good once and for a minute, with which
// their client gets its tokens. It returns CodeUnauthorized, always with the same text, when
// the name, the password or the one-time code is wrong, and CodeRateLimited after too many
// failures.
func (s *Service) LogIn(ctx context.Context, request platform.AuthorizationRequest, by platform.LogIn) (string, error) {
	if err := checkAuthorizationRequest(request); err != nil {
		return "", err
	}
	name := strings.ToLower(strings.TrimSpace(by.Login))
	if len(name) > maxLogin {
		name = name[:maxLogin]
	}
	if err := s.throttle.reserve(s.now(), name, by.Address); err != nil {
		return "", err
	}
	u, methods, err := s.identify(ctx, name, by)
	if platform.ErrorCode(err) == platform.CodeUnauthorized {
		s.Log.WarnContext(ctx, "log-in failed", "address", by.Address)
	}
	if err != nil {
		return "", err
	}
	s.throttle.forgive(name, by.Address)
	if err := s.record(ctx, access.Subject{Actor: u.Actor()}, logIn, "", "from "+by.Address); err != nil {
		return "", err
	}
	return s.authorize(ctx, authorization{AuthorizationRequest: request, user: u.ID, methods: methods, at: s.now().UTC()})
}

// authorize returns a code for a log-in that is complete.
func (s *Service) authorize(ctx context.Context, a authorization) (string, error) {
	now := s.now().UTC()
	if _, err := s.Records.ChangeUser(ctx, a.user, func(u *platform.User) error { u.LastLoginAt = now; return nil }); err != nil {
		return "", err
	}
	return s.codes.add(now, a), nil
}

// identify returns the user of a log-in. All failures take the same time and look the same.
func (s *Service) identify(ctx context.Context, name string, by platform.LogIn) (platform.User, []string, error) {
	u, err := s.Records.UserByLogin(ctx, name)
	if err != nil && platform.ErrorCode(err) != platform.CodeNotFound {
		return platform.User{}, nil, err
	}
	ok, hashErr := s.passwords.matches(ctx, u.Password, by.Password)
	if hashErr != nil {
		return platform.User{}, nil, hashErr
	}
	if err != nil || !ok || u.State != platform.UserActive || u.Kind != platform.Person {
		return platform.User{}, nil, errLogIn()
	}
	if !u.Factor.Enabled() {
		return u, []string{"pwd"}, nil
	}
	return u, []string{"pwd", "otp"}, s.spendCode(ctx, u.ID, by.OneTime)
}

func errLogIn() error {
	return platform.Errorf(platform.CodeUnauthorized, "the e-mail address, the password or the one-time code is wrong").
		WithHint("try again; an admin can set another password: sluiced user --reset EMAIL")
}

var challenge = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)

// checkAuthorizationRequest returns CodeInvalid for a request that clients do not make: the
// code has to be bound to the client (PKCE).
func checkAuthorizationRequest(r platform.AuthorizationRequest) error {
	if !challenge.MatchString(r.Challenge) {
		return platform.Errorf(platform.CodeInvalid, "code_challenge has to be a SHA-256 in base64").WithField("code_challenge")
	}
	return nil
}

// authorization is what a code stands for.
type authorization struct {
	platform.AuthorizationRequest
	user    string
	methods []string
	at      time.Time     // when the user proved who it is
	life    time.Duration // how long the log-in may last; 0: as long as it is used
}

// ExchangeCode makes a session out of an authorization code. It returns CodeUnauthorized for
// one that is not valid, and for a client that is not the one that asked for it.
func (s *Service) ExchangeCode(ctx context.Context, client, redirect, code, verifier string) (platform.Issued, error) {
	a, ok := s.codes.take(s.now(), code)
	sum := sha256.Sum256([]byte(verifier))
	same := subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(a.Challenge)) == 1
	if !ok || !same || a.Client != client || a.RedirectURI != redirect {
		return platform.Issued{}, platform.Errorf(platform.CodeUnauthorized, "the authorization code is not valid").WithHint("log in again")
	}
	session := platform.Session{
		ID: platform.NewID(), User: a.user, Client: client, Methods: a.methods,
		CreatedAt: s.now().UTC(), LoginAt: a.at, ExpiresAt: s.now().UTC().Add(sessionLife),
	}
	if a.life > 0 {
		session.ExpiresAt = session.CreatedAt.Add(min(a.life, sessionLife))
	}
	if _, err := s.ofSession(ctx, session); err != nil {
		return platform.Issued{}, err
	}
	return s.issue(ctx, session)
}

// stepUpAge is how long after a log-in with a password the session can make credentials that
// outlive it.
const stepUpAge = time.Hour

// wantRecent refuses a session whose user has not proved who it is for a while: a stolen one
// must not become an API token or an SSH key.
func (s *Service) wantRecent(ctx context.Context, by access.Subject) error {
	id, ok := cutCredential(by.Credential, bySession)
	if !ok {
		return nil
	}
	session, err := s.Records.Session(ctx, id)
	if err != nil {
		return err
	}
	if session.Token != "" || s.now().Sub(session.LoginAt) < stepUpAge {
		return nil
	}
	return &platform.Error{
		Code: platform.CodeUnauthorized, Message: "this needs a log-in within the last hour; nothing was changed",
		Hint: "log in again, then repeat it", Err: &platform.StepUpError{MaxAge: stepUpAge},
	}
}

// SetPassword gives a user a new password and ends all other log-ins of it. Users give their
// present one, so the first is set by an admin of the installation, who sets that of others.
func (s *Service) SetPassword(ctx context.Context, by access.Subject, user, present, wanted, address string) error {
	u, err := s.User(ctx, by, user)
	if err != nil {
		return err
	}
	if u.Kind != platform.Person {
		return noUser(user)
	}
	except := ""
	if by.ID == user {
		except, _ = cutCredential(by.Credential, bySession)
		if err := s.wantFull(by, "the password"); err != nil {
			return err
		}
		if err := s.confirm(ctx, u, present, address); err != nil {
			return err
		}
	}
	hash, err := s.passwords.hash(ctx, wanted)
	if err != nil {
		return err
	}
	if err := s.record(ctx, by, access.UserManage, "", "password of "+u.Username); err != nil {
		return err
	}
	if _, err := s.Records.ChangeUser(ctx, user, func(u *platform.User) error { u.Password = hash; return nil }); err != nil {
		return err
	}
	return s.Records.DeleteSessions(ctx, user, except)
}

// confirm checks the present password of a user, whose failures count as those of log-ins.
func (s *Service) confirm(ctx context.Context, u platform.User, password, address string) error {
	if err := s.throttle.reserve(s.now(), u.Username, address); err != nil {
		return err
	}
	ok, err := s.passwords.matches(ctx, u.Password, password)
	if err != nil {
		return err
	}
	if !ok {
		return platform.Errorf(platform.CodeInvalid, "the present password is wrong; nothing was changed").WithHint("try again").WithField("current_password")
	}
	s.throttle.forgive(u.Username, address)
	return nil
}
