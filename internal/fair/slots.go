package fair

import (
	"context"
	"sync"

	"golang.org/x/sync/semaphore"
)

// Slots lets a number of operations run at a time, in all and of each project. A project first
// takes one of its own slots and then waits for one of all: so it can have only that many
// operations in the common queue, and the other projects get theirs. It is safe for concurrent
// use.
type Slots struct {
	all        *semaphore.Weighted
	perProject int64

	mu       sync.Mutex
	projects map[string]*project
}

type project struct {
	*semaphore.Weighted
	users int // guarded by Slots.mu; an entry without users is dropped
}

// New returns slots for all operations at a time, and perProject of each project.
func New(all, perProject int) *Slots {
	return &Slots{all: semaphore.NewWeighted(int64(all)), perProject: int64(perProject), projects: map[string]*project{}}
}

// Take waits for a slot, and returns how to give it back; done may be called more than once.
// When ctx ends before, it returns the cause of that.
func (s *Slots) Take(ctx context.Context, name string) (done func(), err error) {
	own := s.join(name)
	if err := own.Acquire(ctx, 1); err != nil {
		s.leave(name)
		return nil, context.Cause(ctx)
	}
	if err := s.all.Acquire(ctx, 1); err != nil {
		own.Release(1)
		s.leave(name)
		return nil, context.Cause(ctx)
	}
	return sync.OnceFunc(func() {
		s.all.Release(1)
		own.Release(1)
		s.leave(name)
	}), nil
}

func (s *Slots) join(name string) *project {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.projects[name]
	if p == nil {
		p = &project{Weighted: semaphore.NewWeighted(s.perProject)}
		s.projects[name] = p
	}
	p.users++
	return p
}

func (s *Slots) leave(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.projects[name]
	if p.users--; p.users == 0 {
		delete(s.projects, name)
	}
}
