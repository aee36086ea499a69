package hal

import (
	"net/url"

	"sluice/apiv1"
	"sluice/internal/access"
	"sluice/internal/platform"
)

// Backup renders a backup of an environment of a type; index is 1 for the oldest.
func (v View) Backup(b platform.Backup, kind platform.EnvironmentType, index int) apiv1.Backup {
	wire := apiv1.Backup{
		ID: b.ID, Environment: b.Environment, Project: b.Project, Status: string(b.Status), Restorable: b.Restorable(),
		Safe: b.Safe, Automated: b.Automated, Index: index, CommitID: apiv1.NullString(b.Commit), SizeVolumes: b.Bytes, SizeUsed: b.Added,
		CreatedAt: apiv1.Time{Time: b.CreatedAt}, UpdatedAt: apiv1.Time{Time: b.CreatedAt}, ExpiresAt: apiv1.Time{Time: b.ExpiresAt},
		Reason: b.Reason, Release: apiv1.NullString(b.Release), Files: b.Files,
		VerifiedAt: apiv1.Time{Time: b.VerifiedAt}, Verified: b.Verified, Links: apiv1.Links{},
	}
	if b.VerifiedAt.After(b.CreatedAt) {
		wire.UpdatedAt = wire.VerifiedAt
	}
	self := environmentPath(b.Project, b.Environment) + "/backups/" + url.PathEscape(b.ID)
	wire.Links.Set("self", self)
	for _, o := range []offer{
		{access.BackupRestore, "#restore", "/restore"},
		{access.BackupVerify, "#verify", "/verify"},
		{access.BackupDownload, "#download", "/download"},
		{access.BackupDelete, "#delete", ""},
	} {
		if v.allows(o.permission, kind) && (b.Restorable() || o.permission == access.BackupDelete && b.Status == platform.BackupDeleting) {
			wire.Links.Set(o.rel, self+o.at)
		}
	}
	return wire
}
