package buildkit

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/moby/buildkit/client"
)

const (
	roomInterval  = 2 * time.Second
	pruneInterval = time.Hour
)

// errRoom is the cause of a build's context when the build left too little of the disk.
var errRoom = errors.New("it left too little room on the disk that holds the builds")

// watchRoom ends a build that uses up the disk, which volumes and databases may share. The
// caller calls stop.
func (b *Builder) watchRoom(ctx context.Context) (watched context.Context, stop func()) {
	if b.config.Room == nil {
		return ctx, func() {}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		ticks := time.NewTicker(roomInterval)
		defer ticks.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticks.C:
			}
			if free, needed, err := b.config.Room(ctx); err == nil && free < needed {
				cancel(fmt.Errorf("%w: %d MB are free, %d MB are needed", errRoom, free>>20, needed>>20))
			}
		}
	}()
	return ctx, func() { cancel(nil) }
}

var errPrune = errors.New("removing old cache content took too long")

// pruner keeps BuildKit's cache within its size: the engine's own collector is off unless
// its configuration says otherwise.
type pruner struct {
	mu   sync.Mutex
	last time.Time
	stop context.CancelFunc // of the last run
	runs sync.WaitGroup
}

// after removes what was not used for longest, once an hour at most, beside other builds.
func (p *pruner) after(ctx context.Context, c *client.Client, keep int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if keep == 0 || time.Since(p.last) < pruneInterval {
		return
	}
	p.last = time.Now()
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), pruneInterval, errPrune)
	p.stop = cancel
	p.runs.Go(func() {
		defer cancel()
		_ = c.Prune(ctx, nil, client.WithKeepOpt(0, keep, keep, 0)) // the next build tries again
	})
}

// close ends the run that is under way.
func (p *pruner) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stop != nil {
		p.stop()
	}
	p.runs.Wait()
}
