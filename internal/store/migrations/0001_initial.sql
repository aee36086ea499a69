CREATE TABLE seal_check (
	id     INTEGER PRIMARY KEY CHECK (id = 1),
	sealed BLOB NOT NULL
) STRICT;

CREATE TABLE projects (
	id             TEXT PRIMARY KEY,
	title          TEXT NOT NULL,
	default_branch TEXT NOT NULL,
	entropy        BLOB NOT NULL, -- sealed
	created_at     TEXT NOT NULL,
	updated_at     TEXT NOT NULL
) STRICT;

CREATE TABLE environments (
	project      TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
	name         TEXT NOT NULL,
	machine_name TEXT NOT NULL,
	title        TEXT NOT NULL,
	parent       TEXT NOT NULL,
	type         TEXT NOT NULL,
	status       TEXT NOT NULL,
	head_commit  TEXT NOT NULL,
	release      TEXT NOT NULL,
	subnet       TEXT NOT NULL UNIQUE,
	created_at   TEXT NOT NULL,
	updated_at   TEXT NOT NULL,
	deployed_at  TEXT NOT NULL,
	PRIMARY KEY (project, name),
	UNIQUE (project, machine_name)
) STRICT;

CREATE TABLE variables (
	project         TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
	environment     TEXT, -- NULL for a variable of the project
	name            TEXT NOT NULL,
	value           BLOB NOT NULL, -- sealed
	json            INTEGER NOT NULL,
	sensitive       INTEGER NOT NULL,
	visible_build   INTEGER NOT NULL,
	visible_runtime INTEGER NOT NULL,
	inheritable     INTEGER NOT NULL,
	enabled         INTEGER NOT NULL,
	FOREIGN KEY (project, environment) REFERENCES environments (project, name) ON DELETE CASCADE
) STRICT;

CREATE UNIQUE INDEX variables_by_name ON variables (project, ifnull(environment, ''), name);

CREATE TABLE activities (
	seq          INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of the queue
	id           TEXT NOT NULL UNIQUE,
	type         TEXT NOT NULL,
	project      TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
	environment  TEXT NOT NULL, -- no reference: the record outlives the environment
	state        TEXT NOT NULL,
	result       TEXT NOT NULL,
	actor_id     TEXT NOT NULL,
	actor_name   TEXT NOT NULL,
	description  TEXT NOT NULL,
	commit_id    TEXT NOT NULL,
	old_commit   TEXT NOT NULL,
	parameters   TEXT NOT NULL, -- JSON object
	step         TEXT NOT NULL,
	release      TEXT NOT NULL,
	reason       TEXT NOT NULL,
	hint         TEXT NOT NULL,
	commands     TEXT NOT NULL, -- JSON array
	hold         TEXT NOT NULL, -- JSON object
	timings      TEXT NOT NULL, -- JSON array
	created_at   TEXT NOT NULL,
	updated_at   TEXT NOT NULL,
	started_at   TEXT NOT NULL,
	completed_at TEXT NOT NULL
) STRICT;

CREATE INDEX activities_by_creation ON activities (created_at, seq);
CREATE INDEX activities_pending ON activities (seq) WHERE state = 'pending';
CREATE UNIQUE INDEX activities_one_at_a_time ON activities (project, environment) WHERE state = 'in_progress';

CREATE TABLE release_numbers (
	project     TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
	environment TEXT NOT NULL, -- no reference: a name that comes back goes on counting
	last        INTEGER NOT NULL,
	PRIMARY KEY (project, environment)
) STRICT;

CREATE TABLE releases (
	seq         INTEGER PRIMARY KEY AUTOINCREMENT,
	id          TEXT NOT NULL,
	project     TEXT NOT NULL,
	environment TEXT NOT NULL,
	activity    TEXT NOT NULL,
	commit_id   TEXT NOT NULL,
	state       TEXT NOT NULL,
	slugs       TEXT NOT NULL, -- JSON object
	routes      TEXT NOT NULL, -- JSON array
	spec        BLOB NOT NULL, -- sealed
	created_at  TEXT NOT NULL,
	live_at     TEXT NOT NULL,
	UNIQUE (project, environment, id),
	FOREIGN KEY (project, environment) REFERENCES environments (project, name) ON DELETE CASCADE
) STRICT;

CREATE TABLE slug_keys (
	project TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
	app     TEXT NOT NULL,
	parts   TEXT NOT NULL, -- JSON object
	PRIMARY KEY (project, app)
) STRICT;

CREATE TABLE tokens (
	name         TEXT PRIMARY KEY,
	hash         TEXT NOT NULL UNIQUE, -- SHA-256, hexadecimal
	created_at   TEXT NOT NULL,
	last_used_at TEXT NOT NULL
) STRICT;
