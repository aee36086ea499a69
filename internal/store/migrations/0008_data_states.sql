-- What the data looks like to the code of a release, and the snapshot from before it was
-- deployed. 'null' is a state that was not recorded.
ALTER TABLE releases ADD COLUMN data TEXT NOT NULL DEFAULT 'null'; -- JSON object
ALTER TABLE releases ADD COLUMN snapshot_before TEXT NOT NULL DEFAULT '';
