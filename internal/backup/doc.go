// Package backup makes, keeps, checks and removes backups of environments: the kinds of
// activity for that, the schedule, and which scheduled backups are kept. A backup is a
// snapshot whose files are saved in a repository, with a manifest that says what they are.
// The restore is a deployment, so internal/deploy does it and asks this package for the data.
//
// It may import the nouns, work and the snapshot port, and neither net/http nor database/sql.
// Repositories are subpackages (backup/restic); backup/backuptest holds the fake and the one
// conformance suite that they pass.
package backup
