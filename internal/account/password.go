package account

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"

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

// newHashing returns hashing with the memory in KiB, or 64 MiB when it is 0, and 3 passes, two
// at once.
func newHashing(memory uint32) *hashing {
	return &hashing{memory: cmp.Or(memory, 64<<10), passes: 3, slots: make(chan struct{}, 2)}
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

// matches reports whether a password is the one that was hashed. It takes as long when
// there is no hash, so that the time says nothing about whether an account exists.
func (h *hashing) matches(ctx context.Context, stored platform.PasswordHash, password string) (bool, error) {
	p, known := parseHash(stored)
	if !known {
		p = parsedHash{memory: h.memory, passes: h.passes, salt: make([]byte, hashSalt), key: make([]byte, hashKey)}
	}
	if len(password) > maxPassword {
		password = ""
	}
	key, err := h.key(ctx, password, p.salt, p.memory, p.passes)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(key, p.key) == 1 && known, nil
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

type parsedHash struct {
	memory, passes uint32
	salt, key      []byte
}

// parseHash reads what hash wrote, and nothing that would cost more than it.
func parseHash(stored platform.PasswordHash) (p parsedHash, ok bool) {
	parts := strings.Split(string(stored), "$")
	const fields = 6
	if len(parts) != fields || parts[0] != "" || parts[1] != "argon2id" {
		return p, false
	}
	var version, threads int
	if n, err := fmt.Sscanf(parts[2], "v=%d", &version); n != 1 || err != nil || version != argon2.Version {
		return p, false
	}
	if n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &p.memory, &p.passes, &threads); err != nil || n != 3 {
		return p, false
	}
	const mostMemory, mostPasses = 1 << 20, 16
	var saltErr, keyErr error
	p.salt, saltErr = base64.RawStdEncoding.DecodeString(parts[4])
	p.key, keyErr = base64.RawStdEncoding.DecodeString(parts[5])
	ok = saltErr == nil && keyErr == nil && len(p.key) == hashKey && len(p.salt) >= 8 &&
		threads == hashThreads && p.memory >= 8 && p.memory <= mostMemory && p.passes >= 1 && p.passes <= mostPasses
	return p, ok
}
