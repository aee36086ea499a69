CREATE TABLE domains (
	name       TEXT PRIMARY KEY, -- of one project only: visitors of a name reach one site
	project    TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
	is_default INTEGER NOT NULL,
	created_at TEXT NOT NULL,
	updated_at TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX domains_one_default ON domains (project) WHERE is_default = 1;

CREATE TABLE certificates (
	project     TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
	id          TEXT NOT NULL,
	certificate TEXT NOT NULL, -- JSON object, without the key
	private_key BLOB NOT NULL, -- sealed
	created_at  TEXT NOT NULL,
	PRIMARY KEY (project, id)
) STRICT;
