package backup

import (
	"context"
	"io"
	"time"

	"sluice/internal/platform"
	"sluice/internal/snapshot"
)

// Repository keeps backups. Its methods are safe for concurrent use; those that cannot run
// side by side wait for each other. A repository that is not there is CodeUnavailable, with
// nothing changed, and is never replaced by an empty one.
type Repository interface {
	// Save stores the files below req.Dir and the manifest, all or nothing.
	Save(ctx context.Context, req SaveRequest, log io.Writer) (Saved, error)

	// Restore writes the files of a backup below dir, which exists and is empty, and compares
	// what it wrote with what was saved. Owners, modes and times are those of the originals.
	Restore(ctx context.Context, name, dir string, log io.Writer) error

	// Manifest returns what Save was given.
	Manifest(ctx context.Context, name string) ([]byte, error)

	// Archive writes a backup, with its manifest, as a tar stream.
	Archive(ctx context.Context, name string, w io.Writer) error

	// List returns all backups, oldest first.
	List(ctx context.Context) ([]Stored, error)

	// Room returns how many bytes are free where the repository is; known is false where that
	// cannot be found out.
	Room(ctx context.Context) (free int64, known bool, err error)

	// Forget removes backups and gives back the room that no other one needs. One that is gone
	// is no error.
	Forget(ctx context.Context, names []string, log io.Writer) error

	// Recover cleans up after a process that died. It has to run at the start.
	Recover(ctx context.Context) error
}

// SaveRequest is what Save is asked for.
type SaveRequest struct {
	ID          string // of the backup
	Environment platform.EnvironmentID
	Dir         string
	Manifest    []byte
}

// Saved is what became of a backup.
type Saved struct {
	Name  string // in the repository
	Files int64
	Bytes int64
	Added int64 // bytes by which the repository grew
}

// Stored is one backup in the repository.
type Stored struct {
	Name        string
	ID          string
	Environment platform.EnvironmentID
	Time        time.Time
}

// Snapshots copies the data of environments; see snapshot.Store.
type Snapshots interface {
	snapshot.Receiver

	Take(ctx context.Context, req snapshot.Request, log io.Writer) (snapshot.Snapshot, error)
	Open(ctx context.Context, id string) (dir string, closed func() error, err error)
	List(ctx context.Context, env platform.EnvironmentID) ([]snapshot.Snapshot, error)
	Remove(ctx context.Context, id string) error
}

// Records is what is kept of backups and read of environments.
type Records interface {
	// SaveBackup creates or replaces.
	SaveBackup(ctx context.Context, b platform.Backup) error
	// Backup returns CodeNotFound when there is none.
	Backup(ctx context.Context, id string) (platform.Backup, error)
	// Backups lists those of an environment, or of all projects when project is "", newest first.
	Backups(ctx context.Context, project, env string) ([]platform.Backup, error)
	// DeleteBackup removes the record. One that is gone is no error.
	DeleteBackup(ctx context.Context, id string) error

	Project(ctx context.Context, id string) (platform.Project, error)
	Environment(ctx context.Context, project, name string) (platform.Environment, error)
	Environments(ctx context.Context, project string) ([]platform.Environment, error)
	Releases(ctx context.Context, project, env string) ([]platform.Release, error)
	Release(ctx context.Context, project, env, id string) (platform.Release, error)
	Variables(ctx context.Context, project, env string) ([]platform.Variable, error)
	Domains(ctx context.Context, project string) ([]platform.Domain, error)
	Activities(ctx context.Context, filter platform.ActivityFilter) ([]platform.Activity, error)
}

// Pipeline knows what releases run, and tries data out.
type Pipeline interface {
	// ServiceVersions returns the type and version of each service of a release.
	ServiceVersions(r platform.Release) (map[string]string, error)
	// TryData starts the services of a release on a snapshot, in an environment that nothing
	// reaches, and returns how many rows each table of its databases has. Nothing of it is left.
	TryData(ctx context.Context, r platform.Release, scratch platform.EnvironmentID, snapshot string, log io.Writer) (rows map[string]int64, err error)
	// DropTry removes what TryData left when the process died.
	DropTry(ctx context.Context, scratch platform.EnvironmentID, project string) error
}

// Sealer encrypts with the installation's key.
type Sealer interface {
	Seal(plain []byte) ([]byte, error)
}
