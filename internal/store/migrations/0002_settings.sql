-- What users set on an environment: sealed JSON, empty for nothing. It holds the hashes
-- of passwords.
ALTER TABLE environments ADD COLUMN settings BLOB NOT NULL DEFAULT x'';
