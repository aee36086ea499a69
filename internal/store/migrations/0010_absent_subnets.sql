-- Environments may have no subnet, for engines that choose networks themselves. A table's
-- constraints cannot be changed, so it is made again.
CREATE TABLE environments_next (
	project      TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
	name         TEXT NOT NULL,
	machine_name TEXT NOT NULL,
	title        TEXT NOT NULL,
	parent       TEXT NOT NULL,
	type         TEXT NOT NULL,
	status       TEXT NOT NULL,
	head_commit  TEXT NOT NULL,
	release      TEXT NOT NULL,
	subnet       TEXT UNIQUE, -- NULL for none
	created_at   TEXT NOT NULL,
	updated_at   TEXT NOT NULL,
	deployed_at  TEXT NOT NULL,
	settings     BLOB NOT NULL DEFAULT x'',
	PRIMARY KEY (project, name),
	UNIQUE (project, machine_name)
) STRICT;

INSERT INTO environments_next (project, name, machine_name, title, parent, type, status, head_commit,
	release, subnet, created_at, updated_at, deployed_at, settings)
SELECT project, name, machine_name, title, parent, type, status, head_commit,
	release, subnet, created_at, updated_at, deployed_at, settings FROM environments;

DROP TABLE environments;
ALTER TABLE environments_next RENAME TO environments;
CREATE UNIQUE INDEX environments_by_identifier ON environments (project || '-' || machine_name);
CREATE TRIGGER rights_environments AFTER UPDATE ON environments WHEN old.type <> new.type BEGIN UPDATE rights SET generation = generation + 1; END;
