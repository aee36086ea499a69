package httpapitest

import (
	"context"
	"slices"
	"time"

	"sluice/internal/platform"
)

// Domains implements project.Records.
func (p *Platform) Domains(_ context.Context, project string) ([]platform.Domain, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.domainsOf(project), nil
}

func (p *Platform) domainsOf(project string) []platform.Domain {
	own := slices.DeleteFunc(slices.Clone(p.domains), func(d platform.Domain) bool { return d.Project != project })
	slices.SortStableFunc(own, func(a, b platform.Domain) int {
		switch {
		case a.Default == b.Default:
			return 0
		case a.Default:
			return -1
		}
		return 1
	})
	return own
}

// AddDomain implements project.Records.
func (p *Platform) AddDomain(ctx context.Context, d platform.Domain) (platform.Domain, error) {
	p.mu.Lock()
	if slices.ContainsFunc(p.domains, func(o platform.Domain) bool {
		return o.Name == d.Name && (o.Project == d.Project || o.Verified())
	}) {
		p.mu.Unlock()
		return d, platform.Errorf(platform.CodeConflict, "the domain %q exists already; nothing was changed", d.Name).
			WithHint("a domain belongs to one project: delete it there first, with `sluice domain:delete %s`", d.Name)
	}
	wanted := d.Default
	d.Default, d.CreatedAt, d.UpdatedAt = false, p.now, p.now
	p.domains = append(p.domains, d)
	p.mu.Unlock()
	if d.Challenge != "" {
		return d, nil
	}
	return p.verified(ctx, d.Project, d.Name, wanted)
}

// VerifyDomain implements project.Records.
func (p *Platform) VerifyDomain(ctx context.Context, project, name string) (platform.Domain, error) {
	return p.verified(ctx, project, name, false)
}

func (p *Platform) verified(ctx context.Context, project, name string, wanted bool) (platform.Domain, error) {
	p.mu.Lock()
	first := !slices.ContainsFunc(p.domains, func(o platform.Domain) bool { return o.Project == project && o.Default })
	i := slices.IndexFunc(p.domains, func(o platform.Domain) bool { return o.Project == project && o.Name == name })
	p.domains[i].VerifiedAt = p.now
	d := p.domains[i]
	p.mu.Unlock()
	if !first && !wanted {
		return d, nil
	}
	d.Default = true
	return d, p.SetDefaultDomain(ctx, project, name)
}

// SetDefaultDomain implements project.Records.
func (p *Platform) SetDefaultDomain(_ context.Context, project, name string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, d := range p.domains {
		if d.Project == project {
			p.domains[i].Default = d.Name == name
		}
	}
	return nil
}

// DeleteDomain implements project.Records.
func (p *Platform) DeleteDomain(_ context.Context, project, name string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.domains = slices.DeleteFunc(p.domains, func(d platform.Domain) bool { return d.Project == project && d.Name == name })
	return nil
}

// Certificates implements project.Records.
func (p *Platform) Certificates(_ context.Context, project string) ([]platform.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(p.certificates), func(c platform.Certificate) bool { return c.Project != project }), nil
}

// AddCertificate implements project.Records.
func (p *Platform) AddCertificate(_ context.Context, c platform.Certificate) (platform.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if slices.ContainsFunc(p.certificates, func(o platform.Certificate) bool { return o.Project == c.Project && o.ID == c.ID }) {
		return c, platform.Errorf(platform.CodeConflict, "project %s already has this certificate, as %s; nothing was changed", c.Project, c.ID)
	}
	c.CreatedAt = p.now
	p.certificates = append(p.certificates, c)
	return c, nil
}

// DeleteCertificate implements project.Records.
func (p *Platform) DeleteCertificate(_ context.Context, project, id string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := len(p.certificates)
	p.certificates = slices.DeleteFunc(p.certificates, func(c platform.Certificate) bool { return c.Project == project && c.ID == id })
	if len(p.certificates) == before {
		return platform.Errorf(platform.CodeNotFound, "project %s has no uploaded certificate %q; nothing was changed", project, id).
			WithHint("`sluice certificate:list` shows the certificates")
	}
	return nil
}

// router has an ordered certificate for one host; for another its authority refuses.
type router struct{ *Platform }

// SetCertificates implements project.Router.
func (router) SetCertificates(context.Context, []platform.Certificate) error { return nil }

// Certificates implements project.Router.
func (r router) Certificates(context.Context) ([]platform.CertificateStatus, error) {
	p := r.Platform
	p.mu.Lock()
	defer p.mu.Unlock()
	main, stage := p.envs["shop/main"], p.envs["shop/stage"]
	return []platform.CertificateStatus{
		{Host: main.Host() + ".localhost", Source: "acme", ID: "acme0123", ExpiresAt: p.now.Add(60 * 24 * time.Hour)},
		{Host: stage.Host() + ".localhost", Source: "local", Problem: "the authority does not reach this machine", NextTry: p.now.Add(time.Hour)},
		{Host: "elsewhere.example.com", Source: "acme", ID: "acme4567"},
	}, nil
}
