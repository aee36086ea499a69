package deploy

import (
	"context"
	"slices"
	"sync"
)

// buildSlots bounds how many builds run side by side, in all and of each project, so that
// one project's builds never keep all others waiting. Builds that wait get their turn in
// order, but for those whose project has enough.
type buildSlots struct {
	all, each int

	mu      sync.Mutex
	running map[string]int // by project
	total   int
	waiting []*buildTurn
}

type buildTurn struct {
	project string
	alone   bool
	granted chan struct{}
}

func newBuildSlots(all, each int) *buildSlots {
	return &buildSlots{all: all, each: each, running: map[string]int{}}
}

// acquire waits for a slot. alone says that there is no other project, which could want one.
func (s *buildSlots) acquire(ctx context.Context, project string, alone bool) (release func(), err error) {
	turn := &buildTurn{project: project, alone: alone, granted: make(chan struct{})}
	s.mu.Lock()
	s.waiting = append(s.waiting, turn)
	s.grant()
	s.mu.Unlock()
	release = sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.total--
		if s.running[project]--; s.running[project] == 0 {
			delete(s.running, project)
		}
		s.grant()
	})
	select {
	case <-turn.granted:
		return release, nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	i := slices.Index(s.waiting, turn)
	if i >= 0 {
		s.waiting = slices.Delete(s.waiting, i, i+1)
	}
	s.mu.Unlock()
	if i < 0 {
		release() // it was granted meanwhile
	}
	return nil, context.Cause(ctx)
}

// grant gives free slots to those that wait, under the lock.
func (s *buildSlots) grant() {
	s.waiting = slices.DeleteFunc(s.waiting, func(t *buildTurn) bool {
		if s.total >= s.all || !t.alone && s.running[t.project] >= s.each {
			return false
		}
		s.total++
		s.running[t.project]++
		close(t.granted)
		return true
	})
}

// alone reports whether there is only one project.
func (s *Service) alone(ctx context.Context) bool {
	envs, err := s.Records.Environments(ctx, "")
	return err == nil && (len(envs) == 0 || envs[0].Project == envs[len(envs)-1].Project) // sorted by project
}
