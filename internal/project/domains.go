package project

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"slices"
	"strings"
	"time"

	"sluice/internal/access"
	"sluice/internal/platform"
)

// challengePrefix begins the TXT record that verifies a domain.
const challengePrefix = "sluice-verification="

// lookupLimit is how long the DNS may take to answer.
const lookupLimit = 15 * time.Second

// AddDomain adds a domain to a project and redeploys its production environment, whose
// routes change. Only an admin of everything is believed that a domain is the project's;
// of others it has to be verified first, unless it lies below a domain that was.
func (s *Service) AddDomain(ctx context.Context, by access.Subject, project, name string, byDefault bool) (platform.Domain, []platform.Activity, error) {
	normal, err := platform.NormalDomain(name)
	if err != nil {
		return platform.Domain{}, nil, withField(err, "name")
	}
	d := platform.Domain{Project: project, Name: normal, Default: byDefault}
	if !by.Allows(access.InstallationManage, "", "") {
		list, err := s.Records.Domains(ctx, project)
		if err != nil {
			return platform.Domain{}, nil, err
		}
		if !slices.ContainsFunc(list, func(o platform.Domain) bool { return o.Verified() && strings.HasSuffix(normal, "."+o.Name) }) {
			d.Challenge = challengePrefix + strings.ToLower(rand.Text())
		}
	}
	if err := s.Record(ctx, by, access.DomainManage, project, "", "add "+normal); err != nil {
		return platform.Domain{}, nil, err
	}
	if d, err = s.Records.AddDomain(ctx, d); err != nil || !d.Verified() {
		return d, nil, err
	}
	return d, s.reroute(ctx, by, project), nil
}

// VerifyDomain looks for the domain's challenge in the DNS. A domain that is verified
// already stays so, and nothing happens.
func (s *Service) VerifyDomain(ctx context.Context, by access.Subject, project, name string) (platform.Domain, []platform.Activity, error) {
	d, err := s.Domain(ctx, project, name)
	if err != nil || d.Verified() {
		return d, nil, err
	}
	lookup, cancel := context.WithTimeoutCause(ctx, lookupLimit, errors.New("the DNS did not answer in time"))
	defer cancel()
	records, err := s.Resolver.LookupTXT(lookup, d.ChallengeName())
	if notFound, ok := errors.AsType[*net.DNSError](err); err != nil && (!ok || !notFound.IsNotFound) {
		return d, nil, platform.Errorf(platform.CodeUnavailable, "could not look up %s: %v; nothing was changed", d.ChallengeName(), err).
			WithHint("try again in a minute: sluice domain:verify %s", d.Name)
	}
	if !slices.Contains(records, d.Challenge) {
		return d, nil, platform.Errorf(platform.CodeConflict, "%s has no TXT record %q; %s was not verified", d.ChallengeName(), d.Challenge, d.Name).
			WithHint("add the record where the DNS of %s is managed, wait until it can be seen (`dig TXT %s`), then: sluice domain:verify %s",
				d.Name, d.ChallengeName(), d.Name)
	}
	if err := s.Record(ctx, by, access.DomainManage, project, "", "verify "+d.Name); err != nil {
		return d, nil, err
	}
	if d, err = s.Records.VerifyDomain(ctx, project, d.Name); err != nil {
		return d, nil, err
	}
	return d, s.reroute(ctx, by, project), nil
}

// Domain returns a domain of a project, or CodeNotFound.
func (s *Service) Domain(ctx context.Context, project, name string) (platform.Domain, error) {
	list, err := s.Records.Domains(ctx, project)
	if err != nil {
		return platform.Domain{}, err
	}
	normal, err := platform.NormalDomain(name)
	i := slices.IndexFunc(list, func(d platform.Domain) bool { return d.Name == normal })
	if err != nil || i < 0 {
		return platform.Domain{}, platform.Errorf(platform.CodeNotFound, "project %s has no domain %q; nothing was changed", project, name).
			WithHint("`sluice domain:list` shows the project's domains")
	}
	return list[i], nil
}

// Domains lists a project's domains, the default one first.
func (s *Service) Domains(ctx context.Context, project string) ([]platform.Domain, error) {
	return s.Records.Domains(ctx, project)
}

// SetDefaultDomain makes a verified domain the one that {default} in routes stands for.
func (s *Service) SetDefaultDomain(ctx context.Context, by access.Subject, project, name string) (platform.Domain, []platform.Activity, error) {
	d, err := s.Domain(ctx, project, name)
	if err != nil {
		return d, nil, err
	}
	if !d.Verified() {
		return d, nil, platform.Errorf(platform.CodeConflict, "the domain %s is not verified; nothing was changed", d.Name).
			WithHint("sluice domain:verify %s", d.Name)
	}
	if err := s.Record(ctx, by, access.DomainManage, project, "", "default "+d.Name); err != nil {
		return d, nil, err
	}
	if err := s.Records.SetDefaultDomain(ctx, project, d.Name); err != nil {
		return d, nil, err
	}
	d.Default = true
	return d, s.reroute(ctx, by, project), nil
}

// DeleteDomain removes a domain from a project.
func (s *Service) DeleteDomain(ctx context.Context, by access.Subject, project, name string) ([]platform.Activity, error) {
	d, err := s.Domain(ctx, project, name)
	if err != nil {
		return nil, err
	}
	if err := s.Record(ctx, by, access.DomainManage, project, "", "delete "+d.Name); err != nil {
		return nil, err
	}
	if err := s.Records.DeleteDomain(ctx, project, d.Name); err != nil || !d.Verified() {
		return nil, err
	}
	return s.reroute(ctx, by, project), nil
}

// reroute redeploys a production environment that runs, for its routes have changed. A
// failure leaves the domain changed; the next deployment takes it up.
func (s *Service) reroute(ctx context.Context, by access.Subject, project string) []platform.Activity {
	p, err := s.Records.Project(ctx, project)
	if err != nil {
		s.Log.WarnContext(ctx, "domains changed, but the environment was not redeployed", "project", project, "error", err)
		return nil
	}
	env, err := s.Records.Environment(ctx, project, p.DefaultBranch)
	if platform.ErrorCode(err) == platform.CodeNotFound || (err == nil && access.State(access.Redeploy, p, env) != nil) {
		return nil // nothing runs
	}
	var a platform.Activity
	if err == nil {
		a, err = s.Pipeline.Redeploy(ctx, project, env.Name, by.Actor, nil)
	}
	if err != nil {
		s.Log.WarnContext(ctx, "domains changed, but the environment was not redeployed", "project", project, "error", err)
		return nil
	}
	return []platform.Activity{a}
}

// withField names the wrong field of a request.
func withField(err error, field string) error {
	if e, ok := errors.AsType[*platform.Error](err); ok {
		return e.WithField(field)
	}
	return err
}
