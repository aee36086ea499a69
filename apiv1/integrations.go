package apiv1

import (
	"context"
	"net/http"
)

// Integration sends the events of a project's activities to another system.
type Integration struct {
	ID     string   `json:"id"`
	Type   string   `json:"type"` // "webhook"
	URL    string   `json:"url"`
	Signed bool     `json:"signed"` // requests have the header field X-JWS-Signature
	Events []string `json:"events"`
	States []string `json:"states"`
	// Environments that activities are about, and those whose activities are left out.
	Environments         []string `json:"environments"`
	ExcludedEnvironments []string `json:"excluded_environments"`
	CreatedAt            Time     `json:"created_at"`
	UpdatedAt            Time     `json:"updated_at"`
	Links                Links    `json:"_links,omitempty"`
}

// IntegrationChange adds an integration, or changes what is not nil.
type IntegrationChange struct {
	Type                 string    `json:"type,omitempty"` // when adding
	URL                  *string   `json:"url,omitempty"`
	SharedKey            *string   `json:"shared_key,omitempty"`
	Events               *[]string `json:"events,omitempty"`
	States               *[]string `json:"states,omitempty"`
	Environments         *[]string `json:"environments,omitempty"`
	ExcludedEnvironments *[]string `json:"excluded_environments,omitempty"`
}

func integrationPath(project string, more ...string) string {
	return path(append([]string{"projects", project, "integrations"}, more...)...)
}

// Integrations lists a project's integrations, oldest first.
func (c *Client) Integrations(ctx context.Context, project string) ([]Integration, error) {
	return get[[]Integration](ctx, c, integrationPath(project), nil)
}

// Integration returns one integration of a project.
func (c *Client) Integration(ctx context.Context, project, id string) (Integration, error) {
	return get[Integration](ctx, c, integrationPath(project, id), nil)
}

// AddIntegration adds an integration.
func (c *Client) AddIntegration(ctx context.Context, project string, change IntegrationChange) (Integration, error) {
	i, _, err := changeWith[Integration](ctx, c, http.MethodPost, integrationPath(project), change)
	return i, err
}

// UpdateIntegration changes an integration.
func (c *Client) UpdateIntegration(ctx context.Context, project, id string, change IntegrationChange) (Integration, error) {
	i, _, err := changeWith[Integration](ctx, c, http.MethodPatch, integrationPath(project, id), change)
	return i, err
}

// DeleteIntegration removes an integration; what it was to send is not sent.
func (c *Client) DeleteIntegration(ctx context.Context, project, id string) error {
	_, err := c.start(ctx, http.MethodDelete, integrationPath(project, id), nil, nil)
	return err
}

// ValidateIntegration has the server connect to the receiver; nothing is sent.
func (c *Client) ValidateIntegration(ctx context.Context, project, id string) error {
	_, err := c.start(ctx, http.MethodPost, integrationPath(project, id, "validate"), nil, struct{}{})
	return err
}

// Deliveries lists what was sent to an integration as activities, newest first.
func (c *Client) Deliveries(ctx context.Context, project, id string) ([]Activity, error) {
	return get[[]Activity](ctx, c, integrationPath(project, id, "activities"), nil)
}
