package cache

import "hash/maphash"

// Which answers stay is decided by S3-FIFO (Yang et al., SOSP 2023): what is new passes
// through a small queue, and only what was asked for again there, or was pushed out of it
// a short while ago, gets into the main one. A crawler that asks for everything once
// pushes out what other crawlers asked for, and a use only raises a counter.
//
// An environment that has less than its part of the memory is spared while another has
// more than its own: one shop's flood does not empty another shop's cache.

const (
	smallPart = 10  // the small queue's part of a shard: a tenth
	maxLooks  = 128 // entries looked at for one victim
	maxSpared = 32  // of those, spared because their environment has less than its part
	maxGhosts = 512 // remembered by a shard after they were pushed out
)

// queue is entries in the order in which they came; its shard's lock guards it.
type queue struct {
	head, tail *entry
	bytes      int64
}

func (q *queue) push(e *entry) {
	e.queue, e.next, e.prev = q, q.head, nil
	if q.head != nil {
		q.head.prev = e
	} else {
		q.tail = e
	}
	q.head = e
	q.bytes += e.cost
}

func (q *queue) remove(e *entry) {
	if e.prev != nil {
		e.prev.next = e.next
	} else {
		q.head = e.next
	}
	if e.next != nil {
		e.next.prev = e.prev
	} else {
		q.tail = e.prev
	}
	q.bytes -= e.cost
	e.queue, e.next, e.prev = nil, nil, nil
}

// ghosts remembers what was pushed out of the small queue lately.
type ghosts struct {
	ring []uint64
	at   int
	set  map[uint64]struct{}
	seed maphash.Seed
}

func (g *ghosts) hash(e *entry) uint64 {
	var h maphash.Hash
	h.SetSeed(g.seed)
	_, _ = h.WriteString(e.res.key) // never fails
	_, _ = h.WriteString(e.config)
	return h.Sum64()
}

func (g *ghosts) add(e *entry) {
	if g.set == nil {
		g.set, g.ring, g.seed = make(map[uint64]struct{}, maxGhosts), make([]uint64, maxGhosts), maphash.MakeSeed()
	}
	delete(g.set, g.ring[g.at])
	h := g.hash(e)
	g.ring[g.at] = h
	g.set[h] = struct{}{}
	g.at = (g.at + 1) % maxGhosts
}

func (g *ghosts) seen(e *entry) bool {
	if len(g.set) == 0 {
		return false
	}
	_, ok := g.set[g.hash(e)]
	return ok
}

// shrink makes room until the memory's limit is kept.
func (s *store) shrink() {
	for s.used.Load() > s.limit && s.evict() {
		s.evicted.Add(1)
	}
	for s.spilled.Load() > s.limit/4 { // what is known of bodies on disk takes memory, too
		if !s.dropSegment() {
			return
		}
	}
}

// evict takes one body out of memory. It returns false when there is none.
func (s *store) evict() bool {
	share := s.limit / max(1, s.zones.Load())
	for _, fair := range []bool{true, false} { // when everybody has less than his part, everybody gives
		for range s.shards {
			if s.evictFrom(&s.shards[int(s.turn.Add(1))%len(s.shards)], share, fair) {
				return true
			}
		}
	}
	return s.moving.Load() == 0 && s.dropSegment()
}

func (s *store) evictFrom(sh *shard, share int64, fair bool) bool {
	sh.mu.Lock()
	e := sh.victim(share, fair)
	if e == nil {
		sh.mu.Unlock()
		return false
	}
	body := e.body
	if s.disk == nil || len(body) < minSpill {
		sh.remove(s, e)
		sh.mu.Unlock()
		return true
	}
	s.moving.Add(1)
	sh.mu.Unlock()
	s.spill(sh, e, body)
	s.moving.Add(-1)
	return true
}

// victim takes the entry out of its queue that is worth least. With fair it returns nil
// when that would be one of an environment that has less than its share.
func (sh *shard) victim(share int64, fair bool) *entry {
	spared := 0
	for range maxLooks {
		q := &sh.main
		if sh.main.tail == nil || sh.small.bytes*smallPart > sh.small.bytes+sh.main.bytes {
			q = &sh.small
		}
		e := q.tail
		if e == nil {
			return nil
		}
		q.remove(e)
		hits := e.hits.Load()
		spare := fair && e.res.zone.used.Load() <= share && !e.mark()
		switch {
		case q == &sh.small && hits > 0:
			e.hits.Store(0)
		case hits > 0:
			e.hits.Store(hits - 1)
		case spare && spared >= maxSpared:
			sh.main.push(e)
			return nil
		case spare:
			spared++
		default:
			if q == &sh.small {
				sh.ghosts.add(e)
			}
			return e
		}
		sh.main.push(e)
	}
	e := sh.main.tail
	if e == nil {
		e = sh.small.tail
	}
	if e == nil || (fair && e.res.zone.used.Load() <= share) {
		return nil
	}
	e.queue.remove(e)
	return e
}

// spill moves the body of a victim to the disk, or removes the entry when it cannot. The
// entry answers from memory until it is there.
func (s *store) spill(sh *shard, e *entry, body []byte) {
	where, dropped, err := s.disk.put(e, body)
	s.unspill(dropped)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	switch {
	case err != nil:
		sh.remove(s, e)
	case !e.resident || !s.disk.holds(e, where): // removed, or its segment dropped, meanwhile
		s.disk.forgetAt(e, where)
		sh.remove(s, e)
	default:
		e.body, e.place = nil, where
		s.charge(e, e.cost-int64(len(body)))
		s.spilled.Add(e.cost)
	}
}

// unspill removes entries whose segment was dropped.
func (s *store) unspill(dropped []*entry) {
	for _, e := range dropped {
		sh := s.shard([]byte(e.res.key))
		sh.mu.Lock()
		if e.place.segment != nil {
			sh.remove(s, e)
		}
		sh.mu.Unlock()
	}
}

// dropSegment gives up the oldest part of the disk. It returns false when there is none.
func (s *store) dropSegment() bool {
	if s.disk == nil {
		return false
	}
	dropped, ok := s.disk.dropOldest()
	s.unspill(dropped)
	return ok
}

// load returns the body of an entry, from the disk when it is there. What comes from the
// disk goes back into memory. A body that cannot be read as it was written is not
// returned, and its entry is removed.
func (s *store) load(f *found) ([]byte, bool) {
	if f.place.segment == nil {
		return f.body, true
	}
	body, err := s.disk.get(f.place)
	if err != nil {
		s.discard(f.entry)
		return nil, false
	}
	sh := s.shard([]byte(f.res.key))
	sh.mu.Lock()
	if f.resident && f.entry.place == f.place {
		s.spilled.Add(-f.cost)
		s.disk.forget(f.entry)
		f.entry.body, f.entry.place = body, place{}
		s.charge(f.entry, f.cost+int64(len(body)))
		sh.main.push(f.entry)
	}
	sh.mu.Unlock()
	s.shrink()
	return body, true
}
