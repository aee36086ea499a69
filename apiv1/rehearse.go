package apiv1

import (
	"context"
	"encoding/json"
)

// Rehearse asks for the rehearsal of a deployment of an environment's head to production.
type Rehearse struct {
	Pages            []string `json:"pages,omitempty"`              // paths or URLs that are compared beside those of the project
	KeepPersonalData bool     `json:"keep_personal_data,omitempty"` // needs the role admin on production
}

// RehearseEnvironment starts a rehearsal and returns the activity, which is one of production.
func (c *Client) RehearseEnvironment(ctx context.Context, project, env string, wanted Rehearse) ([]Activity, error) {
	return c.begin(ctx, project, env, "rehearse", wanted)
}

// Rehearsal returns the report of a rehearsal, as `sluice environment:rehearse --format json` prints it.
// An activity without one is a 404.
func (c *Client) Rehearsal(ctx context.Context, activity string) (json.RawMessage, error) {
	return get[json.RawMessage](ctx, c, path("activities", activity, "rehearsal"), nil)
}
