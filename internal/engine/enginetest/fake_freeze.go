package enginetest

import (
	"context"
	"time"

	"sluice/internal/platform"
)

// Freeze implements engine.Freezer.
func (f *Fake) Freeze(ctx context.Context, env platform.EnvironmentID, limit time.Duration) error {
	return f.do(ctx, Call{Method: "Freeze", Environment: env}, f.locked(func(w *world) error {
		e := w.envs[env]
		if e == nil {
			return nil
		}
		if e.frozen != nil {
			return platform.Errorf(platform.CodeConflict, "the containers are frozen already")
		}
		frozen := make(chan struct{})
		e.frozen = frozen
		time.AfterFunc(limit, func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			if e.frozen == frozen {
				e.thaw()
			}
		})
		return nil
	}))
}

// Thaw implements engine.Freezer.
func (f *Fake) Thaw(env platform.EnvironmentID) error {
	return f.do(context.Background(), Call{Method: "Thaw", Environment: env}, f.locked(func(w *world) error {
		if e := w.envs[env]; e != nil {
			e.thaw()
		}
		return nil
	}))
}

// thaw lets the environment's containers go on.
func (e *fakeEnv) thaw() {
	if e.frozen != nil {
		close(e.frozen)
		e.frozen = nil
	}
}

// unfrozen waits until a container may begin commands.
func (w *world) unfrozen(ctx context.Context, c *fakeContainer) error {
	w.mu.Lock()
	frozen := c.env.frozen
	w.mu.Unlock()
	if frozen == nil {
		return nil
	}
	select {
	case <-frozen:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
