CREATE TABLE users (
	id            TEXT PRIMARY KEY,
	kind          TEXT NOT NULL, -- person, machine
	state         TEXT NOT NULL, -- invited, active, disabled
	email         TEXT NOT NULL, -- lower case; empty for a machine
	username      TEXT NOT NULL UNIQUE,
	first_name    TEXT NOT NULL,
	last_name     TEXT NOT NULL,
	password      TEXT NOT NULL, -- PHC string of a hash, or empty
	factor        BLOB NOT NULL, -- sealed JSON of the second factor, empty for none
	created_at    TEXT NOT NULL,
	updated_at    TEXT NOT NULL,
	last_login_at TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX users_by_email ON users (email) WHERE email <> '';

-- Who may do what: the text forms of grants. A project that is deleted takes the rights on
-- it along, so that another one of the same name has none of its people.
CREATE TABLE user_access (
	user    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	scope   TEXT NOT NULL,
	project TEXT NOT NULL, -- the part before the colon; no reference, as it may be *
	PRIMARY KEY (user, scope)
) STRICT;
CREATE INDEX user_access_by_project ON user_access (project);
CREATE TRIGGER project_access AFTER DELETE ON projects BEGIN
	DELETE FROM user_access WHERE project = old.id;
END;

-- A token had an owner of its own name. Each becomes a token of a machine of this name,
-- which may do what the token could.
INSERT INTO users
	SELECT CASE WHEN name GLOB '*[^A-Za-z0-9-]*' THEN 'machine-' || lower(hex(randomblob(6))) ELSE name END,
		'machine', 'active', '', name, '', '', '', x'', created_at, created_at, ''
	FROM tokens;
INSERT OR IGNORE INTO user_access
	SELECT u.id, s.value, CASE instr(s.value, ':') WHEN 0 THEN s.value ELSE substr(s.value, 1, instr(s.value, ':') - 1) END
	FROM tokens t JOIN users u ON u.username = t.name, json_each(t.scopes) s;

CREATE TABLE tokens_new (
	id           TEXT PRIMARY KEY,
	user         TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	name         TEXT NOT NULL,
	hash         TEXT NOT NULL UNIQUE, -- SHA-256, hexadecimal
	scopes       TEXT NOT NULL, -- JSON array; empty: no limits but the user's own
	created_by   TEXT NOT NULL,
	created_at   TEXT NOT NULL,
	expires_at   TEXT NOT NULL,
	last_used_at TEXT NOT NULL,
	UNIQUE (user, name)
) STRICT;
INSERT INTO tokens_new
	SELECT lower(hex(randomblob(8))), u.id, t.name, t.hash, t.scopes, t.created_by, t.created_at, t.expires_at, t.last_used_at
	FROM tokens t JOIN users u ON u.username = t.name;
DROP TABLE tokens;
ALTER TABLE tokens_new RENAME TO tokens;

CREATE TABLE sessions (
	id         TEXT PRIMARY KEY,
	user       TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	token      TEXT REFERENCES tokens (id) ON DELETE CASCADE, -- that it was made with; NULL: log-in of a person
	client     TEXT NOT NULL,
	access     TEXT NOT NULL UNIQUE, -- SHA-256 of the access token, hexadecimal
	refresh    TEXT NOT NULL,        -- the same of the refresh token; empty: it has none
	previous   TEXT NOT NULL,        -- the same of the refresh token before this one, or empty
	rotated_at TEXT NOT NULL,        -- when previous was replaced
	methods    TEXT NOT NULL,        -- JSON array
	created_at TEXT NOT NULL,
	login_at   TEXT NOT NULL,
	access_end TEXT NOT NULL,
	expires_at TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX sessions_by_refresh ON sessions (refresh) WHERE refresh <> '';
CREATE INDEX sessions_by_previous ON sessions (previous);
CREATE INDEX sessions_by_user ON sessions (user);
CREATE INDEX sessions_by_end ON sessions (expires_at);

CREATE TABLE ssh_keys (
	id         INTEGER PRIMARY KEY AUTOINCREMENT,
	user       TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	title      TEXT NOT NULL,
	value      TEXT NOT NULL UNIQUE, -- of one user only: the key says who logs in
	created_at TEXT NOT NULL
) STRICT;

-- Counts what may take a right away from somebody, so that open connections are checked
-- again, also when another process made the change.
CREATE TABLE rights (generation INTEGER NOT NULL) STRICT;
INSERT INTO rights VALUES (1);
CREATE TRIGGER rights_users AFTER UPDATE ON users WHEN old.state <> new.state OR old.password <> new.password BEGIN UPDATE rights SET generation = generation + 1; END;
CREATE TRIGGER rights_users_gone AFTER DELETE ON users BEGIN UPDATE rights SET generation = generation + 1; END;
CREATE TRIGGER rights_access AFTER INSERT ON user_access BEGIN UPDATE rights SET generation = generation + 1; END;
CREATE TRIGGER rights_access_gone AFTER DELETE ON user_access BEGIN UPDATE rights SET generation = generation + 1; END;
CREATE TRIGGER rights_tokens_gone AFTER DELETE ON tokens BEGIN UPDATE rights SET generation = generation + 1; END;
CREATE TRIGGER rights_sessions_gone AFTER DELETE ON sessions BEGIN UPDATE rights SET generation = generation + 1; END;
CREATE TRIGGER rights_keys_gone AFTER DELETE ON ssh_keys BEGIN UPDATE rights SET generation = generation + 1; END;
CREATE TRIGGER rights_environments AFTER UPDATE ON environments WHEN old.type <> new.type BEGIN UPDATE rights SET generation = generation + 1; END;
