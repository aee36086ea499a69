-- What rehearsals of deployments found, and the network of one that runs. They go with their activities.
CREATE TABLE rehearsals (
	activity    TEXT PRIMARY KEY REFERENCES activities (id) ON DELETE CASCADE,
	project     TEXT NOT NULL,
	environment TEXT NOT NULL,
	tree        TEXT NOT NULL, -- digest of what was deployed
	subnet      TEXT UNIQUE, -- while its environment exists
	slugs       TEXT NOT NULL, -- JSON array; empty once they were deleted
	report      TEXT NOT NULL, -- JSON; empty until it is known
	created_at  TEXT NOT NULL
) STRICT;
CREATE INDEX rehearsals_by_tree ON rehearsals (project, environment, tree, created_at);
