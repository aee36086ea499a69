-- A project that is being deleted: nothing of it is queued or claimed any more.
ALTER TABLE projects ADD COLUMN closed INTEGER NOT NULL DEFAULT 0;
