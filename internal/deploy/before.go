package deploy

import (
	"context"
	"fmt"
	"slices"
	"time"

	"sluice/internal/engine"
	"sluice/internal/platform"
	"sluice/internal/snapshot"
)

// keptBefore is how long the snapshot from before a deployment is kept, while its release
// keeps its slugs: what it shares with the data becomes less every day.
const keptBefore = 7 * 24 * time.Hour

// backedUp is how long a backup from before a deployment is kept: it has its room in the
// repository only once.
const backedUp = 30 * 24 * time.Hour

// BackupPolicy says before which deployments a backup is made where blocks cannot be shared,
// and a snapshot would take long.
type BackupPolicy string

// The policies. The zero value is BackupUpgrades.
const (
	BackupUpgrades    BackupPolicy = "upgrade"    // that bring a service's data to another version
	BackupDeployments BackupPolicy = "deployment" // that run a deploy hook, too
	BackupNever       BackupPolicy = "never"
)

// BackupPolicies lists them.
func BackupPolicies() []BackupPolicy {
	return []BackupPolicy{BackupUpgrades, BackupDeployments, BackupNever}
}

// keep backs up the data before what cannot be undone, while the old release serves. Where
// blocks are shared, keepBefore does so later and better, as nothing is written any more.
func (d *deployment) keep(ctx context.Context) error {
	if d.previous == nil || d.replaces() || d.s.opts.SharedSnapshots || d.s.opts.BackupBefore == BackupNever {
		return nil
	}
	reason := d.irreversible()
	if reason == "" {
		return nil
	}
	if d.unkept() {
		d.log.Line(3, "W: the data is not backed up, as %s=%s says", optionBackup, backupSkip)
		return nil
	}
	d.log.Line(3, "Backing up the data %s; the old release serves meanwhile", reason)
	req := KeepRequest{Reason: reason, Activity: d.job.Activity.ID, ExpiresAt: time.Now().UTC().Add(backedUp)}
	if d.env.Status != platform.EnvironmentDirty {
		req.Before = d.release.ID
	}
	b, err := d.s.Backups.Keep(ctx, d.env, req, d.log)
	if err != nil {
		return failed("fix what the message names, or deploy without a backup: git push -o "+optionBackup+"="+backupSkip,
			fmt.Errorf("the data could not be backed up %s: %w; %s", reason, err, d.unharmed()))
	}
	d.log.Line(3, "Backup %s is kept until %s", b.ID, b.ExpiresAt.Format(time.DateOnly))
	return nil
}

// irreversible says before what the data is backed up; empty when the policy asks for nothing.
func (d *deployment) irreversible() string {
	if was, is, changes := versionChange(d.previous.stored.Spec, d.stored.Spec, stores); changes {
		return fmt.Sprintf("before the upgrade of service %s from %s to %s", is.Name, was.Version, is.Version)
	}
	runs := func(app engine.App) bool { return hasDeployHook(app) && d.whyHook(app) != "" }
	if d.s.opts.BackupBefore == BackupDeployments && slices.ContainsFunc(d.stored.Spec.Apps, runs) {
		return "before the deployment of release " + d.release.ID
	}
	return ""
}

// stores reports whether a service keeps data, which another version may convert.
func stores(s engine.Service) bool { return len(s.Mounts) > 0 }

func (d *deployment) unkept() bool {
	return d.job.Activity.Parameters[optionBackup] == backupSkip
}

// keepBefore keeps the data as it is right before the deployment writes to it, so that a
// rollback can bring it back. It does so where that takes no time, as blocks are shared, since
// requests are held. Without it the deployment goes on, unless a service is upgraded.
func (d *deployment) keepBefore(ctx context.Context) error {
	if d.previous == nil || d.replaces() || !d.s.opts.SharedSnapshots || d.release.Before != "" {
		return nil
	}
	out := d.log.At(4)
	defer func() { _ = out.Close() }() // never fails
	snap, err := d.s.Snapshots.Take(ctx, snapshot.Request{
		Environment: d.env.ID(), Reason: "before release " + d.release.ID, Release: d.previous.release.ID, Held: true,
	}, out)
	if err == nil {
		d.release.Before = snap.ID
		err = d.s.Records.SaveRelease(ctx, d.release)
	}
	_, is, upgrades := versionChange(d.previous.stored.Spec, d.stored.Spec, stores)
	switch {
	case err == nil:
		d.log.Line(4, "The data from before is kept for a week: sluice environment:rollback %s --with-data", d.previous.release.ID)
	case upgrades && !d.unkept():
		return failed("make room, or deploy without that: git push -o "+optionBackup+"="+backupSkip,
			fmt.Errorf("the data from before the upgrade of service %s could not be kept: %w; no data was touched and the old release was put back", is.Name, err))
	default:
		d.log.Line(4, "W: the data from before the deployment could not be kept, so a rollback cannot bring it back: %v", err)
	}
	return nil
}

// earlierData is data that a rollback can bring back: a snapshot or a backup.
type earlierData struct {
	snapshot, backup string // identifiers; one is empty
	taken            time.Time
}

// dataBefore returns the last data on which a release served: that from before the first later
// deployment that left the data in another state.
func (s *Service) dataBefore(ctx context.Context, env platform.Environment, release string) (earlierData, error) {
	releases, err := s.Records.Releases(ctx, env.Project, env.Name)
	if err != nil {
		return earlierData{}, fmt.Errorf("list releases of %s: %w", env.Name, err)
	}
	backups, err := s.backupsBefore(ctx, env)
	if err != nil {
		return earlierData{}, err
	}
	return s.dataBeforeOf(ctx, env, releases, backups, release)
}

// backupsBefore returns the backups that were made before deployments, by release.
func (s *Service) backupsBefore(ctx context.Context, env platform.Environment) (map[string]platform.Backup, error) {
	list, err := s.Backups.Backups(ctx, env.Project, env.Name)
	if err != nil {
		return nil, fmt.Errorf("list the backups of %s: %w", env.Name, err)
	}
	out := map[string]platform.Backup{}
	for _, b := range list {
		if b.Before != "" && b.Restorable() {
			out[b.Before] = b
		}
	}
	return out, nil
}

// dataBeforeOf is dataBefore for what was listed already; releases are newest first.
func (s *Service) dataBeforeOf(
	ctx context.Context, env platform.Environment, releases []platform.Release, backups map[string]platform.Backup, release string,
) (earlierData, error) {
	i := slices.IndexFunc(releases, func(r platform.Release) bool { return r.ID == release })
	if i < 0 {
		return earlierData{}, platform.Errorf(platform.CodeNotFound, "environment %q has no release %q", env.Name, release)
	}
	data := releases[i].Data
	for _, later := range slices.Backward(releases[:i]) {
		if !later.LiveAt.IsZero() && later.Data.Fits(data) {
			continue
		}
		if b, ok := backups[later.ID]; ok {
			return earlierData{backup: b.ID, taken: b.CreatedAt}, nil
		}
		if later.Before != "" {
			snap, err := s.Snapshots.Snapshot(ctx, later.Before)
			if platform.ErrorCode(err) == platform.CodeNotFound {
				break // it is older than keptBefore
			}
			return earlierData{snapshot: snap.ID, taken: snap.Taken}, err
		}
		if !later.LiveAt.IsZero() {
			break // it was not kept
		}
	}
	return earlierData{}, platform.Errorf(platform.CodeConflict, "the data on which release %s served was not kept; nothing was changed", release).
		WithHint("data is kept for a week, where the disk shares blocks; a backup may have it: sluice backup:list -p %s -e %s", env.Project, env.Name)
}

// dropOldData removes snapshots from before deployments that have become old.
func (s *Service) dropOldData(ctx context.Context, env platform.Environment) error {
	releases, err := s.Records.Releases(ctx, env.Project, env.Name)
	if err != nil {
		return fmt.Errorf("list releases of %s: %w", env.Name, err)
	}
	for _, r := range releases {
		if r.Before == "" || len(r.Slugs) > 0 && time.Since(r.CreatedAt) < keptBefore {
			continue
		}
		if err := s.Snapshots.Remove(ctx, r.Before); err != nil {
			return fmt.Errorf("remove the data from before release %s: %w", r.ID, err)
		}
	}
	return nil
}
