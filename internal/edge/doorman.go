package edge

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"sync"

	"sluice/internal/platform"
)

// Limits of a doorman. A password's hash is slow to verify by design, so that verdicts are
// remembered and only so many are found at once: guessing must not take the machine.
const (
	doormanMemory = 1024
	doormanQueue  = 16
)

// doorman verifies the users of one environment.
type doorman struct {
	users map[string]string // name -> hash
	decoy string            // verified for unknown names, so that they take as long
	key   []byte            // what is remembered cannot be read back without it
	turn  chan struct{}     // one verification at a time
	queue chan struct{}     // who waits for it

	mu       sync.Mutex
	verdicts map[[sha256.Size]byte]bool
}

func newDoorman(users map[string]string) *doorman {
	d := &doorman{
		users: users, key: make([]byte, sha256.Size), verdicts: map[[sha256.Size]byte]bool{},
		turn: make(chan struct{}, 1), queue: make(chan struct{}, doormanQueue),
	}
	_, _ = rand.Read(d.key) // never fails
	for _, hash := range users {
		d.decoy = hash
		break
	}
	return d
}

// lets reports whether the credentials are those of a user. It may wait for its turn, and
// says no when too many wait or ctx ends.
func (d *doorman) lets(ctx context.Context, name, password string) bool {
	mark := d.mark(name, password)
	if verdict, known := d.recall(mark); known {
		return verdict
	}
	select {
	case d.queue <- struct{}{}:
		defer func() { <-d.queue }()
	default:
		return false
	}
	select {
	case d.turn <- struct{}{}:
		defer func() { <-d.turn }()
	case <-ctx.Done():
		return false
	}
	if verdict, known := d.recall(mark); known { // found while this request waited
		return verdict
	}
	hash, exists := d.users[name]
	if !exists {
		hash = d.decoy
	}
	verdict := platform.VerifyPassword(hash, password) && exists
	d.remember(mark, verdict)
	return verdict
}

func (d *doorman) mark(name, password string) (mark [sha256.Size]byte) {
	h := hmac.New(sha256.New, d.key)
	h.Write([]byte(name))
	h.Write([]byte{0})
	h.Write([]byte(password))
	h.Sum(mark[:0])
	return mark
}

func (d *doorman) recall(mark [sha256.Size]byte) (verdict, known bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	verdict, known = d.verdicts[mark]
	return verdict, known
}

func (d *doorman) remember(mark [sha256.Size]byte, verdict bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.verdicts) >= doormanMemory {
		for old, let := range d.verdicts { // who was let in is forgotten last
			if !let {
				delete(d.verdicts, old)
			}
		}
		if len(d.verdicts) >= doormanMemory {
			clear(d.verdicts)
		}
	}
	d.verdicts[mark] = verdict
}
