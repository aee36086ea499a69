-- The identifier of an environment outside the database, see platform.Environment.ID. Two
-- environments that share one would share containers, volumes and data.
CREATE UNIQUE INDEX environments_by_identifier ON environments (project || '-' || machine_name);
