package account

import (
	"encoding/base32"
	"testing"
	"time"
)

// OneTime returns the code that a phone with the secret shows at a time.
func OneTime(t *testing.T, secret string, now time.Time) string {
	t.Helper()
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret)
	if err != nil {
		t.Fatal(err)
	}
	return oneTime(key, now.Unix()/factorStep)
}

// OccupyHashing lets no hash of a password be computed until release is called.
func (s *Service) OccupyHashing() (release func()) {
	n := cap(s.passwords.slots)
	for range n {
		s.passwords.slots <- struct{}{}
	}
	return func() {
		for range n {
			<-s.passwords.slots
		}
	}
}
