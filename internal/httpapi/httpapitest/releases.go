package httpapitest

import (
	"context"
	"strconv"
	"strings"
	"time"

	"sluice/internal/platform"
)

// Releases gives each environment that serves three releases: one that serves, one whose code
// fits the data, and one from before the schema changed.
func (p *Platform) Releases(ctx context.Context, project, env string) ([]platform.RollbackTarget, error) {
	e, err := p.Environment(ctx, project, env)
	if err != nil || e.Release == "" {
		return nil, err
	}
	release := func(id, commit, digest string, age time.Duration) platform.Release {
		return platform.Release{
			ID: id, Project: project, Env: env, Activity: "act" + id, Commit: strings.Repeat(commit, 40),
			Data: platform.DataState{"app": platform.SchemaState(digest)}, CreatedAt: p.now.Add(-age), LiveAt: p.now.Add(-age),
		}
	}
	return []platform.RollbackTarget{
		{Release: release(e.Release, "a", "d2", 0), Serves: true, Fits: true, Reason: "it serves now"},
		{Release: release("r2", "b", "d2", time.Hour), Fits: true},
		{Release: release("r1", "c", "d1", 2*time.Hour), DataOf: p.now.Add(-90 * time.Minute)},
	}, nil
}

// DiskUsage gives each environment that serves a database, media and a snapshot of both.
func (p *Platform) DiskUsage(ctx context.Context, project, env string) (platform.DiskUsage, error) {
	e, err := p.Environment(ctx, project, env)
	const mb, gb = 1 << 20, 1 << 30
	if err != nil || e.Release == "" {
		return platform.DiskUsage{MeasuredAt: p.now, Free: 6 * gb, Total: 8 * gb}, err
	}
	return platform.DiskUsage{
		MeasuredAt: p.now, Data: 768 * mb, Disk: 800 * mb, Own: 32 * mb, Free: 6 * gb, Total: 8 * gb,
		Parts:     []platform.DiskPart{{Name: "mount:app:pub/media", Bytes: 256 * mb, Files: 9}, {Name: "service:mysql", Bytes: 512 * mb, Files: 3}},
		Snapshots: []platform.DiskSnapshot{{ID: "s1", Reason: "before release r2", Taken: p.now, Bytes: 768 * mb}},
	}, nil
}

// Rollback refuses what does not fit.
func (p *Platform) Rollback(
	ctx context.Context, project, env string, req platform.RollbackRequest, by platform.Actor,
) (platform.Activity, error) {
	targets, err := p.Releases(ctx, project, env)
	if err != nil {
		return platform.Activity{}, err
	}
	if req.Release == "" {
		req.Release = "r2"
	}
	for _, t := range targets {
		if t.ID != req.Release {
			continue
		}
		if t.Reason != "" || !t.Fits && !req.CodeOnly && !req.WithData {
			return platform.Activity{}, platform.Errorf(platform.CodeConflict, "the data has changed since release %s served, so its code may not fit; nothing was changed", t.ID).
				WithHint("sluice environment:rollback %s --code-only", t.ID)
		}
		return p.operate(project, env, by, platform.ActivityRollback, map[string]string{platform.ParameterRelease: t.ID, "with_data": strconv.FormatBool(req.WithData)}), nil
	}
	return platform.Activity{}, platform.Errorf(platform.CodeNotFound, "environment %q has no release %q", env, req.Release)
}
