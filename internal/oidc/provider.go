package oidc

import (
	"context"
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"sluice/internal/platform"
)

// How a provider is spoken with.
const (
	timeout     = 10 * time.Second
	maxResponse = 1 << 20
	clockSkew   = 2 * time.Minute // that the clocks of two machines may differ
	pause       = 5 * time.Second // after a provider did not respond, so that many people do not wait for each other
	maxSubject  = 255             // bytes (OpenID Connect Core, 2)
)

// Provider is one provider. It is safe for concurrent use.
type Provider struct {
	settings settings
	callback string
	http     *http.Client
	now      func() time.Time

	mu    sync.Mutex
	found *discovered // nil until the provider has responded once
	// failed is why it did not, at failedAt.
	failed   error
	failedAt time.Time
}

// discovered is what a provider said of itself.
type discovered struct {
	provider *oidc.Provider
	verifier *oidc.IDTokenVerifier
	oauth    oauth2.Config
}

func newProvider(s settings, callback string) *Provider {
	t := &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: timeout, ResponseHeaderTimeout: timeout, IdleConnTimeout: timeout,
		TLSClientConfig: &tls.Config{RootCAs: s.roots, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true,
	}
	return &Provider{settings: s, callback: callback, now: time.Now, http: &http.Client{
		Transport: bounded{t}, Timeout: timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // no endpoint has any
	}}
}

// bounded gives up on responses that are larger than any that means something.
type bounded struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(r)
	if err == nil {
		resp.Body = http.MaxBytesReader(nil, resp.Body, maxResponse)
	}
	return resp, err //nolint:wrapcheck // only bounds it
}

// Policy returns what the provider is called and may decide.
func (p *Provider) Policy() platform.ProviderPolicy {
	s := p.settings
	return platform.ProviderPolicy{
		ID: s.ID, Title: s.Title, Issuer: s.Issuer, Domains: s.Domains, Groups: s.Groups,
		Everybody: s.Accounts == "everybody", AssumeVerified: s.AssumeVerified, Life: s.life,
	}
}

// discover asks the provider for its endpoints and keys, until it has responded once.
func (p *Provider) discover(ctx context.Context) (*discovered, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found != nil {
		return p.found, nil
	}
	if p.failed != nil && p.now().Sub(p.failedAt) < pause {
		return nil, p.failed
	}
	// The keys are read later and by others, so with a context that does not end.
	provider, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), p.http), p.settings.Issuer)
	if err != nil {
		p.failed, p.failedAt = p.unavailable(err), p.now()
		return nil, p.failed
	}
	p.found = &discovered{
		provider: provider,
		verifier: provider.Verifier(&oidc.Config{ClientID: p.settings.ClientID, SkipExpiryCheck: true}), // checkTimes does
		oauth: oauth2.Config{
			ClientID: p.settings.ClientID, ClientSecret: p.settings.secret, Endpoint: provider.Endpoint(), RedirectURL: p.callback, Scopes: p.settings.Scopes,
		},
	}
	return p.found, nil
}

func (p *Provider) unavailable(err error) error {
	return &platform.Error{
		Code: platform.CodeUnavailable, Message: p.settings.Title + " does not respond", Err: err,
		Hint: "try again later, or log in with your password; the operator finds the cause in the server's log",
	}
}

// invalid is an answer that proves nothing. Its cause is for the log.
func (p *Provider) invalid(hint, format string, args ...any) error {
	return &platform.Error{
		Code: platform.CodeUnauthorized, Message: "what " + p.settings.Title + " responded does not prove who you are", Err: fmt.Errorf(format, args...), Hint: hint,
	}
}

// Address returns where a browser is sent to log in. It returns CodeUnavailable while the
// provider does not respond.
func (p *Provider) Address(ctx context.Context, c platform.ProviderChallenge) (string, error) {
	d, err := p.discover(ctx)
	if err != nil {
		return "", err
	}
	options := []oauth2.AuthCodeOption{oidc.Nonce(c.Nonce), oauth2.S256ChallengeOption(c.Verifier)}
	if c.MaxAge > 0 {
		options = append(options, oauth2.SetAuthURLParam("max_age", strconv.Itoa(int(c.MaxAge.Seconds()))))
	}
	return d.oauth.AuthCodeURL(c.State, options...), nil
}

// Identify returns whom the code of an answer is about. It returns CodeUnavailable while the
// provider does not respond, and CodeUnauthorized for an answer that is not valid.
func (p *Provider) Identify(ctx context.Context, c platform.ProviderChallenge, code string) (platform.Identity, error) {
	d, err := p.discover(ctx)
	if err != nil {
		return platform.Identity{}, err
	}
	ctx = oidc.ClientContext(ctx, p.http)
	token, err := d.oauth.Exchange(ctx, code, oauth2.VerifierOption(c.Verifier))
	if err != nil {
		return platform.Identity{}, p.exchangeError(err)
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return platform.Identity{}, p.invalid("the operator has to check that the scope openid is allowed there", "the response has no ID token")
	}
	signed, err := d.verifier.Verify(ctx, raw)
	if err != nil {
		return platform.Identity{}, p.invalid("the operator has to check issuer, client_id and the server's log", "%w", err)
	}
	if err := p.check(signed, c); err != nil {
		return platform.Identity{}, err
	}
	return p.identity(ctx, d, token, signed)
}

// exchangeError tells a provider that refuses the code or this client from one that does not
// respond.
func (p *Provider) exchangeError(err error) error {
	refused, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok || refused.Response != nil && refused.Response.StatusCode >= http.StatusInternalServerError {
		return p.unavailable(err)
	}
	cause := errors.New("the token endpoint responded with " + strconv.Quote(refused.ErrorCode)) // the rest may have the code
	if refused.ErrorCode == "invalid_client" || refused.ErrorCode == "unauthorized_client" {
		return p.invalid("the operator has to check client_id and client_secret_file", "%w", cause)
	}
	return p.invalid("begin again", "%w", cause)
}

// check wants a token for this log-in, of now. Signature, issuer and audience were checked.
func (p *Provider) check(t *oidc.IDToken, c platform.ProviderChallenge) error {
	var claims struct {
		AuthorizedParty string   `json:"azp"`
		NotBefore       *float64 `json:"nbf"`
	}
	if err := t.Claims(&claims); err != nil {
		return p.invalid("begin again", "claims: %w", err)
	}
	switch {
	case subtle.ConstantTimeCompare([]byte(t.Nonce), []byte(c.Nonce)) != 1:
		return p.invalid("begin again", "the nonce is that of another log-in")
	case t.Subject == "" || len(t.Subject) > maxSubject:
		return p.invalid("ask the operator", "the subject has %d bytes", len(t.Subject))
	case len(t.Audience) > 1 && claims.AuthorizedParty == "" || claims.AuthorizedParty != "" && claims.AuthorizedParty != p.settings.ClientID:
		return p.invalid("the operator has to check client_id", "the token was issued to %q", claims.AuthorizedParty)
	}
	notBefore := t.IssuedAt
	if claims.NotBefore != nil {
		notBefore = time.Unix(int64(*claims.NotBefore), 0)
	}
	return p.checkTimes(notBefore, t.Expiry)
}

func (p *Provider) checkTimes(from, until time.Time) error {
	const hint = "the operator has to compare the clock of this server with that of the provider"
	now := p.now()
	if now.After(until.Add(clockSkew)) {
		return p.invalid(hint, "the token expired %s ago, by the clock of this machine", now.Sub(until).Round(time.Second))
	}
	if now.Add(clockSkew).Before(from) {
		return p.invalid(hint, "the token begins to be valid in %s, by the clock of this machine", from.Sub(now).Round(time.Second))
	}
	return nil
}
