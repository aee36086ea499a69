package apiv1

import "context"

// DatabaseCommand is what the database endpoint is asked to run: a dump, or else SQL.
type DatabaseCommand struct {
	App          string        `json:"app,omitempty"`          // may be empty when the environment has one application
	Relationship string        `json:"relationship,omitempty"` // may be empty when the application has one to a database
	Schema       string        `json:"schema,omitempty"`       // empty: the relationship's own
	Dump         *DatabaseDump `json:"dump,omitempty"`
	Query        string        `json:"query,omitempty"` // empty: what the input says
	Raw          bool          `json:"raw,omitempty"`   // values only, separated by tabs
	TTY          bool          `json:"tty,omitempty"`
	Size         *Size         `json:"size,omitempty"` // of the terminal, when TTY
}

// DatabaseDump says what a dump holds; a zero one holds everything.
type DatabaseDump struct {
	Tables     []string `json:"tables,omitempty"` // these only
	Exclude    []string `json:"exclude,omitempty"`
	SchemaOnly bool     `json:"schema_only,omitempty"`
	Charset    string   `json:"charset,omitempty"` // empty: utf8mb4
	Gzip       bool     `json:"gzip,omitempty"`    // compress standard output
}

// Database dumps a database to s.Stdout, or runs SQL in it, and returns the exit status. A
// dump is complete only when that is 0 and there is no error.
func (c *Client) Database(ctx context.Context, project, env string, cmd DatabaseCommand, s ExecStreams) (int, error) {
	return c.upgrade(ctx, path("projects", project, "environments", env, "database"), cmd, s)
}
