package platform

import (
	"encoding/json"
	"time"
)

// BackupStatus is where a backup is in its life.
type BackupStatus string

// The states of a backup, as clients of the API know them. Only a created one can be
// restored.
const (
	BackupCreating BackupStatus = "CREATING"
	BackupCreated  BackupStatus = "CREATED"
	BackupDeleting BackupStatus = "DELETING"
)

// Backup is one backup of an environment: what is known of it without its repository.
type Backup struct {
	ID          string
	Project     string
	Environment string // name of the environment
	Activity    string // that makes or removes it
	Status      BackupStatus
	Safe        bool   // not asked for as live; the data is of one moment either way
	Automated   bool   // nobody asked for it
	Reason      string // for people: what it was made before; empty for one that was asked for or scheduled
	Before      string // the release whose deployment it was made before, if that began on complete data; may be empty
	Commit      string // the code that served; empty for none
	Release     string
	Stored      string // its name in the repository; empty until it was saved
	Bytes       int64  // of all files
	Files       int64
	Added       int64 // bytes that it added to the repository
	CreatedAt   time.Time
	ExpiresAt   time.Time // zero: never
	VerifiedAt  time.Time // when it was last restored and compared; zero: never
	Verified    string    // what that found, for people
}

// Restorable reports whether an environment can be restored from it.
func (b Backup) Restorable() bool { return b.Status == BackupCreated }

// RestoreRequest says where a backup goes.
type RestoreRequest struct {
	Target           string // environment; empty: the backup's own
	BranchFrom       string // that a target is branched from which does not exist; empty: the backup's own
	NoCode           bool   // the data only
	KeepPersonalData bool   // production's data is not sanitised
}

// BackupFormat is the format of BackupManifest. It grows when an earlier program would
// misunderstand one.
const BackupFormat = 1

// BackupManifest is what a backup says of itself and of the environment, as JSON beside the
// data. Sealed can be opened by the installation that made it, or by one with its seal.key.
type BackupManifest struct {
	Format      int               `json:"format"`
	Sluice      string            `json:"sluice"` // version of the program
	ID          string            `json:"id"`
	CreatedAt   time.Time         `json:"created_at"`
	Safe        bool              `json:"safe"`
	Automated   bool              `json:"automated"`
	Reason      string            `json:"reason,omitempty"`
	Project     string            `json:"project"`
	Environment string            `json:"environment"`
	MachineName string            `json:"machine_name"`
	Type        EnvironmentType   `json:"type"`
	Parent      string            `json:"parent,omitempty"`
	Commit      string            `json:"commit,omitempty"`
	Release     string            `json:"release,omitempty"`
	Services    map[string]string `json:"services"` // name to type and version: what can read its directory
	Parts       []BackupPart      `json:"parts"`
	Routes      []Route           `json:"routes"`
	Domains     []string          `json:"domains"`
	Releases    []BackupRelease   `json:"releases"`
	Sealed      json.RawMessage   `json:"sealed"` // variables with their values, and what the release runs
}

// BackupPart is one directory of a backup.
type BackupPart struct {
	Name  string `json:"name"` // "service:mysql", "mount:app:pub/media"
	Dir   string `json:"dir"`  // in the backup
	Bytes int64  `json:"bytes"`
	Files int64  `json:"files"`
}

// BackupRelease is one release that the environment had.
type BackupRelease struct {
	ID     string    `json:"id"`
	Commit string    `json:"commit"`
	LiveAt time.Time `json:"live_at"`
}
