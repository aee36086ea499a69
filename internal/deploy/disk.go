package deploy

import (
	"context"
	"fmt"
	"sync"
	"time"

	"sluice/internal/platform"
)

// measuredFor is how long a measurement is given to others who ask: every file is looked at,
// which takes seconds for a hundred thousand of them.
const measuredFor = 30 * time.Second

// diskMeter measures environments, each at most once at a time.
type diskMeter struct {
	mu   sync.Mutex
	last map[platform.EnvironmentID]*measurement
}

type measurement struct {
	mu    sync.Mutex // held while it is made
	usage platform.DiskUsage
}

// DiskUsage measures what an environment's data and the snapshots of it take, unless that was
// done a moment ago.
func (s *Service) DiskUsage(ctx context.Context, project, name string) (platform.DiskUsage, error) {
	env, err := s.Records.Environment(ctx, project, name)
	if err != nil {
		return platform.DiskUsage{}, err
	}
	m := s.disk.of(env.ID())
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.usage.MeasuredAt.IsZero() && time.Since(m.usage.MeasuredAt) < measuredFor {
		return m.usage, nil
	}
	usage, err := s.measure(ctx, env)
	if err != nil {
		return usage, fmt.Errorf("measure the data of %s: %w", name, err)
	}
	m.usage = usage
	return usage, nil
}

func (d *diskMeter) of(env platform.EnvironmentID) *measurement {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.last == nil {
		d.last = map[platform.EnvironmentID]*measurement{}
	}
	if d.last[env] == nil {
		d.last[env] = &measurement{}
	}
	return d.last[env]
}

func (s *Service) measure(ctx context.Context, env platform.Environment) (platform.DiskUsage, error) {
	u, err := s.Snapshots.Usage(ctx, env.ID())
	if err != nil {
		return platform.DiskUsage{}, err
	}
	snapshots, err := s.Snapshots.List(ctx, env.ID())
	if err != nil {
		return platform.DiskUsage{}, err
	}
	out := platform.DiskUsage{
		MeasuredAt: time.Now().UTC(), Data: u.Data.Bytes, Disk: u.Disk, Own: u.Own, Free: u.Free, Total: u.Total,
	}
	for _, p := range u.Parts {
		out.Parts = append(out.Parts, platform.DiskPart{Name: p.Name, Bytes: p.Bytes, Files: p.Files})
	}
	for _, one := range snapshots {
		out.Snapshots = append(out.Snapshots, platform.DiskSnapshot{ID: one.ID, Reason: one.Reason, Taken: one.Taken, Bytes: one.Size().Bytes})
	}
	return out, nil
}
