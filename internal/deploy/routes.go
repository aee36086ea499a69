package deploy

import (
	"context"
	"fmt"
	"slices"

	"sluice/internal/manifest"
	"sluice/internal/platform"
	"sluice/internal/topology"
)

// site is the installation's, with the domains of the project: those that were added to it,
// else those that the installation's settings name for it.
func (s *Service) site(ctx context.Context, project string) (topology.Site, error) {
	site := s.opts.Site
	domains, err := s.Records.Domains(ctx, project)
	if err != nil {
		return site, fmt.Errorf("domains of the project: %w", err)
	}
	site.Domains = s.opts.Domains[project]
	domains = slices.DeleteFunc(domains, func(d platform.Domain) bool { return !d.Verified() })
	if len(domains) > 0 {
		site.Domains = nil
	}
	for _, d := range domains {
		site.Domains = append(site.Domains, d.Name)
	}
	return site, nil
}

// checkRoutes refuses a push whose routes name hosts that are not the project's, before
// anything is built for it.
func (s *Service) checkRoutes(ctx context.Context, project platform.Project, u platform.RefUpdate, m *manifest.Manifest) error {
	branch, _ := u.Branch()
	env, err := s.environmentOrNew(ctx, project, branch)
	if err != nil {
		return err
	}
	site, err := s.site(ctx, project.ID)
	if err != nil {
		return err
	}
	return topology.CheckRoutes(topology.Input{Project: project, Environment: env, Manifest: m, Site: site})
}
