package account_test

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/access"
	"sluice/internal/account"
	"sluice/internal/platform"
)

const (
	password = "correct horse battery staple"
	verifier = "0123456789012345678901234567890123456789012345"
	redirect = "http://127.0.0.1:5000"
)

func authorization() platform.AuthorizationRequest {
	sum := sha256.Sum256([]byte(verifier))
	return platform.AuthorizationRequest{Client: "cli", RedirectURI: redirect, Challenge: base64.RawURLEncoding.EncodeToString(sum[:])}
}

// person makes a user with a password.
func (w *world) person(t *testing.T, email string, scopes ...string) platform.User {
	t.Helper()
	u, err := w.CreateUser(t.Context(), access.Operator(), platform.NewUser{Email: email, Password: password, Scopes: scopes})
	check(t, err)
	return u
}

func (w *world) code(t *testing.T, login string) string {
	t.Helper()
	code, err := w.LogIn(t.Context(), authorization(), platform.LogIn{Login: login, Password: password, Address: "192.0.2.1"})
	check(t, err)
	return code
}

// loggedIn is a person with a log-in of their own.
func (w *world) loggedIn(t *testing.T, who string) access.Subject {
	t.Helper()
	issued, err := w.ExchangeCode(t.Context(), "cli", redirect, w.code(t, who), verifier)
	check(t, err)
	return w.subject(t, issued.Access)
}

func TestAPersonLogsIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ctx := t.Context()
		jo := w.person(t, "jo@example.com", "shop:admin")
		issued, err := w.ExchangeCode(ctx, "cli", redirect, w.code(t, " Jo@Example.com"), verifier)
		check(t, err)
		s := w.subject(t, issued.Access)
		if s.ID != jo.ID || s.Limits != nil || issued.Refresh == "" {
			t.Errorf("%+v", s)
		}
		if me, err := w.Me(ctx, s); err != nil || me.LastLoginAt.IsZero() {
			t.Errorf("%+v, %v", me, err)
		}

		time.Sleep(issued.Life)
		_, err = w.Authenticate(ctx, issued.Access)
		wantCode(t, err, platform.CodeUnauthorized)
		_, err = w.Refresh(ctx, "other", issued.Refresh)
		wantCode(t, err, platform.CodeUnauthorized)
		second, err := w.Refresh(ctx, "cli", issued.Refresh)
		check(t, err)
		w.subject(t, second.Access)
		again, err := w.Refresh(ctx, "cli", issued.Refresh) // another process of the client, at the same time
		check(t, err)
		w.subject(t, again.Access)

		time.Sleep(2 * time.Minute)
		third, err := w.Refresh(ctx, "cli", again.Refresh)
		check(t, err)
		time.Sleep(2 * time.Minute)
		_, err = w.Refresh(ctx, "cli", again.Refresh) // somebody stole it
		wantCode(t, err, platform.CodeUnauthorized)
		_, err = w.Authenticate(ctx, third.Access)
		wantCode(t, err, platform.CodeUnauthorized)
		_, err = w.Refresh(ctx, "cli", third.Refresh)
		wantCode(t, err, platform.CodeUnauthorized)

		issued, err = w.ExchangeCode(ctx, "cli", redirect, w.code(t, "jo@example.com"), verifier)
		check(t, err)
		time.Sleep(31 * 24 * time.Hour)
		_, err = w.Refresh(ctx, "cli", issued.Refresh)
		wantCode(t, err, platform.CodeUnauthorized)
	})
}

func TestCodesAreForOneClientOnceAndSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ctx := t.Context()
		w.person(t, "jo@example.com")
		for name, exchange := range map[string]func(code string) error{
			"another client":   func(c string) error { _, err := w.ExchangeCode(ctx, "x", redirect, c, verifier); return err },
			"another address":  func(c string) error { _, err := w.ExchangeCode(ctx, "cli", redirect+"1", c, verifier); return err },
			"another verifier": func(c string) error { _, err := w.ExchangeCode(ctx, "cli", redirect, c, verifier+"x"); return err },
			"no verifier":      func(c string) error { _, err := w.ExchangeCode(ctx, "cli", redirect, c, ""); return err },
		} {
			code := w.code(t, "jo@example.com")
			if err := exchange(code); platform.ErrorCode(err) != platform.CodeUnauthorized {
				t.Errorf("%s: %v", name, err)
			}
			_, err := w.ExchangeCode(ctx, "cli", redirect, code, verifier) // a try spends it
			wantCode(t, err, platform.CodeUnauthorized)
		}
		code := w.code(t, "jo@example.com")
		time.Sleep(time.Minute)
		_, err := w.ExchangeCode(ctx, "cli", redirect, code, verifier)
		wantCode(t, err, platform.CodeUnauthorized)
		_, err = w.ExchangeCode(ctx, "cli", redirect, "", "")
		wantCode(t, err, platform.CodeUnauthorized)
		bad := authorization()
		bad.Challenge = ""
		_, err = w.LogIn(ctx, bad, platform.LogIn{Login: "jo@example.com", Password: password})
		if platform.ErrorCode(err) != platform.CodeInvalid {
			t.Errorf("a code without a challenge: %v", err)
		}
	})
}

// TestAFailedLogInSaysNothing: whether there is such a user, and in which state.
func TestAFailedLogInSaysNothing(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	jo := w.person(t, "jo@example.com")
	w.user(t, "nopassword")
	_, _, err := w.CreateMachineToken(ctx, access.Operator(), platform.NewToken{Name: "robot"})
	check(t, err)
	disabled := w.person(t, "ann@example.com")
	_, err = w.ChangeUser(ctx, access.Operator(), disabled.ID, platform.UserChange{State: new(platform.UserDisabled)})
	check(t, err)
	texts := map[string]bool{}
	for i, by := range []platform.LogIn{
		{Login: jo.Email, Password: "wrong"},
		{Login: jo.Email},
		{Login: "nobody@example.com", Password: password},
		{Password: password},
		{Login: "nopassword", Password: ""},
		{Login: "robot", Password: ""},
		{Login: "ann@example.com", Password: password},
		{Login: jo.Email, Password: strings.Repeat("x", 1<<20)},
	} {
		by.Address = fmt.Sprintf("192.0.2.%d", i)
		_, err := w.LogIn(ctx, authorization(), by)
		wantCode(t, err, platform.CodeUnauthorized)
		texts[err.Error()] = true
	}
	if len(texts) != 1 {
		t.Errorf("the failures differ: %v", texts)
	}
	if text := fmt.Sprintf("%v %+v %#v", platform.LogIn{Password: password}, platform.LogIn{Password: password}, platform.LogIn{Password: password}); strings.Contains(text, password) {
		t.Errorf("a formatted log-in shows the password: %s", text)
	}
}

func TestGuessesAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.person(t, "jo@example.com")
		try := func(login, word, address string) platform.Code {
			_, err := w.LogIn(t.Context(), authorization(), platform.LogIn{Login: login, Password: word, Address: address})
			return platform.ErrorCode(err)
		}
		for _, login := range []string{"jo@example.com", "nobody@example.com"} {
			for i := range 6 {
				want := platform.CodeUnauthorized
				if i == 5 {
					want = platform.CodeRateLimited
				}
				if got := try(login, "wrong", "192.0.2.1"); got != want {
					t.Errorf("guess %d of %s: %s", i, login, got)
				}
			}
		}
		if got := try("jo@example.com", password, "192.0.2.1"); got != platform.CodeRateLimited {
			t.Errorf("the right password after too many guesses: %s", got)
		}
		if got := try("jo@example.com", password, "198.51.100.1"); got != "" {
			t.Errorf("the user is locked out elsewhere: %s", got)
		}
		time.Sleep(15 * time.Minute)
		if got := try("jo@example.com", password, "192.0.2.1"); got != "" {
			t.Errorf("after the time: %s", got)
		}
		for i := range 31 {
			got := try(fmt.Sprintf("user%d@example.com", i), "wrong", "203.0.113.1")
			if want := i == 30; (got == platform.CodeRateLimited) != want {
				t.Errorf("name %d from one address: %s", i, got)
			}
		}
	})
}

// TestLastingCredentialsNeedARecentLogIn: a stolen session must not become one.
func TestLastingCredentialsNeedARecentLogIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ctx := t.Context()
		w.person(t, "jo@example.com", "shop:admin")
		issued, err := w.ExchangeCode(ctx, "cli", redirect, w.code(t, "jo@example.com"), verifier)
		check(t, err)
		_, _, err = w.CreateToken(ctx, w.subject(t, issued.Access), platform.NewToken{Name: "soon"})
		check(t, err)
		time.Sleep(time.Hour)
		issued, err = w.Refresh(ctx, "cli", issued.Refresh)
		check(t, err)
		late := w.subject(t, issued.Access)
		_, _, err = w.CreateToken(ctx, late, platform.NewToken{Name: "late"})
		wantCode(t, err, platform.CodeUnauthorized)
		_, line := newKey(t)
		_, err = w.AddSSHKey(ctx, late, "", line)
		wantCode(t, err, platform.CodeUnauthorized)
	})
}

func TestANewPasswordEndsOtherLogIns(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	jo := w.person(t, "jo@example.com", "shop:admin")
	w.person(t, "ann@example.com", "shop:admin")
	own, other, ann := w.loggedIn(t, "jo@example.com"), w.loggedIn(t, "jo@example.com"), w.loggedIn(t, "ann@example.com")
	wantCode(t, w.SetPassword(ctx, own, jo.ID, "wrong", "another long password", "192.0.2.1"), platform.CodeInvalid)
	limited := w.subject(t, w.token(t, own, "ci", "shop:viewer"))
	wantCode(t, w.SetPassword(ctx, limited, jo.ID, password, "another long password", "192.0.2.1"), platform.CodeForbidden)
	wantCode(t, w.SetPassword(ctx, ann, jo.ID, password, "another long password", "192.0.2.1"), platform.CodeNotFound)
	wantCode(t, w.SetPassword(ctx, own, jo.ID, password, "short", "192.0.2.1"), platform.CodeInvalid)
	check(t, w.SetPassword(ctx, own, jo.ID, password, "another long password", "192.0.2.1"))
	_, err := w.Current(ctx, own)
	check(t, err)
	_, err = w.Current(ctx, other)
	wantCode(t, err, platform.CodeUnauthorized)
	_, err = w.LogIn(ctx, authorization(), platform.LogIn{Login: "jo@example.com", Password: password})
	wantCode(t, err, platform.CodeUnauthorized)
	if log := w.audit(); strings.Contains(log, password) || strings.Contains(log, "another long") {
		t.Errorf("the audit log shows a password:\n%s", log)
	}
}

func TestASecondFactorIsAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ctx := t.Context()
		time.Sleep(365 * 24 * time.Hour) // the clock of the bubble begins in 2000; any time does
		jo := w.person(t, "jo@example.com", "shop:admin")
		issued, err := w.ExchangeCode(ctx, "cli", redirect, w.code(t, "jo@example.com"), verifier)
		check(t, err)
		own := w.subject(t, issued.Access)
		limited := w.subject(t, w.token(t, own, "ci", "shop:viewer"))
		_, _, err = w.EnrollFactor(ctx, limited)
		wantCode(t, err, platform.CodeForbidden)
		secret, address, err := w.EnrollFactor(ctx, own)
		check(t, err)
		if !strings.HasPrefix(address, "otpauth://totp/Sluice:jo@example.com?secret="+secret) {
			t.Errorf("address %s", address)
		}
		w.code(t, "jo@example.com") // not asked for yet
		_, err = w.ConfirmFactor(ctx, own, "000000x", "192.0.2.1")
		wantCode(t, err, platform.CodeInvalid)
		recovery, err := w.ConfirmFactor(ctx, own, account.OneTime(t, secret, time.Now()), "192.0.2.1")
		check(t, err)
		_, _, err = w.EnrollFactor(ctx, own)
		wantCode(t, err, platform.CodeConflict)

		logIn := func(code string) error {
			_, err := w.LogIn(ctx, authorization(), platform.LogIn{Login: "jo@example.com", Password: password, OneTime: code, Address: "198.51.100.7"})
			return err
		}
		wantCode(t, logIn(""), platform.CodeUnauthorized)
		wantCode(t, logIn(account.OneTime(t, secret, time.Now())), platform.CodeUnauthorized) // confirmed with it
		time.Sleep(time.Minute)
		code := account.OneTime(t, secret, time.Now())
		check(t, logIn(code[:3]+" "+code[3:]))
		wantCode(t, logIn(code), platform.CodeUnauthorized) // once
		check(t, logIn(recovery[3]))
		wantCode(t, logIn(recovery[3]), platform.CodeUnauthorized)
		time.Sleep(time.Hour)
		wantCode(t, logIn(code), platform.CodeUnauthorized) // too late

		ann := w.person(t, "ann@example.com")
		wantCode(t, w.RemoveFactor(ctx, access.Subject{Actor: ann.Actor()}, jo.ID, password, "x"), platform.CodeNotFound)
		wantCode(t, w.RemoveFactor(ctx, own, jo.ID, "wrong", "x"), platform.CodeInvalid)
		check(t, w.RemoveFactor(ctx, own, jo.ID, password, "x"))
		check(t, logIn(""))
	})
}

// TestOneTimePasswords compares with the values of RFC 6238, appendix B, shortened to six digits.
func TestOneTimePasswords(t *testing.T) {
	secret := base32.StdEncoding.EncodeToString([]byte("12345678901234567890"))
	for at, want := range map[int64]string{59: "287082", 1111111109: "081804", 1234567890: "005924", 20000000000: "353130"} {
		if got := account.OneTime(t, secret, time.Unix(at, 0)); got != want {
			t.Errorf("at %d: %s, want %s", at, got, want)
		}
	}
}
