package account

import (
	"context"
	"time"
)

// watchInterval is how soon a right that was taken away is noticed, also when another
// process took it.
const watchInterval = 2 * time.Second

// Watch returns a channel that receives something after somebody may have lost a right: a
// user, a role, a token, a log-in or a key is gone or changed. Several changes may be one.
// The channel is closed when ctx ends.
func (s *Service) Watch(ctx context.Context) <-chan struct{} {
	changed := make(chan struct{}, 1)
	last, err := s.Records.RightsGeneration(ctx)
	if err != nil {
		last = -1 // the first number that can be read counts as a change
	}
	go func() {
		defer close(changed)
		tick := time.NewTicker(watchInterval)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			now, err := s.Records.RightsGeneration(ctx)
			if err != nil {
				s.Log.WarnContext(ctx, "could not look for changed rights", "error", err)
				continue
			}
			if now != last {
				last = now
				select {
				case changed <- struct{}{}:
				default: // one waits already
				}
			}
		}
	}()
	return changed
}
