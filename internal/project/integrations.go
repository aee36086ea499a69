package project

import (
	"context"

	"sluice/internal/access"
	"sluice/internal/platform"
)

// Integrations keeps integrations and what was sent to them.
type Integrations interface {
	// Integrations lists those of a project, oldest first.
	Integrations(ctx context.Context, project string) ([]platform.Integration, error)
	// Integration returns CodeNotFound when there is none.
	Integration(ctx context.Context, id string) (platform.Integration, error)
	// SaveIntegration creates or replaces one. It returns CodeConflict when the project has too
	// many.
	SaveIntegration(ctx context.Context, i platform.Integration) (platform.Integration, error)
	// DeleteIntegration removes one with its deliveries.
	DeleteIntegration(ctx context.Context, id string) error
	// Deliveries lists those of an integration, newest first.
	Deliveries(ctx context.Context, integration string) ([]platform.Delivery, error)
	// Delivery returns CodeNotFound when there is none.
	Delivery(ctx context.Context, id string) (platform.Delivery, error)
}

// Receivers are the systems that integrations send events to.
type Receivers interface {
	// Check returns CodeInvalid for an integration whose receiver cannot be reached, or must
	// not be. It sends nothing.
	Check(ctx context.Context, i platform.Integration) error
	// Permit returns CodeInvalid for an address that must not be sent to, as far as that can
	// be told without asking the DNS.
	Permit(i platform.Integration) error
}

// Integrations lists the integrations of a project, oldest first.
func (s *Service) Integrations(ctx context.Context, project string) ([]platform.Integration, error) {
	return s.Records.Integrations(ctx, project)
}

// Integration returns an integration of a project, or CodeNotFound.
func (s *Service) Integration(ctx context.Context, project, id string) (platform.Integration, error) {
	i, err := s.Records.Integration(ctx, id)
	if err == nil && i.Project != project {
		err = platform.Errorf(platform.CodeNotFound, "integration %q not found", id)
	}
	if err != nil {
		return platform.Integration{}, err
	}
	return i, nil
}

// AddIntegration adds an integration of a type. What the change leaves out is: all events, of
// all environments, when activities are complete.
func (s *Service) AddIntegration(ctx context.Context, by access.Subject, project, kind string, change platform.IntegrationChange) (platform.Integration, error) {
	i := change.Apply(platform.Integration{
		ID: platform.NewID(), Project: project, Type: kind,
		Filter: platform.EventFilter{Events: []string{"*"}, States: []string{string(platform.ActivityComplete)}, Environments: []string{"*"}},
	})
	return s.saveIntegration(ctx, by, i, "add integration "+i.ID)
}

// ChangeIntegration changes an integration. What it was to send already is sent to where it
// leads now.
func (s *Service) ChangeIntegration(ctx context.Context, by access.Subject, project, id string, change platform.IntegrationChange) (platform.Integration, error) {
	i, err := s.Integration(ctx, project, id)
	if err != nil {
		return i, err
	}
	return s.saveIntegration(ctx, by, change.Apply(i), "update integration "+i.ID)
}

func (s *Service) saveIntegration(ctx context.Context, by access.Subject, i platform.Integration, detail string) (platform.Integration, error) {
	err := i.Check()
	if err == nil {
		err = s.Receivers.Permit(i)
	}
	if err != nil {
		return i, err
	}
	if err := s.Record(ctx, by, access.IntegrationManage, i.Project, "", detail); err != nil {
		return i, err
	}
	return s.Records.SaveIntegration(ctx, i)
}

// DeleteIntegration removes an integration; what it was to send is not sent.
func (s *Service) DeleteIntegration(ctx context.Context, by access.Subject, project, id string) error {
	i, err := s.Integration(ctx, project, id)
	if err != nil {
		return err
	}
	if err := s.Record(ctx, by, access.IntegrationManage, project, "", "delete integration "+i.ID); err != nil {
		return err
	}
	return s.Records.DeleteIntegration(ctx, i.ID)
}

// CheckIntegration returns CodeInvalid for an integration whose receiver cannot be reached.
func (s *Service) CheckIntegration(ctx context.Context, project, id string) error {
	i, err := s.Integration(ctx, project, id)
	if err != nil {
		return err
	}
	return s.Receivers.Check(ctx, i)
}

// Deliveries lists what was sent to an integration, newest first.
func (s *Service) Deliveries(ctx context.Context, project, id string) ([]platform.Delivery, error) {
	i, err := s.Integration(ctx, project, id)
	if err != nil {
		return nil, err
	}
	return s.Records.Deliveries(ctx, i.ID)
}

// Delivery returns a delivery of an integration of the project, or CodeNotFound.
func (s *Service) Delivery(ctx context.Context, project, id string) (platform.Delivery, error) {
	d, err := s.Records.Delivery(ctx, id)
	if err == nil && d.Activity.Project != project {
		err = platform.Errorf(platform.CodeNotFound, "activity %q not found", id)
	}
	if err != nil {
		return platform.Delivery{}, err
	}
	return d, nil
}
