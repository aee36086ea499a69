package apiv1

import (
	"context"
	"encoding/json"
)

// PlanRequest is a possible push: what the server needs of it to say what
// it would do.
type PlanRequest struct {
	// Files are the configuration files, includes and php.ini files by their paths in the
	// repository.
	Files map[string][]byte `json:"files"`
	// Sources are digests of the applications' files, by application; one that is missing
	// is not known.
	Sources map[string]string `json:"sources,omitempty"`
	// Options are push options.
	Options map[string]string `json:"options,omitempty"`
}

// Plan asks what a push to an environment would do, which need not exist. The response is the
// JSON that `sluice plan --format json` prints. Nothing is changed.
func (c *Client) Plan(ctx context.Context, project, env string, req PlanRequest) (json.RawMessage, error) {
	return post[json.RawMessage](ctx, c, path("projects", project, "environments", env, "plan"), req)
}
