-- Whether somebody other than the person who invited has confirmed the address. All accounts
-- so far were made by admins of the installation.
ALTER TABLE users ADD COLUMN email_unverified INTEGER NOT NULL DEFAULT 0;

-- Identities of providers (OpenID Connect) that log in as a user. A user has one of each
-- provider at most.
CREATE TABLE connections (
	issuer     TEXT NOT NULL,
	subject    TEXT NOT NULL,
	user       TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	email      TEXT NOT NULL, -- at the time of the connection
	created_at TEXT NOT NULL,
	PRIMARY KEY (issuer, subject),
	UNIQUE (user, issuer)
) STRICT;
CREATE TRIGGER rights_connections_gone AFTER DELETE ON connections BEGIN UPDATE rights SET generation = generation + 1; END;

CREATE TABLE invitations (
	id              TEXT PRIMARY KEY,
	project         TEXT NOT NULL,
	email           TEXT NOT NULL, -- lower case
	scope           TEXT NOT NULL,
	secret          BLOB NOT NULL, -- sealed; admins of the project are shown the address again
	hash            TEXT NOT NULL UNIQUE, -- SHA-256 of the secret, hexadecimal
	invited_by      TEXT NOT NULL, -- ID of a user, or operator
	invited_by_name TEXT NOT NULL,
	vouched         INTEGER NOT NULL,
	created_at      TEXT NOT NULL,
	expires_at      TEXT NOT NULL,
	UNIQUE (project, email)
) STRICT;
CREATE INDEX invitations_by_email ON invitations (email);
CREATE TRIGGER project_invitations AFTER DELETE ON projects BEGIN
	DELETE FROM invitations WHERE project = old.id;
END;
