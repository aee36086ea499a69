package deploy

import (
	"context"
	"fmt"
	"slices"
	"time"

	"sluice/internal/platform"
	"sluice/internal/snapshot"
)

// keptBefore is how long the snapshot from before a deployment is kept, while its release
// keeps its slugs: what it shares with the data becomes less every day.
const keptBefore = 7 * 24 * time.Hour

// keepBefore keeps the data as it is right before the deployment writes to it, so that a
// rollback can bring it back. It does so where that takes no time, as blocks are shared, since
// requests are held. Without it the deployment goes on.
func (d *deployment) keepBefore(ctx context.Context) {
	if d.previous == nil || d.replaces() || !d.s.opts.SharedSnapshots || d.release.Before != "" {
		return
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
	if err != nil {
		d.log.Line(4, "W: the data from before the deployment could not be kept, so a rollback cannot bring it back: %v", err)
	}
}

// dataBefore returns the last snapshot of the data on which a release served: the one from
// before the first later deployment that left the data in another state.
func (s *Service) dataBefore(ctx context.Context, env platform.Environment, release string) (snapshot.Snapshot, error) {
	releases, err := s.Records.Releases(ctx, env.Project, env.Name)
	if err != nil {
		return snapshot.Snapshot{}, fmt.Errorf("list releases of %s: %w", env.Name, err)
	}
	return s.dataBeforeOf(ctx, env, releases, release)
}

// dataBeforeOf is dataBefore for releases that were listed already, newest first.
func (s *Service) dataBeforeOf(ctx context.Context, env platform.Environment, releases []platform.Release, release string) (snapshot.Snapshot, error) {
	i := slices.IndexFunc(releases, func(r platform.Release) bool { return r.ID == release })
	if i < 0 {
		return snapshot.Snapshot{}, platform.Errorf(platform.CodeNotFound, "environment %q has no release %q", env.Name, release)
	}
	data := releases[i].Data
	for _, later := range slices.Backward(releases[:i]) {
		if later.Before != "" && (later.LiveAt.IsZero() || !later.Data.Fits(data)) {
			return s.Snapshots.Snapshot(ctx, later.Before)
		}
		if !later.LiveAt.IsZero() && !later.Data.Fits(data) {
			break // it was not kept
		}
	}
	return snapshot.Snapshot{}, platform.Errorf(platform.CodeConflict, "the data on which release %s served was not kept; nothing was changed", release).
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
