package apiv1

import "context"

// CachePurge says what is removed from an environment's HTTP cache: everything, or by URL,
// or by tags.
type CachePurge struct {
	URL    string `json:"url,omitempty"`    // absolute; "//host/path" means both schemes; without a query, any
	Prefix bool   `json:"prefix,omitempty"` // every URL that begins with it

	Tags []string `json:"tags,omitempty"` // of the application's responses; one of them suffices
}

// CachePurged is what a purge removed.
type CachePurged struct {
	Removed int `json:"removed"` // cached responses; one URL has several when it varies
}

// PurgeCache removes responses from an environment's HTTP cache.
func (c *Client) PurgeCache(ctx context.Context, project, env string, wanted CachePurge) (CachePurged, error) {
	return post[CachePurged](ctx, c, path("projects", project, "environments", env, "cache", "purge"), wanted)
}
