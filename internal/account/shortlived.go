package account

import (
	"sync"
	"time"
)

// shortLived keeps what a secret stands for until it is used or its life ends. A restart
// forgets all of it, as it lives for minutes.
type shortLived[T any] struct {
	prefix string
	life   time.Duration
	most   int // how many there may be; one more takes the place of any

	mu   sync.Mutex
	open map[string]shortLivedEntry[T] // by the hash of the secret
}

type shortLivedEntry[T any] struct {
	value T
	at    time.Time
}

func newShortLived[T any](prefix string, life time.Duration, most int) *shortLived[T] {
	return &shortLived[T]{prefix: prefix, life: life, most: most, open: map[string]shortLivedEntry[T]{}}
}

// add returns a new secret for a value.
func (s *shortLived[T]) add(now time.Time, value T) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for hash, e := range s.open {
		if now.Sub(e.at) >= s.life || len(s.open) >= s.most {
			delete(s.open, hash)
		}
	}
	secret := newSecret(s.prefix)
	s.open[hashSecret(secret)] = shortLivedEntry[T]{value, now}
	return secret
}

// get returns what a secret stands for.
func (s *shortLived[T]) get(now time.Time, secret string) (T, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.open[hashSecret(secret)]
	return e.value, ok && now.Sub(e.at) < s.life
}

// take returns what a secret stands for, once.
func (s *shortLived[T]) take(now time.Time, secret string) (T, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	hash := hashSecret(secret)
	e, ok := s.open[hash]
	delete(s.open, hash)
	return e.value, ok && now.Sub(e.at) < s.life
}
