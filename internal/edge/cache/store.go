package cache

import (
	"hash/maphash"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
)

// Limits of the store. Shards keep locks short: removing everything of a zone looks at
// one shard at a time. A shard has enough memory to tell what is popular.
const (
	maxShards   = 64
	shardMemory = 1 << 20
	maxVariants = 96 // of one URL: a client that varies its headers pushes out itself
)

// store is the kept answers, by URL. It counts every byte it keeps in memory.
type store struct {
	seed   maphash.Seed
	shards []shard
	limit  int64
	disk   *disk // nil for none

	used    atomic.Int64 // bytes in memory
	spilled atomic.Int64 // of used, by entries whose body is on disk
	entries atomic.Int64
	moving  atomic.Int64  // bodies on their way to the disk
	zones   atomic.Int64  // that have something in memory
	turn    atomic.Uint32 // whose shard gives room next
	evicted atomic.Int64
}

// shard is a part of the store with a lock of its own.
type shard struct {
	mu        sync.RWMutex
	resources map[string]*resource
	inquiries map[string]*inquiry // by URL
	small     queue
	main      queue
	ghosts    ghosts
}

// resource is one URL of one zone with its variants, the newest last.
type resource struct {
	key      string
	zone     *Zone
	secure   bool
	host     string
	path     string
	query    string
	variants []*entry
}

func newStore(limit int64, d *disk) *store {
	s := &store{seed: maphash.MakeSeed(), limit: limit, disk: d}
	s.shards = make([]shard, min(maxShards, max(1, limit/shardMemory)))
	for i := range s.shards {
		s.shards[i].resources, s.shards[i].inquiries = map[string]*resource{}, map[string]*inquiry{}
	}
	return s
}

func (s *store) shard(url []byte) *shard {
	return &s.shards[maphash.Bytes(s.seed, url)%uint64(len(s.shards))]
}

// found is an entry and where its body was when it was found.
type found struct {
	*entry
	body  []byte
	place place
}

// find returns the newest entry that answers the request.
func (s *store) find(k *key, req *http.Request) (found, bool) {
	var room [256]byte
	sh := s.shard(k.url)
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	r := sh.resources[string(k.url)]
	if r == nil {
		return found{}, false
	}
	for _, e := range slices.Backward(r.variants) {
		if e.matches(k, room[:0], req) {
			return found{entry: e, body: e.body, place: e.place}, true
		}
	}
	return found{}, false
}

// inquiry is a URL for which the application is being asked. It remembers that the URL was
// invalidated for exactly as long as a response may be from before.
type inquiry struct {
	asking      int          // questions; guarded by the shard
	invalidated atomic.Int64 // how often
}

// question is a request that the application is asked, and when.
type question struct {
	key     key
	req     *http.Request
	zone    *Zone
	secure  bool
	inquiry *inquiry
	epoch   int64 // what was purged since is not kept
}

// now is the epoch of the present moment. It changes when something was purged that the key
// may stand for.
func (q *question) now() int64 { return q.zone.epoch.Load() + q.inquiry.invalidated.Load() }

// ask begins a question. The caller ends it with asked.
func (s *store) ask(q question) question {
	sh := s.shard(q.key.url)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	i := sh.inquiries[string(q.key.url)]
	if i == nil {
		i = &inquiry{}
		sh.inquiries[string(q.key.url)] = i
	}
	i.asking++
	q.inquiry = i
	q.epoch = q.now()
	return q
}

// asked ends a question.
func (s *store) asked(q *question) {
	sh := s.shard(q.key.url)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if q.inquiry.asking--; q.inquiry.asking == 0 {
		delete(sh.inquiries, string(q.key.url))
	}
}

// insert keeps an entry instead of those that answer the same request. It does nothing
// when it was purged since the question was asked, or for a mark where there is an answer.
func (s *store) insert(q *question, e *entry, body []byte) {
	if s.shard(q.key.url).insert(s, q, e, body) {
		s.shrink()
	}
}

func (sh *shard) insert(s *store, q *question, e *entry, body []byte) bool {
	k, req, of := &q.key, q.req, q.zone
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if of.gone.Load() || q.now() != q.epoch {
		return false
	}
	r := sh.resources[string(k.url)]
	if r == nil {
		r = &resource{key: string(k.url), zone: of, secure: q.secure, host: req.Host, path: req.URL.Path, query: req.URL.RawQuery}
		sh.resources[r.key] = r
	}
	for _, old := range slices.Clone(r.variants) {
		if !old.matches(k, nil, req) {
			continue
		}
		if e.mark() && !old.mark() {
			return false
		}
		sh.remove(s, old)
	}
	if len(r.variants) >= maxVariants {
		sh.remove(s, r.variants[0])
	}
	sh.resources[r.key] = r // removing its last variant took it out
	r.variants = append(r.variants, e)
	e.res, e.config, e.body, e.resident = r, string(k.config), body, true
	s.entries.Add(1)
	s.charge(e, e.weight()+int64(len(body)+len(r.key)+len(r.host)+len(r.path)+len(r.query)))
	if sh.ghosts.seen(e) {
		sh.main.push(e)
	} else {
		sh.small.push(e)
	}
	return true
}

// charge changes what an entry is counted with.
func (s *store) charge(e *entry, cost int64) {
	delta := cost - e.cost
	e.cost = cost
	s.used.Add(delta)
	switch now := e.res.zone.used.Add(delta); {
	case delta > 0 && now == delta:
		s.zones.Add(1)
	case delta < 0 && now == 0:
		s.zones.Add(-1)
	}
}

// remove takes an entry out. The caller holds the lock.
func (sh *shard) remove(s *store, e *entry) {
	if !e.resident {
		return
	}
	e.resident = false
	if e.queue != nil {
		e.queue.remove(e)
	}
	if e.place.segment != nil {
		s.spilled.Add(-e.cost)
		s.disk.forget(e)
	}
	s.charge(e, 0)
	s.entries.Add(-1)
	e.body, e.place = nil, place{}
	r := e.res
	r.variants = slices.DeleteFunc(r.variants, func(o *entry) bool { return o == e })
	if len(r.variants) == 0 {
		delete(sh.resources, r.key)
	}
}

// discard removes an entry that turned out to be no good.
func (s *store) discard(e *entry) {
	sh := s.shard([]byte(e.res.key))
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.remove(s, e)
}

// removeURL removes every variant of one URL.
func (s *store) removeURL(url []byte) {
	sh := s.shard(url)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if i := sh.inquiries[string(url)]; i != nil {
		i.invalidated.Add(1)
	}
	if r := sh.resources[string(url)]; r != nil {
		for _, e := range slices.Clone(r.variants) {
			sh.remove(s, e)
		}
	}
}

// removeAll removes every answer for which which is true, and returns how many.
func (s *store) removeAll(which func(*entry) bool) int {
	n := 0
	for i := range s.shards {
		n += s.shards[i].removeIf(s, which)
	}
	return n
}

func (sh *shard) removeIf(s *store, which func(*entry) bool) int {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	n := 0
	for _, r := range sh.resources {
		for _, e := range slices.Backward(r.variants) { // removing moves the later ones
			if which(e) {
				sh.remove(s, e)
				n++
			}
		}
	}
	return n
}
