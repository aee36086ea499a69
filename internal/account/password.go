package account

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"

	"golang.org/x/crypto/argon2"

	"sluice/internal/platform"
)

// Limits of passwords, in bytes.
const (
	minPassword = 12
	maxPassword = 1024
)

// hashing computes password hashes by argon2id, few at once: each needs memory.
type hashing struct {
	memory uint32 // KiB
	passes uint32
	slots  chan struct{}
}

const (
	hashThreads = 1
	hashSalt    = 16
	hashKey     = 32
)

// newHashing returns hashing of 64 MiB and 3 passes, two at once.
func newHashing() *hashing {
	return &hashing{memory: 64 << 10, passes: 3, slots: make(chan struct{}, 2)}
}

// hash returns what is stored of a password. It returns CodeInvalid for one that is too
// short or too long.
func (h *hashing) hash(ctx context.Context, password string) (platform.PasswordHash, error) {
	if n := len(password); n < minPassword || n > maxPassword {
		return "", platform.Errorf(platform.CodeInvalid, "the password has %d bytes; nothing was changed", n).
			WithHint("use %d to %d bytes, such as five random words", minPassword, maxPassword).WithField("password")
	}
	salt := make([]byte, hashSalt)
	_, _ = rand.Read(salt) // never fails (crypto/rand)
	key, err := h.key(ctx, password, salt, h.memory, h.passes)
	if err != nil {
		return "", err
	}
	encode := base64.RawStdEncoding.EncodeToString
	return platform.PasswordHash(fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memory, h.passes, hashThreads, encode(salt), encode(key))), nil
}

// key computes a hash when there is a slot.
func (h *hashing) key(ctx context.Context, password string, salt []byte, memory, passes uint32) ([]byte, error) {
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
		return argon2.IDKey([]byte(password), salt, passes, memory, hashThreads, hashKey), nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
