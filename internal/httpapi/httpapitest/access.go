package httpapitest

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"net"
	"slices"
	"time"

	"golang.org/x/crypto/ssh"

	"sluice/internal/account/accounttest"
	"sluice/internal/platform"
)

// addUsers makes the users of the tokens.
func (p *Platform) addUsers() {
	p.Accounts = accounttest.New()
	p.Accounts.Now = func() time.Time { return p.now }
	for _, u := range []struct{ id, first, last, token, scope string }{
		{"jane", "Jane", "Doe", Admin, "*:admin"},
		{"olga", "", "", Owner, "shop:admin"},
		{"cora", "", "", Contributor, "shop:development=contributor,staging=contributor"},
		{"rita", "Rita", "", Reader, "shop:viewer"},
	} {
		sum := sha256.Sum256([]byte(u.token))
		p.Accounts.Add(platform.User{
			ID: u.id, Kind: platform.Person, State: platform.UserActive, Username: u.id, Email: u.id + "@example.com",
			FirstName: u.first, LastName: u.last, Grants: []string{u.scope},
		}, platform.Token{
			ID: "token-of-" + u.id, User: u.id, Name: u.id, Hash: hex.EncodeToString(sum[:]), Scopes: []string{u.scope},
		})
	}
}

// AddUser adds a person with a token and grants.
func (p *Platform) AddUser(id, token string, grants ...string) {
	sum := sha256.Sum256([]byte(token))
	p.Accounts.Add(platform.User{
		ID: id, Kind: platform.Person, State: platform.UserActive, Username: id, Email: id + "@example.com", Grants: grants,
	}, platform.Token{ID: "token-of-" + id, User: id, Name: id, Hash: hex.EncodeToString(sum[:]), Scopes: grants})
}

// authority is the same at every call.
func authority() ssh.Signer {
	signer, err := ssh.NewSignerFromSigner(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	if err != nil {
		panic(err)
	}
	return signer
}

// accountRecords are the accounts, with the audit log of the platform. The use of a token is
// forgotten at once, so that responses stay the same.
type accountRecords struct {
	*accounttest.Memory
	platform *Platform
}

// TouchToken implements account.Tokens.
func (accountRecords) TouchToken(context.Context, platform.Token) error { return nil }

// CreateToken implements account.Tokens; all tokens are made at the time of the platform.
func (r accountRecords) CreateToken(ctx context.Context, t platform.Token) error {
	if !t.ExpiresAt.IsZero() {
		t.ExpiresAt = r.platform.now.Add(t.ExpiresAt.Sub(t.CreatedAt))
	}
	t.CreatedAt = r.platform.now
	return r.Memory.CreateToken(ctx, t)
}

// AddAudit implements account.Records.
func (r accountRecords) AddAudit(ctx context.Context, e platform.AuditEntry) error {
	return r.platform.AddAudit(ctx, e)
}

// AddAudit implements project.Records.
func (p *Platform) AddAudit(_ context.Context, e platform.AuditEntry) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	e.ID, e.Time = int64(len(p.audit)+1), p.now
	p.audit = append(p.audit, e)
	return nil
}

// Audit implements project.Records.
func (p *Platform) Audit(_ context.Context, f platform.AuditFilter) ([]platform.AuditEntry, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []platform.AuditEntry
	for _, e := range slices.Backward(p.audit) {
		if (f.Project == "" || e.Project == f.Project) && (f.Before == 0 || e.ID < f.Before) && (f.Limit == 0 || len(out) < f.Limit) {
			out = append(out, e)
		}
	}
	return out, nil
}

// SetTXT puts TXT records into the platform's DNS.
func (p *Platform) SetTXT(name string, values ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.txt[name] = values
}

// LookupTXT implements project.Resolver.
func (p *Platform) LookupTXT(_ context.Context, name string) ([]string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if values, ok := p.txt[name]; ok {
		return values, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

// DemolishProject implements project.Pipeline.
func (p *Platform) DemolishProject(context.Context, string) error { return nil }

// noCode keeps no repositories.
type noCode struct{}

// Create implements project.Repositories.
func (noCode) Create(context.Context, string, string) error { return nil }

// Delete implements project.Repositories.
func (noCode) Delete(string) error { return nil }
