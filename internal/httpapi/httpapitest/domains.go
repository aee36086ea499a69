package httpapitest

import (
	"context"
	"slices"
	"time"

	"sluice/internal/platform"
)

// Domains implements httpapi.Domains.
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

// AddDomain implements httpapi.Domains.
func (p *Platform) AddDomain(ctx context.Context, d platform.Domain) (platform.Domain, error) {
	p.mu.Lock()
	if slices.ContainsFunc(p.domains, func(o platform.Domain) bool { return o.Name == d.Name }) {
		p.mu.Unlock()
		return d, platform.Errorf(platform.CodeConflict, "the domain %q exists already; nothing was changed", d.Name).
			WithHint("a domain leads to one project: delete it there first, with `sluice domain:delete %s`", d.Name)
	}
	byDefault := d.Default || len(p.domainsOf(d.Project)) == 0
	d.Default, d.CreatedAt, d.UpdatedAt = false, p.now, p.now
	p.domains = append(p.domains, d)
	p.mu.Unlock()
	if byDefault {
		d.Default = true
		return d, p.SetDefaultDomain(ctx, d.Project, d.Name)
	}
	return d, nil
}

// SetDefaultDomain implements httpapi.Domains.
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

// DeleteDomain implements httpapi.Domains.
func (p *Platform) DeleteDomain(_ context.Context, project, name string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.domains = slices.DeleteFunc(p.domains, func(d platform.Domain) bool { return d.Project == project && d.Name == name })
	return nil
}

// Certificates implements httpapi.Certificates.
func (p *Platform) Certificates(_ context.Context, project string) ([]platform.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(p.certificates), func(c platform.Certificate) bool { return c.Project != project }), nil
}

// AddCertificate implements httpapi.Certificates.
func (p *Platform) AddCertificate(_ context.Context, c platform.Certificate) (platform.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if slices.ContainsFunc(p.certificates, func(o platform.Certificate) bool { return o.Project == c.Project && o.ID == c.ID }) {
		return c, platform.Errorf(platform.CodeConflict, "the project %q has this certificate already, as %s; nothing was changed", c.Project, c.ID)
	}
	c.CreatedAt = p.now
	p.certificates = append(p.certificates, c)
	return c, nil
}

// DeleteCertificate implements httpapi.Certificates.
func (p *Platform) DeleteCertificate(_ context.Context, project, id string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := len(p.certificates)
	p.certificates = slices.DeleteFunc(p.certificates, func(c platform.Certificate) bool { return c.Project == project && c.ID == id })
	if len(p.certificates) == before {
		return platform.Errorf(platform.CodeNotFound, "the project %q has no uploaded certificate %q; nothing was changed", project, id).
			WithHint("`sluice certificate:list` shows those there are")
	}
	return nil
}

// Shown has an ordered certificate for one host, and for another an authority that says no.
func (p *Platform) Shown(context.Context) ([]platform.CertificateStatus, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	main, stage := p.envs["shop/main"], p.envs["shop/stage"]
	return []platform.CertificateStatus{
		{Host: main.Host() + ".localhost", Source: "acme", ID: "acme0123", ExpiresAt: p.now.Add(60 * 24 * time.Hour)},
		{Host: stage.Host() + ".localhost", Source: "local", Problem: "the authority does not reach this machine", NextTry: p.now.Add(time.Hour)},
		{Host: "elsewhere.example.com", Source: "acme", ID: "acme4567"},
	}, nil
}
