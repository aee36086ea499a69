CREATE TABLE integrations (
	id         TEXT PRIMARY KEY,
	project    TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
	type       TEXT NOT NULL,
	url        BLOB NOT NULL, -- sealed: it may contain a secret
	shared_key BLOB NOT NULL, -- sealed
	filter     TEXT NOT NULL, -- JSON object
	created_at TEXT NOT NULL,
	updated_at TEXT NOT NULL
) STRICT;

CREATE INDEX integrations_of_projects ON integrations (project, created_at);

CREATE TABLE deliveries (
	seq         INTEGER PRIMARY KEY AUTOINCREMENT,
	id          TEXT NOT NULL UNIQUE,
	integration TEXT NOT NULL REFERENCES integrations (id) ON DELETE CASCADE,
	activity    TEXT NOT NULL, -- JSON object: the activity as it was at the event
	done        INTEGER NOT NULL,
	delivered   INTEGER NOT NULL,
	attempts    TEXT NOT NULL, -- JSON array
	next_at     TEXT NOT NULL,
	created_at  TEXT NOT NULL,
	updated_at  TEXT NOT NULL
) STRICT;

CREATE INDEX deliveries_of_integrations ON deliveries (integration, seq);
CREATE INDEX deliveries_due ON deliveries (next_at, seq) WHERE done = 0;
