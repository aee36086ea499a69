package httpapitest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"sluice/internal/platform"
)

// Integrations implements project.Records.
func (p *Platform) Integrations(_ context.Context, project string) ([]platform.Integration, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(p.integrations), func(i platform.Integration) bool { return i.Project != project }), nil
}

// Integration implements project.Records.
func (p *Platform) Integration(_ context.Context, id string) (platform.Integration, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := p.integration(id)
	if at < 0 {
		return platform.Integration{}, platform.Errorf(platform.CodeNotFound, "integration %q not found", id)
	}
	return p.integrations[at], nil
}

func (p *Platform) integration(id string) int {
	return slices.IndexFunc(p.integrations, func(i platform.Integration) bool { return i.ID == id })
}

// SaveIntegration implements project.Records; IDs are hook1, hook2 and so on. Two deliveries
// come with a new integration: one that arrived and one that did not.
func (p *Platform) SaveIntegration(_ context.Context, i platform.Integration) (platform.Integration, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i.UpdatedAt = p.now
	if at := p.integration(i.ID); at >= 0 {
		p.integrations[at] = i
		return i, nil
	}
	i.ID, i.CreatedAt = fmt.Sprintf("hook%d", len(p.integrations)+1), p.now
	p.integrations = append(p.integrations, i)
	about := platform.Activity{
		ID: "act-push-good", Type: platform.ActivityPush, Project: i.Project, Environment: "main", State: platform.ActivityComplete,
		Result: platform.ResultSuccess, Actor: platform.Actor{ID: "jane", Name: "Jane Doe"},
	}
	refused := platform.DeliveryAttempt{At: p.now, Status: 500, Problem: "the receiver responded with 500 Internal Server Error"}
	for n, attempts := range [][]platform.DeliveryAttempt{{refused, {At: p.now, Status: 204}}, {refused}} {
		p.deliveries = append(p.deliveries, platform.Delivery{
			ID: fmt.Sprintf("%s-sent%d", i.ID, n+1), Integration: i.ID, Activity: about, Done: true, Delivered: n == 0,
			Attempts: attempts, CreatedAt: p.now, UpdatedAt: p.now,
		})
	}
	return i, nil
}

// DeleteIntegration implements project.Records.
func (p *Platform) DeleteIntegration(_ context.Context, id string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.integrations = slices.DeleteFunc(p.integrations, func(i platform.Integration) bool { return i.ID == id })
	return nil
}

// Deliveries implements project.Records.
func (p *Platform) Deliveries(_ context.Context, integration string) ([]platform.Delivery, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	own := slices.DeleteFunc(slices.Clone(p.deliveries), func(d platform.Delivery) bool { return d.Integration != integration })
	slices.Reverse(own)
	return own, nil
}

// Delivery implements project.Records.
func (p *Platform) Delivery(_ context.Context, id string) (platform.Delivery, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := slices.IndexFunc(p.deliveries, func(d platform.Delivery) bool { return d.ID == id })
	if at < 0 {
		return platform.Delivery{}, platform.Errorf(platform.CodeNotFound, "activity %q not found", id)
	}
	return p.deliveries[at], nil
}

// Permit implements project.Receivers.
func (p *Platform) Permit(i platform.Integration) error {
	if strings.HasPrefix(i.URL, "http://169.254.") {
		return platform.Errorf(platform.CodeInvalid, "the receiver has the address 169.254.169.254, which is not public").WithField("url")
	}
	return nil
}

// Check implements project.Receivers: those of a host named "away" cannot be reached.
func (p *Platform) Check(_ context.Context, i platform.Integration) error {
	if strings.Contains(i.URL, "//away") {
		return platform.Errorf(platform.CodeInvalid, "the receiver cannot be reached: connection refused").WithField("url")
	}
	return nil
}
