-- Backups outlive the environments that they are of.
CREATE TABLE backups (
	id          TEXT PRIMARY KEY,
	project     TEXT NOT NULL,
	environment TEXT NOT NULL,
	backup      TEXT NOT NULL, -- JSON
	created_at  TEXT NOT NULL
);
CREATE INDEX backups_of_environments ON backups (project, environment, created_at);
