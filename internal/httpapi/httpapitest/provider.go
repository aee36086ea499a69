package httpapitest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"sync"
	"time"

	"sluice/internal/platform"
)

// Provider logs in whoever a code names, at https://ID.example/auth?state=STATE.
type Provider struct {
	ID  string
	Err error // of all its methods, when it is set

	mu     sync.Mutex
	people map[string]platform.Identity // by code
}

// Person makes a code with which somebody logs in.
func (p *Provider) Person(code string, i platform.Identity) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.people == nil {
		p.people = map[string]platform.Identity{}
	}
	p.people[code] = i
}

// Policy implements account.Provider.
func (p *Provider) Policy() platform.ProviderPolicy {
	return platform.ProviderPolicy{ID: p.ID, Title: "Company " + p.ID, Issuer: "https://" + p.ID + ".example", Life: time.Hour}
}

// Address implements account.Provider.
func (p *Provider) Address(_ context.Context, c platform.ProviderChallenge) (string, error) {
	return p.Policy().Issuer + "/auth?" + url.Values{"state": {c.State}}.Encode(), p.Err
}

// Identify implements account.Provider.
func (p *Provider) Identify(_ context.Context, _ platform.ProviderChallenge, code string) (platform.Identity, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i, ok := p.people[code]
	if !ok && p.Err == nil {
		return i, platform.Errorf(platform.CodeUnauthorized, "what it responded does not prove who you are").WithHint("begin again")
	}
	delete(p.people, code) // codes are good once
	return i, p.Err
}

// AddInvitation adds an invitation of olga to the project "shop", as a viewer.
func (p *Platform) AddInvitation(id, email, secret string) {
	sum := sha256.Sum256([]byte(secret))
	_ = p.Accounts.SaveInvitation(context.Background(), platform.Invitation{ // in memory it does not fail
		ID: id, Project: "shop", Email: email, Scope: "shop:viewer", Secret: platform.InvitationSecret(secret), Hash: hex.EncodeToString(sum[:]),
		InvitedBy: platform.Actor{ID: "olga", Name: "Olga"}, ExpiresAt: time.Now().Add(time.Hour),
	})
}
