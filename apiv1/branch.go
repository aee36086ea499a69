package apiv1

import (
	"context"
	"net/http"
)

// Clone says with which data an environment begins.
type Clone struct {
	CloneParent      *bool `json:"clone_parent,omitempty"`       // false: with empty data; else with the parent's
	KeepPersonalData bool  `json:"keep_personal_data,omitempty"` // needs the role admin on the parent
}

// Branch asks for a new environment, a child of the one that it is asked of.
type Branch struct {
	Clone

	Name  string `json:"name"`
	Title string `json:"title,omitempty"`
	Type  string `json:"type,omitempty"` // "staging", or "development" when empty
}

// Synchronize asks for what an environment gets from its parent.
type Synchronize struct {
	Code             bool `json:"synchronize_code"`
	Data             bool `json:"synchronize_data"`
	Resources        bool `json:"synchronize_resources,omitempty"` // they come with the code
	Rebase           bool `json:"rebase,omitempty"`
	KeepPersonalData bool `json:"keep_personal_data,omitempty"` // needs the role admin on the parent
}

// BranchEnvironment makes an environment from another one and returns the activities that it
// started.
func (c *Client) BranchEnvironment(ctx context.Context, project, parent string, wanted Branch) ([]Activity, error) {
	return c.begin(ctx, project, parent, "branch", wanted)
}

// ActivateEnvironment starts the first deployment of an environment.
func (c *Client) ActivateEnvironment(ctx context.Context, project, env string, wanted Clone) ([]Activity, error) {
	return c.begin(ctx, project, env, Activate, wanted)
}

// SynchronizeEnvironment brings the parent's code or data to an environment.
func (c *Client) SynchronizeEnvironment(ctx context.Context, project, env string, wanted Synchronize) ([]Activity, error) {
	return c.begin(ctx, project, env, "synchronize", wanted)
}

// begin starts an operation on an environment and returns the activities that this started.
func (c *Client) begin(ctx context.Context, project, env string, op Operation, body any) ([]Activity, error) {
	return c.start(ctx, http.MethodPost, path("projects", project, "environments", env, string(op)), nil, body)
}
