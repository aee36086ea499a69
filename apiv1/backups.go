package apiv1

import (
	"context"
	"io"
	"net/http"
)

// Backup is one backup of an environment. The fields from Reason on are this server's own.
type Backup struct {
	ID          string     `json:"id"`
	Environment string     `json:"environment"`
	Project     string     `json:"project"`
	Status      string     `json:"status"` // "CREATING", "CREATED" or "DELETING"
	Restorable  bool       `json:"restorable"`
	Safe        bool       `json:"safe"`
	Automated   bool       `json:"automated"`
	Index       int        `json:"index"` // 1 for the oldest
	CommitID    NullString `json:"commit_id"`
	SizeVolumes int64      `json:"size_of_volumes"` // bytes of its files
	SizeUsed    int64      `json:"size_used"`       // bytes that it added to the repository
	CreatedAt   Time       `json:"created_at"`
	UpdatedAt   Time       `json:"updated_at"`
	ExpiresAt   Time       `json:"expires_at"` // null: never
	Reason      string     `json:"reason,omitempty"`
	Release     NullString `json:"release"`
	Files       int64      `json:"files"`
	VerifiedAt  Time       `json:"verified_at"`
	Verified    string     `json:"verified,omitempty"` // what the verification found
	Links       Links      `json:"_links,omitempty"`
}

// BackupCreate says which kind of backup is made.
type BackupCreate struct {
	Safe bool `json:"safe"`
}

// BackupRestore says where a backup goes.
type BackupRestore struct {
	EnvironmentName string `json:"environment_name,omitempty"` // empty: where it is from
	BranchFrom      string `json:"branch_from,omitempty"`      // for an environment that does not exist
	RestoreCode     *bool  `json:"restore_code,omitempty"`     // nil: true
	// KeepPersonalData leaves production's data as it is where it leaves production.
	KeepPersonalData bool `json:"keep_personal_data,omitempty"`
}

func backupsPath(project, env string, more ...string) string {
	return path(append([]string{"projects", project, "environments", env, "backups"}, more...)...)
}

// Backups lists the backups of an environment, newest first.
func (c *Client) Backups(ctx context.Context, project, env string) ([]Backup, error) {
	return get[[]Backup](ctx, c, backupsPath(project, env), nil)
}

// Backup returns one backup.
func (c *Client) Backup(ctx context.Context, project, env, id string) (Backup, error) {
	return get[Backup](ctx, c, backupsPath(project, env, id), nil)
}

// CreateBackup starts a backup. The activity's payload names it.
func (c *Client) CreateBackup(ctx context.Context, project, env string, b BackupCreate) ([]Activity, error) {
	return c.start(ctx, http.MethodPost, path("projects", project, "environments", env, "backup"), nil, b)
}

// DeleteBackup starts the deletion of a backup.
func (c *Client) DeleteBackup(ctx context.Context, project, env, id string) ([]Activity, error) {
	return c.start(ctx, http.MethodDelete, backupsPath(project, env, id), nil, nil)
}

// RestoreBackup starts the restore of a backup.
func (c *Client) RestoreBackup(ctx context.Context, project, env, id string, to BackupRestore) ([]Activity, error) {
	return c.start(ctx, http.MethodPost, backupsPath(project, env, id, "restore"), nil, to)
}

// VerifyBackup starts the verification of a backup.
func (c *Client) VerifyBackup(ctx context.Context, project, env, id string) ([]Activity, error) {
	return c.start(ctx, http.MethodPost, backupsPath(project, env, id, "verify"), nil, nil)
}

// DownloadBackup opens a backup as a tar stream. Only one that is read without an error to
// its end is complete. The caller closes the reader.
func (c *Client) DownloadBackup(ctx context.Context, project, env, id string) (io.ReadCloser, error) {
	return c.stream(ctx, backupsPath(project, env, id, "download"), nil, "application/x-tar")
}
