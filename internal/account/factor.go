package account

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // what RFC 6238 and the programs on phones use
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"sluice/internal/access"
	"sluice/internal/platform"
)

// One-time passwords as the programs on phones make them.
const (
	factorBytes   = 20
	factorStep    = 30 // seconds
	factorModulus = 1_000_000
	factorSkew    = 1 // steps that a clock may be off
	recoveryCodes = 8
)

// EnrollFactor begins the set-up of a second factor for the subject itself and returns the
// secret, in base32, and the URL that phones read as a QR code. Log-ins ask for it once
// ConfirmFactor has seen a code. It returns CodeConflict when there is one already.
func (s *Service) EnrollFactor(ctx context.Context, by access.Subject) (secret, address string, err error) {
	if err := s.wantFull(by, "the second factor"); err != nil {
		return "", "", err
	}
	if err := s.wantRecent(ctx, by); err != nil {
		return "", "", err
	}
	if err := s.record(ctx, by, access.UserManage, "", "enroll second factor"); err != nil {
		return "", "", err
	}
	key := make([]byte, factorBytes)
	_, _ = rand.Read(key) // never fails (crypto/rand)
	u, err := s.Records.ChangeUser(ctx, by.ID, func(u *platform.User) error {
		if u.Kind != platform.Person {
			return platform.Errorf(platform.CodeConflict, "a machine has no second factor; nothing was changed").WithHint("log in as a person")
		}
		if u.Factor.Enabled() {
			return platform.Errorf(platform.CodeConflict, "you have a second factor already; nothing was changed").WithHint("remove it first")
		}
		u.Factor = platform.SecondFactor{Secret: key}
		return nil
	})
	if err != nil {
		return "", "", err
	}
	secret = base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(key)
	return secret, "otpauth://totp/" + url.PathEscape("Sluice:"+u.Email) + "?secret=" + secret + "&issuer=Sluice", nil
}

// ConfirmFactor switches the second factor on when code is one of it, and returns recovery
// codes, each good for one log-in without the phone; they are never shown again.
func (s *Service) ConfirmFactor(ctx context.Context, by access.Subject, code, address string) ([]string, error) {
	if err := s.wantFull(by, "the second factor"); err != nil {
		return nil, err
	}
	if err := s.throttle.reserve(s.now(), "factor of "+by.ID, address); err != nil {
		return nil, err
	}
	if err := s.record(ctx, by, access.UserManage, "", "confirm second factor"); err != nil {
		return nil, err
	}
	var codes, hashes []string
	for range recoveryCodes {
		plain := strings.ToLower(rand.Text())[:16]
		codes, hashes = append(codes, plain), append(hashes, hashSecret(plain))
	}
	_, err := s.Records.ChangeUser(ctx, by.ID, func(u *platform.User) error {
		if len(u.Factor.Secret) == 0 || u.Factor.Enabled() {
			return platform.Errorf(platform.CodeConflict, "no second factor waits for a code; nothing was changed").WithHint("begin the set-up again")
		}
		if !useCode(&u.Factor, code, s.now()) {
			return platform.Errorf(platform.CodeInvalid, "the code is wrong; nothing was changed").
				WithHint("check the clock of the phone, and give the code that it shows now").WithField("code")
		}
		u.Factor.Confirmed, u.Factor.Recovery = true, hashes
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.throttle.forgive("factor of "+by.ID, address)
	return codes, nil
}

// RemoveFactor switches the second factor of a user off: users with their password, admins of
// the installation for others.
func (s *Service) RemoveFactor(ctx context.Context, by access.Subject, user, password, address string) error {
	u, err := s.User(ctx, by, user)
	if err != nil {
		return err
	}
	if by.ID == user {
		if err := s.confirm(ctx, u, password, address); err != nil {
			return err
		}
	}
	if err := s.record(ctx, by, access.UserManage, "", "remove second factor of "+u.Username); err != nil {
		return err
	}
	_, err = s.Records.ChangeUser(ctx, user, func(u *platform.User) error { u.Factor = platform.SecondFactor{}; return nil })
	return err
}

// spendCode checks the one-time code of a log-in and records that it was used, so that
// nobody who saw it can use it again.
func (s *Service) spendCode(ctx context.Context, user, code string) error {
	_, err := s.Records.ChangeUser(ctx, user, func(u *platform.User) error {
		if !u.Factor.Enabled() || useCode(&u.Factor, code, s.now()) {
			return nil
		}
		return errLogIn()
	})
	return err
}

// useCode reports whether a code is a one-time password of now or a recovery code, and marks
// it as used.
func useCode(f *platform.SecondFactor, code string, now time.Time) bool {
	code = strings.ToLower(strings.ReplaceAll(strings.TrimSpace(code), " ", ""))
	step := now.Unix() / factorStep
	for at := step - factorSkew; at <= step+factorSkew; at++ {
		if at > f.LastStep && hmac.Equal([]byte(code), []byte(oneTime(f.Secret, at))) {
			f.LastStep = at
			return true
		}
	}
	if i := slices.Index(f.Recovery, hashSecret(code)); i >= 0 {
		f.Recovery = slices.Delete(slices.Clone(f.Recovery), i, i+1)
		return true
	}
	return false
}

// oneTime returns the one-time password of a time step (RFC 6238, RFC 4226).
func oneTime(secret []byte, step int64) string {
	mac := hmac.New(sha1.New, secret)
	_ = binary.Write(mac, binary.BigEndian, step) // a hash takes everything
	sum := mac.Sum(nil)
	offset := sum[len(sum)-1] & 0xf
	const mask = 0x7fffffff
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[offset:])&mask%factorModulus)
}
