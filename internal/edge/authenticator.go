package edge

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"net/netip"
	"sync"
	"time"

	"sluice/internal/platform"
)

// Limits of an authenticator. A password's hash is slow to verify by design, so verdicts
// are remembered and only so many are worked on at once: guessing must not take the
// machine, and must not keep out users whose names are not remembered.
const (
	maxVerdicts = 1024
	maxWaiting  = 64 // that wait for a verification
	maxFrom     = 4  // of them, from one address

	maxFailures = 20 // wrong guesses of one address, after which it has to wait
	failureSpan = time.Minute
	maxGuessers = 4096 // addresses that are remembered
)

// authenticator verifies the users of one environment.
type authenticator struct {
	users map[string]string // name -> hash
	decoy string            // verified for unknown names, so that they take as long
	key   []byte            // what is remembered cannot be read back without it
	turn  chan struct{}     // one verification at a time

	mu       sync.Mutex
	verdicts map[[sha256.Size]byte]bool
	waiting  int // for their turn
	guessers map[netip.Addr]*guesser
}

// guesser is an address that credentials came from which were not remembered.
type guesser struct {
	waiting  int
	failures int
	since    time.Time // of the first failure that counts
}

// verdict is what became of credentials.
type verdict int

const (
	refused verdict = iota
	accepted
	tooMany // guesses: they were not looked at
)

func newAuthenticator(users map[string]string) *authenticator {
	a := &authenticator{
		users: users, key: make([]byte, sha256.Size), verdicts: map[[sha256.Size]byte]bool{},
		turn: make(chan struct{}, 1), guessers: map[netip.Addr]*guesser{},
	}
	_, _ = rand.Read(a.key) // never fails
	for _, hash := range users {
		a.decoy = hash
		break
	}
	return a
}

// check verifies credentials that came from an address. It may wait for its turn.
func (a *authenticator) check(ctx context.Context, from netip.Addr, name, password string) verdict {
	mark := a.mark(name, password)
	if ok, known := a.recall(mark); known {
		if !ok && !a.mayGuess(from) {
			return tooMany
		}
		return a.count(from, ok)
	}
	if !a.enter(from) {
		return tooMany
	}
	defer a.leave(from)
	select {
	case a.turn <- struct{}{}:
		defer func() { <-a.turn }()
	case <-ctx.Done():
		return refused
	}
	if ok, known := a.recall(mark); known { // found while this request waited
		return a.count(from, ok)
	}
	hash, exists := a.users[name]
	if !exists {
		hash = a.decoy
	}
	ok := platform.VerifyPassword(hash, password) && exists
	a.remember(mark, ok)
	return a.count(from, ok)
}

// network is what guesses are counted by: an address, or the /64 of one in IPv6.
func network(from netip.Addr) netip.Addr {
	if from.Is6() {
		if p, err := from.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return from
}

// guesser returns what is known of an address. The caller holds the lock.
func (a *authenticator) guesser(from netip.Addr) *guesser {
	from = network(from)
	g := a.guessers[from]
	if g != nil {
		if time.Since(g.since) > failureSpan {
			g.failures = 0
		}
		return g
	}
	if len(a.guessers) >= maxGuessers {
		for old, g := range a.guessers {
			if g.waiting == 0 && (g.failures < maxFailures || time.Since(g.since) > failureSpan) {
				delete(a.guessers, old)
			}
		}
	}
	g = &guesser{}
	a.guessers[from] = g
	return g
}

func (a *authenticator) mayGuess(from netip.Addr) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.guesser(from).failures < maxFailures
}

// enter takes a place in the queue, until leave. It reports false when there is none.
func (a *authenticator) enter(from netip.Addr) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	g := a.guesser(from)
	if g.failures >= maxFailures || g.waiting >= maxFrom || a.waiting >= maxWaiting {
		return false
	}
	g.waiting++
	a.waiting++
	return true
}

func (a *authenticator) leave(from netip.Addr) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.guesser(from).waiting--
	a.waiting--
}

// count notes a wrong guess.
func (a *authenticator) count(from netip.Addr, ok bool) verdict {
	if ok {
		return accepted
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	g := a.guesser(from)
	if g.failures == 0 {
		g.since = time.Now()
	}
	g.failures++
	return refused
}

func (a *authenticator) mark(name, password string) (mark [sha256.Size]byte) {
	h := hmac.New(sha256.New, a.key)
	h.Write([]byte(name))
	h.Write([]byte{0})
	h.Write([]byte(password))
	h.Sum(mark[:0])
	return mark
}

func (a *authenticator) recall(mark [sha256.Size]byte) (verdict, known bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	verdict, known = a.verdicts[mark]
	return verdict, known
}

func (a *authenticator) remember(mark [sha256.Size]byte, verdict bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.verdicts) >= maxVerdicts {
		for old, ok := range a.verdicts { // right credentials are forgotten last
			if !ok {
				delete(a.verdicts, old)
			}
		}
		if len(a.verdicts) >= maxVerdicts {
			clear(a.verdicts)
		}
	}
	a.verdicts[mark] = verdict
}
