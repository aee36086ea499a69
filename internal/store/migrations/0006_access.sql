-- What a token may do: a JSON array of scopes. Tokens from before could do everything.
ALTER TABLE tokens ADD COLUMN scopes TEXT NOT NULL DEFAULT '["*:admin"]';
ALTER TABLE tokens ADD COLUMN created_by TEXT NOT NULL DEFAULT '';
ALTER TABLE tokens ADD COLUMN expires_at TEXT NOT NULL DEFAULT '';

-- Several projects may ask for a name; only one can have it verified. Domains from before
-- were added by people who could do everything, so they count as verified.
CREATE TABLE domains_new (
	project     TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
	name        TEXT NOT NULL,
	is_default  INTEGER NOT NULL,
	challenge   TEXT NOT NULL,
	verified_at TEXT NOT NULL, -- empty until verified
	created_at  TEXT NOT NULL,
	updated_at  TEXT NOT NULL,
	PRIMARY KEY (project, name)
) STRICT;
INSERT INTO domains_new SELECT project, name, is_default, '', created_at, created_at, updated_at FROM domains;
DROP TABLE domains;
ALTER TABLE domains_new RENAME TO domains;
CREATE UNIQUE INDEX domains_one_default ON domains (project) WHERE is_default = 1;
CREATE UNIQUE INDEX domains_one_owner ON domains (name) WHERE verified_at <> '';

CREATE TABLE audit (
	id          INTEGER PRIMARY KEY AUTOINCREMENT,
	at          TEXT NOT NULL,
	actor_id    TEXT NOT NULL,
	actor_name  TEXT NOT NULL,
	action      TEXT NOT NULL,
	project     TEXT NOT NULL, -- no reference: the record outlives the project
	environment TEXT NOT NULL,
	detail      TEXT NOT NULL
) STRICT;
CREATE INDEX audit_by_project ON audit (project, id);
