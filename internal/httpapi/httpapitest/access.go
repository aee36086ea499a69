package httpapitest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net"
	"slices"

	"sluice/internal/access"
	"sluice/internal/platform"
	"sluice/internal/project"
)

func (p *Platform) addTokens() {
	for _, t := range []struct{ name, token, scope string }{
		{"jane", Admin, "*:admin"},
		{"olga", Owner, "shop:admin"},
		{"cora", Contributor, "shop:development=contributor,staging=contributor"},
		{"rita", Reader, "shop:viewer"},
	} {
		sum := sha256.Sum256([]byte(t.token))
		p.tokens = append(p.tokens, platform.Token{
			Name: t.name, Hash: hex.EncodeToString(sum[:]), Scopes: []string{t.scope}, CreatedAt: p.now,
		})
	}
}

// gate gives the tokens' owners names for people.
type gate struct{ *project.Service }

// Authenticate implements httpapi.Gate.
func (g gate) Authenticate(ctx context.Context, token string) (access.Subject, error) {
	s, err := g.Service.Authenticate(ctx, token)
	if name := map[string]string{"jane": "Jane Doe", "rita": "Rita"}[s.ID]; name != "" {
		s.Name = name
	}
	return s, err
}

// TokenByHash implements project.Records.
func (p *Platform) TokenByHash(_ context.Context, hash string) (platform.Token, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.tokens, func(t platform.Token) bool { return t.Hash == hash })
	if i < 0 {
		return platform.Token{}, platform.Errorf(platform.CodeNotFound, "token not found")
	}
	return p.tokens[i], nil
}

// TouchToken implements project.Records; it forgets at once, so that responses stay the same.
func (p *Platform) TouchToken(context.Context, platform.Token) error { return nil }

// Tokens implements project.Records.
func (p *Platform) Tokens(context.Context) ([]platform.Token, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.tokens), nil
}

// SaveToken implements project.Records.
func (p *Platform) SaveToken(ctx context.Context, t platform.Token) error {
	_ = p.DeleteToken(ctx, t.Name) // replaced
	p.mu.Lock()
	defer p.mu.Unlock()
	if !t.ExpiresAt.IsZero() {
		t.ExpiresAt = p.now.Add(t.ExpiresAt.Sub(t.CreatedAt))
	}
	t.CreatedAt = p.now
	p.tokens = append(p.tokens, t)
	return nil
}

// DeleteToken implements project.Records.
func (p *Platform) DeleteToken(_ context.Context, name string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tokens = slices.DeleteFunc(p.tokens, func(t platform.Token) bool { return t.Name == name })
	return nil
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
