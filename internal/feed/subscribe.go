package feed

import (
	"context"
	"iter"
	"sync"

	"sluice/internal/platform"
)

// Event says that an activity changed.
type Event struct {
	Activity platform.Activity // as it is after the change
	// Reread is set when changes were lost because the subscriber was slow. Activity is
	// then empty: read the store again.
	Reread bool
}

// Filter chooses the activities that a subscriber hears of. An empty field chooses all.
type Filter struct {
	Project     string
	Environment string
	Activity    string
}

func (f Filter) match(a platform.Activity) bool {
	return (f.Project == "" || f.Project == a.Project) &&
		(f.Environment == "" || f.Environment == a.Environment) &&
		(f.Activity == "" || f.Activity == a.ID)
}

// backlog is how many events wait for a subscriber.
const backlog = 256

// hub is the set of subscribers. Its zero value is ready.
type hub struct {
	mu          sync.Mutex
	subscribers map[*subscriber]struct{}
}

// subscriber is one queue of events.
type subscriber struct {
	filter Filter
	wake   chan struct{} // holds one token when there is something to read

	mu     sync.Mutex
	queue  []platform.Activity
	reread bool
}

// Notify tells subscribers that an activity changed. It never waits for one.
func (f *Feed) Notify(a platform.Activity) {
	f.hub.mu.Lock()
	defer f.hub.mu.Unlock()
	for s := range f.hub.subscribers {
		if s.filter.match(a) {
			s.push(a)
		}
	}
}

// Subscribe returns the changes from now on, also those before the first element is
// taken. The sequence ends when ctx does, and can be ranged over once. The subscription
// lasts until then: cancel ctx when the sequence is not needed any more.
func (f *Feed) Subscribe(ctx context.Context, filter Filter) iter.Seq[Event] {
	s := &subscriber{filter: filter, wake: make(chan struct{}, 1)}
	f.hub.add(s)
	context.AfterFunc(ctx, func() { f.hub.remove(s) })
	return func(yield func(Event) bool) {
		defer f.hub.remove(s)
		for {
			select {
			case <-ctx.Done():
				return
			case <-s.wake:
			}
			for _, e := range s.take() {
				if !yield(e) {
					return
				}
			}
		}
	}
}

func (h *hub) add(s *subscriber) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.subscribers == nil {
		h.subscribers = map[*subscriber]struct{}{}
	}
	h.subscribers[s] = struct{}{}
}

func (h *hub) remove(s *subscriber) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.subscribers, s)
}

// push queues a change. When the queue is full it is thrown away, and the subscriber
// told to start again from the store.
func (s *subscriber) push(a platform.Activity) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) >= backlog {
		s.queue, s.reread = nil, true
	}
	s.queue = append(s.queue, a)
	select {
	case s.wake <- struct{}{}:
	default: // it has not looked yet
	}
}

// take empties the queue.
func (s *subscriber) take() []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	var events []Event
	if s.reread {
		events = append(events, Event{Reread: true})
	}
	for _, a := range s.queue {
		events = append(events, Event{Activity: a})
	}
	s.queue, s.reread = nil, false
	return events
}
