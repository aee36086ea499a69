-- The environments that a pending or running activity needs: its own and others. Those of a
-- running one are locked. A finished activity has no rows here.
CREATE TABLE activity_environments (
	activity    TEXT NOT NULL REFERENCES activities (id) ON DELETE CASCADE,
	project     TEXT NOT NULL,
	environment TEXT NOT NULL,
	locked      INTEGER NOT NULL,
	PRIMARY KEY (activity, environment)
) STRICT;

CREATE INDEX activity_environments_by_name ON activity_environments (project, environment);
CREATE UNIQUE INDEX activity_environments_locked ON activity_environments (project, environment) WHERE locked = 1;

INSERT INTO activity_environments (activity, project, environment, locked)
	SELECT id, project, environment, state = 'in_progress' FROM activities WHERE state IN ('pending', 'in_progress');

DROP INDEX activities_one_at_a_time;
CREATE INDEX activities_running ON activities (project) WHERE state = 'in_progress';

-- What the API says of an activity's progress is recorded with its steps, as which steps
-- there are depends on the kind of the activity.
ALTER TABLE activities ADD COLUMN also TEXT NOT NULL DEFAULT '[]'; -- JSON array: other environments that it locks
ALTER TABLE activities ADD COLUMN phase TEXT NOT NULL DEFAULT 'wait';
ALTER TABLE activities ADD COLUMN completion INTEGER NOT NULL DEFAULT 0;
ALTER TABLE activities ADD COLUMN cancellable INTEGER NOT NULL DEFAULT 0;

UPDATE activities SET
	phase = CASE
		WHEN step = 'queued' THEN 'wait'
		WHEN step = 'build' THEN 'build'
		WHEN step IN ('post-deploy', 'background', 'finished') THEN 'post-deploy'
		ELSE 'deploy' END,
	completion = CASE WHEN state IN ('complete', 'cancelled') THEN 100 ELSE 0 END,
	cancellable = state = 'pending',
	timings = CASE WHEN timings IN ('null', '[]') THEN timings ELSE (
		SELECT json_group_array(json_set(t.value, '$.Phase', CASE
			WHEN json_extract(t.value, '$.Step') = 'build' THEN 'build'
			WHEN json_extract(t.value, '$.Step') IN ('post-deploy', 'background') THEN 'post-deploy'
			ELSE 'deploy' END))
		FROM json_each(activities.timings) t) END;
