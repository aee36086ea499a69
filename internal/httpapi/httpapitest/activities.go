package httpapitest

import (
	"context"
	"iter"
	"slices"

	"sluice/internal/platform"
)

// Cancel refuses from the hold on.
func (p *Platform) Cancel(ctx context.Context, id string, _ platform.Actor) (platform.Activity, error) {
	a, err := p.Activity(ctx, id)
	if err != nil {
		return a, err
	}
	if a.State.Final() || !a.Cancellable {
		return a, platform.Errorf(platform.CodeConflict, "activity %s cannot be cancelled in its current state", id)
	}
	return p.Finish(id, "cancelled"), nil
}

// Activity implements httpapi.Activities.
func (p *Platform) Activity(_ context.Context, id string) (platform.Activity, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range p.activities {
		if a.ID == id {
			return a, nil
		}
	}
	return platform.Activity{}, platform.Errorf(platform.CodeNotFound, "activity %q not found", id)
}

// Activities implements httpapi.Activities.
func (p *Platform) Activities(_ context.Context, f platform.ActivityFilter) ([]platform.Activity, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var found []platform.Activity
	for _, a := range slices.Backward(p.activities) {
		if (f.Project == "" || a.Project == f.Project) &&
			(f.Environment == "" || a.Environment == f.Environment) &&
			(f.Types == nil || slices.Contains(f.Types, a.Type)) &&
			(f.States == nil || slices.Contains(f.States, a.State)) &&
			(f.Result == "" || a.Result == f.Result) &&
			(f.Before.IsZero() || a.CreatedAt.Before(f.Before)) &&
			(f.Limit == 0 || len(found) < f.Limit) {
			found = append(found, a)
		}
	}
	return found, nil
}

// Entries follows the log until the activity is final.
func (p *Platform) Entries(ctx context.Context, id string, from int) iter.Seq2[platform.LogEntry, error] {
	return func(yield func(platform.LogEntry, error) bool) {
		for {
			p.mu.Lock()
			entries, changed := p.logs[id], p.changed
			final := slices.ContainsFunc(p.activities, func(a platform.Activity) bool { return a.ID == id && a.State.Final() })
			p.mu.Unlock()
			for _, e := range entries {
				if e.ID >= from && !yield(e, nil) {
					return
				}
				from = max(from, e.ID+1)
			}
			if final {
				return
			}
			select {
			case <-ctx.Done():
				yield(platform.LogEntry{}, context.Cause(ctx))
				return
			case <-changed:
			}
		}
	}
}
