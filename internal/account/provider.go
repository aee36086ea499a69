package account

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"slices"
	"strings"
	"time"

	"sluice/internal/access"
	"sluice/internal/platform"
)

// Provider proves who people are, outside of this installation.
type Provider interface {
	Policy() platform.ProviderPolicy
	// Address returns where a browser is sent to log in. It returns CodeUnavailable while the
	// provider does not respond.
	Address(ctx context.Context, c platform.ProviderChallenge) (string, error)
	// Identify returns whom the code of an answer is about. It returns CodeUnavailable while
	// the provider does not respond, and CodeUnauthorized for an answer that is not valid.
	Identify(ctx context.Context, c platform.ProviderChallenge, code string) (platform.Identity, error)
}

// Log-ins through providers.
const (
	byProvider = "fed" // the method of a session
	flowLife   = 10 * time.Minute
)

// flow is a log-in for which the browser was sent to a provider.
type flow struct {
	provider   string
	challenge  platform.ProviderChallenge
	request    platform.AuthorizationRequest
	invitation string
	browser    string // hash of the secret that the browser has
}

// ticket is a log-in whose provider has said who it is, but which wants more.
type ticket struct {
	flow
	identity platform.Identity
	user     string
	connect  bool // the identity is to be connected
	password bool // for which the password is wanted
}

// ProviderPolicies lists the providers, in the order in which people see them.
func (s *Service) ProviderPolicies() []platform.ProviderPolicy {
	out := make([]platform.ProviderPolicy, 0, len(s.Providers))
	for _, p := range s.Providers {
		out = append(out, p.Policy())
	}
	return out
}

func (s *Service) provider(id string) (Provider, error) {
	i := slices.IndexFunc(s.Providers, func(p Provider) bool { return p.Policy().ID == id })
	if i < 0 {
		return nil, platform.Errorf(platform.CodeNotFound, "there is no log-in with %.100q here", id).WithHint("log in with your password")
	}
	return s.Providers[i], nil
}

// BeginProvider returns where a browser is sent to log in, and a secret that only this browser
// gets: an answer that another one brings back is refused. invitation is the secret of one
// that is accepted by it, or empty; request is empty when there is only that.
func (s *Service) BeginProvider(ctx context.Context, id string, request platform.AuthorizationRequest, invitation string) (platform.ProviderStart, error) {
	var err error
	if invitation == "" {
		err = checkAuthorizationRequest(request)
	} else {
		_, err = s.findInvitation(ctx, invitation)
	}
	if err != nil {
		return platform.ProviderStart{}, err
	}
	p, err := s.provider(id)
	if err != nil {
		return platform.ProviderStart{}, err
	}
	browser := newSecret("")
	f := flow{
		provider: id, request: request, invitation: invitation, browser: hashSecret(browser),
		challenge: platform.ProviderChallenge{Nonce: newSecret(""), Verifier: rand.Text() + rand.Text(), MaxAge: request.MaxAge},
	}
	challenge := f.challenge
	challenge.State = s.flows.add(s.now(), f)
	address, err := p.Address(ctx, challenge)
	if err != nil {
		s.flows.take(s.now(), challenge.State)
		s.Log.WarnContext(ctx, "a provider of log-ins does not respond", "provider", id, "error", err)
		return platform.ProviderStart{}, err
	}
	return platform.ProviderStart{Address: address, State: challenge.State, Browser: browser}, nil
}

// FinishProvider takes the answer that a browser brings back from a provider, once. Its
// request is set also when it returns an error, so that the person can try again.
func (s *Service) FinishProvider(ctx context.Context, id string, answer platform.ProviderAnswer) (platform.LogInProgress, error) {
	p, err := s.provider(id)
	if err != nil {
		return platform.LogInProgress{}, err
	}
	f, ok := s.flows.take(s.now(), answer.State)
	if !ok {
		return platform.LogInProgress{}, platform.Errorf(platform.CodeInvalid, "this log-in has ended, was used already, or took more than %d minutes", int(flowLife.Minutes())).
			WithHint("begin again")
	}
	if !f.is(answer.Browser) || f.provider != id {
		// Somebody may have sent the address of their own log-in to another person.
		return platform.LogInProgress{}, platform.Errorf(platform.CodeInvalid, "this log-in was begun elsewhere").
			WithHint("begin again, in this browser and with cookies allowed")
	}
	policy := p.Policy()
	progress := f.progress(policy)
	if answer.Issuer != "" && answer.Issuer != policy.Issuer {
		return progress, platform.Errorf(platform.CodeInvalid, "another provider than %s responded", policy.Title).WithHint("begin again")
	}
	if answer.Error != "" || answer.Code == "" {
		return progress, refusedBy(policy, answer.Error)
	}
	identity, err := p.Identify(ctx, f.challenge, answer.Code)
	if err != nil {
		s.Log.WarnContext(ctx, "log-in through a provider failed", "provider", id, "address", answer.Address, "error", err)
		return progress, err
	}
	identity.Issuer = policy.Issuer
	if at := identity.LoginAt; f.challenge.MaxAge > 0 && !at.IsZero() && s.now().Sub(at) > f.challenge.MaxAge+time.Minute {
		return progress, platform.Errorf(platform.CodeUnauthorized, "%s did not ask who you are again", policy.Title).WithHint("log out there, then begin again")
	}
	return s.identified(ctx, policy, ticket{flow: f, identity: identity}, answer.Address)
}

// is reports whether a browser is the one that a log-in was begun in.
func (f flow) is(browser string) bool {
	return subtle.ConstantTimeCompare([]byte(hashSecret(browser)), []byte(f.browser)) == 1
}

func (f flow) progress(p platform.ProviderPolicy) platform.LogInProgress {
	return platform.LogInProgress{Request: f.request, Provider: p.Title, Invitation: f.invitation}
}

// refusedBy says why a provider sent somebody back.
func refusedBy(p platform.ProviderPolicy, code string) error {
	switch code {
	case "access_denied", "consent_required", "interaction_required", "login_required":
		return platform.Errorf(platform.CodeUnauthorized, "you did not log in with %s, or it refused", p.Title).WithHint("begin again")
	case "temporarily_unavailable", "server_error":
		return platform.Errorf(platform.CodeUnavailable, "%s cannot log anybody in now", p.Title).WithHint("try again later, or log in with your password")
	default:
		const most = 40
		if len(code) > most || strings.ContainsFunc(code, func(r rune) bool { return r != '_' && (r < 'a' || r > 'z') }) {
			code = "an error"
		}
		return platform.Errorf(platform.CodeUnauthorized, "%s responded with %s", p.Title, code).
			WithHint("the operator has to check what is configured there for this server")
	}
}

// identified goes on with somebody whom a provider has identified.
func (s *Service) identified(ctx context.Context, p platform.ProviderPolicy, t ticket, address string) (platform.LogInProgress, error) {
	u, connect, err := s.userOf(ctx, p, t)
	if err != nil {
		s.Log.WarnContext(ctx, "log-in through a provider was refused", "provider", p.ID, "address", address, "error", err)
		return t.progress(p), err
	}
	t.user, t.connect, t.password = u.ID, connect, connect && u.Password != ""
	if t.password || u.Factor.Enabled() {
		progress := t.progress(p)
		progress.Login, progress.WantsPassword, progress.WantsOneTime = u.Username, t.password, u.Factor.Enabled()
		progress.Ticket = s.tickets.add(s.now(), t)
		return progress, nil
	}
	return s.enter(ctx, p, t, u, []string{byProvider}, address)
}

// ContinueProvider takes what a log-in still wanted: the password, to connect the identity
// to an account that has one, and the one-time code of an account with a second factor. It
// fails as LogIn does.
func (s *Service) ContinueProvider(ctx context.Context, secret, browser string, by platform.LogIn) (platform.LogInProgress, error) {
	t, ok := s.tickets.get(s.now(), secret)
	if !ok || !t.is(browser) {
		return platform.LogInProgress{}, platform.Errorf(platform.CodeInvalid, "this log-in has ended, or took more than %d minutes", int(flowLife.Minutes())).
			WithHint("begin again")
	}
	p, err := s.provider(t.provider)
	if err != nil {
		return platform.LogInProgress{}, err
	}
	u, err := s.Records.User(ctx, t.user)
	if err != nil {
		return t.progress(p.Policy()), err
	}
	progress := t.progress(p.Policy())
	progress.Ticket, progress.Login, progress.WantsPassword, progress.WantsOneTime = secret, u.Username, t.password, u.Factor.Enabled()
	if err := s.throttle.reserve(s.now(), u.Username, by.Address); err != nil {
		return progress, err
	}
	methods, err := s.prove(ctx, u, t.password, by)
	if err != nil {
		if platform.ErrorCode(err) == platform.CodeUnauthorized {
			s.Log.WarnContext(ctx, "log-in failed", "address", by.Address)
		}
		return progress, err
	}
	s.throttle.forgive(u.Username, by.Address)
	if _, ok := s.tickets.take(s.now(), secret); !ok {
		return t.progress(p.Policy()), platform.Errorf(platform.CodeInvalid, "this log-in was used already").WithHint("begin again")
	}
	return s.enter(ctx, p.Policy(), t, u, append([]string{byProvider}, methods...), by.Address)
}

// prove checks the password, if it is wanted, and the one-time code.
func (s *Service) prove(ctx context.Context, u platform.User, password bool, by platform.LogIn) (methods []string, err error) {
	if password {
		ok, err := s.passwords.matches(ctx, u.Password, by.Password)
		if err != nil {
			return nil, err
		}
		if !ok || u.State != platform.UserActive {
			return nil, errLogIn()
		}
		methods = append(methods, "pwd")
	}
	if u.Factor.Enabled() {
		if err := s.spendCode(ctx, u.ID, by.OneTime); err != nil {
			return nil, err
		}
		methods = append(methods, "otp")
	}
	return methods, nil
}

// enter completes a log-in through a provider.
func (s *Service) enter(ctx context.Context, p platform.ProviderPolicy, t ticket, u platform.User, methods []string, address string) (platform.LogInProgress, error) {
	progress := t.progress(p)
	by := access.Subject{Actor: u.Actor()}
	if t.connect {
		if err := s.connect(ctx, p, t.identity, u); err != nil {
			return progress, err
		}
	}
	if err := s.record(ctx, by, logIn, "", "from "+address+" through "+p.ID); err != nil {
		return progress, err
	}
	var err error
	if progress.Project, err = s.acceptAll(ctx, p, t, u); err != nil {
		return progress, err
	}
	if t.request.Client == "" {
		return progress, nil
	}
	at := t.identity.LoginAt
	if at.IsZero() || at.After(s.now()) {
		at = s.now().UTC()
	}
	progress.Code, err = s.authorize(ctx, authorization{AuthorizationRequest: t.request, user: u.ID, methods: methods, at: at, life: p.Life})
	return progress, err
}
