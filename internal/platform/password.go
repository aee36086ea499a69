package platform

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A password hash is "pbkdf2-sha256$ROUNDS$SALT$HASH". The rounds are those that OWASP
// recommends for this function; the router remembers whom it has let in, so that they are
// paid once for each user and not for each request.
const (
	passwordScheme = "pbkdf2-sha256" //nolint:gosec // a name
	passwordRounds = 600_000
	passwordSalt   = 16
	maxRounds      = 10_000_000
)

// HashPassword returns the hash to store. It returns CodeInvalid for a password that is
// too short or too long.
func HashPassword(password string) (string, error) {
	if n := utf8.RuneCountInString(password); n < MinPassword || len(password) > MaxPassword {
		return "", Errorf(CodeInvalid, "a password has %d characters or more and at most %d bytes; nothing was changed", MinPassword, MaxPassword)
	}
	salt := make([]byte, passwordSalt)
	_, _ = rand.Read(salt) // never fails
	key, err := pbkdf2.Key(sha256.New, password, salt, passwordRounds, sha256.Size)
	if err != nil {
		return "", fmt.Errorf("hash a password: %w", err)
	}
	enc := base64.RawStdEncoding
	return strings.Join([]string{passwordScheme, strconv.Itoa(passwordRounds), enc.EncodeToString(salt), enc.EncodeToString(key)}, "$"), nil
}

// VerifyPassword reports whether hash is that of password. It takes long by design. Any
// other text than a hash matches nothing.
func VerifyPassword(hash, password string) bool {
	parts := strings.Split(hash, "$")
	if len(parts) != 4 || parts[0] != passwordScheme || len(password) > MaxPassword {
		return false
	}
	rounds, err := strconv.Atoi(parts[1])
	if err != nil || rounds < 1 || rounds > maxRounds {
		return false
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[2])
	if err != nil {
		return false
	}
	want, err := base64.RawStdEncoding.DecodeString(parts[3])
	if err != nil || len(want) != sha256.Size {
		return false
	}
	key, err := pbkdf2.Key(sha256.New, password, salt, rounds, len(want))
	return err == nil && subtle.ConstantTimeCompare(key, want) == 1
}
