package account_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/access"
	"sluice/internal/account"
	"sluice/internal/platform"
)

// fakeProvider identifies whoever a code names.
type fakeProvider struct {
	policy platform.ProviderPolicy
	people map[string]platform.Identity // by code
	err    error
	sent   platform.ProviderChallenge // the last one
}

func (p *fakeProvider) Policy() platform.ProviderPolicy { return p.policy }

func (p *fakeProvider) Address(_ context.Context, c platform.ProviderChallenge) (string, error) {
	p.sent = c
	return "https://" + p.policy.ID + ".example/auth?state=" + c.State, p.err
}

func (p *fakeProvider) Identify(_ context.Context, c platform.ProviderChallenge, code string) (platform.Identity, error) {
	i, ok := p.people[code]
	if p.err == nil && (!ok || c.Nonce == "" || c.Verifier == "") {
		return i, platform.Errorf(platform.CodeUnauthorized, "no such code").WithHint("begin again")
	}
	return i, p.err
}

func verifiedPerson(subject, email string) platform.Identity {
	return platform.Identity{Subject: subject, Email: email, EmailVerified: new(true), FirstName: "Jo"}
}

// federated is a world with the providers "corp" and "other".
func federated(t *testing.T) (w *world, corp, other *fakeProvider) {
	t.Helper()
	w = newWorld(t)
	corp = &fakeProvider{policy: platform.ProviderPolicy{ID: "corp", Title: "Corp", Issuer: "https://corp.example", Life: 8 * time.Hour}, people: map[string]platform.Identity{}}
	other = &fakeProvider{policy: platform.ProviderPolicy{ID: "other", Title: "Other", Issuer: "https://other.example"}, people: map[string]platform.Identity{}}
	w.Providers = []account.Provider{corp, other}
	return w, corp, other
}

// through logs in with a provider as somebody.
func (w *world) through(t *testing.T, p *fakeProvider, i platform.Identity) (platform.LogInProgress, error) {
	t.Helper()
	start, err := w.BeginProvider(t.Context(), p.policy.ID, authorization(), "")
	check(t, err)
	return w.finish(t, p, i, start)
}

func (w *world) finish(t *testing.T, p *fakeProvider, i platform.Identity, start platform.ProviderStart) (platform.LogInProgress, error) {
	t.Helper()
	p.people["code"] = i
	return w.FinishProvider(t.Context(), p.policy.ID, platform.ProviderAnswer{State: start.State, Code: "code", Browser: start.Browser, Address: "192.0.2.1"})
}

// whose returns the user of a complete log-in.
func (w *world) whose(t *testing.T, progress platform.LogInProgress, err error) string {
	t.Helper()
	check(t, err)
	issued, err := w.ExchangeCode(t.Context(), "cli", redirect, progress.Code, verifier)
	check(t, err)
	return w.subject(t, issued.Access).ID
}

// TestAnIdentityIsConnectedOnce: by its verified address, to an account that nobody can log in
// to; from then on by its subject only.
func TestAnIdentityIsConnectedOnce(t *testing.T) {
	w, corp, other := federated(t)
	w.user(t, "jo", "shop:viewer")
	w.user(t, "ann")
	id := verifiedPerson("s1", "Jo@Example.com")
	p, err := w.through(t, corp, id)
	if who := w.whose(t, p, err); who != "jo" {
		t.Errorf("logged in as %s", who)
	}

	id.Email = "ann@example.com" // another address at the provider is the same person
	p, err = w.through(t, corp, id)
	if who := w.whose(t, p, err); who != "jo" {
		t.Errorf("after a change of the address: logged in as %s", who)
	}
	id.EmailVerified = new(false)
	p, err = w.through(t, corp, id)
	if who := w.whose(t, p, err); who != "jo" {
		t.Errorf("with an address that is not verified: logged in as %s", who)
	}

	_, err = w.through(t, corp, verifiedPerson("s2", "jo@example.com")) // the address went to somebody else
	wantCode(t, err, platform.CodeConflict)
	_, err = w.through(t, other, verifiedPerson("s1", "jo@example.com")) // another provider says so
	wantCode(t, err, platform.CodeConflict)

	wantCode(t, w.Disconnect(t.Context(), access.Subject{Actor: platform.Actor{ID: "jo"}}, "jo"), platform.CodeForbidden)
	check(t, w.Disconnect(t.Context(), access.Operator(), "jo"))
	p, err = w.through(t, corp, verifiedPerson("s2", "jo@example.com"))
	if who := w.whose(t, p, err); who != "jo" {
		t.Errorf("after the operator disconnected: logged in as %s", who)
	}
	for _, want := range []string{"jo: user.change  connect jo to corp s1\n", "jo: auth.login  from 192.0.2.1 through corp\n", "operator: user.change  disconnect jo\n"} {
		if log := w.audit(); !strings.Contains(log, want) {
			t.Errorf("the audit log has not %q:\n%s", want, log)
		}
	}
}

// TestAnUnverifiedAddressConnectsNothing, whatever the operator lets the provider decide.
func TestAnUnverifiedAddressConnectsNothing(t *testing.T) {
	w, corp, _ := federated(t)
	w.user(t, "jo", "*:admin")
	for name, test := range map[string]struct {
		policy platform.ProviderPolicy
		says   *bool
	}{
		"it says no":                      {platform.ProviderPolicy{}, new(false)},
		"it says nothing":                 {platform.ProviderPolicy{}, nil},
		"it says no, everybody":           {platform.ProviderPolicy{Everybody: true}, new(false)},
		"it says no, though assumed":      {platform.ProviderPolicy{AssumeVerified: true, Domains: []string{"example.com"}}, new(false)},
		"it says no, of a trusted domain": {platform.ProviderPolicy{Domains: []string{"example.com"}}, new(false)},
		"another domain":                  {platform.ProviderPolicy{Domains: []string{"example.org"}}, new(true)},
		"a domain below":                  {platform.ProviderPolicy{Domains: []string{"ple.com"}}, new(true)},
		"no group":                        {platform.ProviderPolicy{Groups: []string{"shops"}}, new(true)},
	} {
		test.policy.ID, test.policy.Title, test.policy.Issuer = "corp", "Corp", "https://corp.example"
		corp.policy = test.policy
		_, err := w.through(t, corp, platform.Identity{Subject: "evil", Email: "jo@example.com", EmailVerified: test.says, Groups: []string{"shop"}})
		if platform.ErrorCode(err) != platform.CodeForbidden {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := w.records.UserByIdentity(t.Context(), "https://corp.example", "evil"); platform.ErrorCode(err) != platform.CodeNotFound {
		t.Errorf("the identity is connected: %v", err)
	}
	corp.policy.Groups, corp.policy.Domains, corp.policy.AssumeVerified = []string{"shops"}, []string{"example.com"}, true
	p, err := w.through(t, corp, platform.Identity{Subject: "s1", Email: "jo@example.com", Groups: []string{"x", "shops"}})
	if who := w.whose(t, p, err); who != "jo" {
		t.Errorf("logged in as %s", who)
	}
	_, err = w.through(t, corp, platform.Identity{Subject: "s1", Email: "jo@example.com"}) // is in the group no more
	wantCode(t, err, platform.CodeForbidden)
}

// TestAnAccountWithAPasswordIsConnectedByIt: the provider's word for an address is not enough.
func TestAnAccountWithAPasswordIsConnectedByIt(t *testing.T) {
	w, corp, _ := federated(t)
	ctx := t.Context()
	jo := w.person(t, "jo@example.com", "*:admin")
	start, err := w.BeginProvider(ctx, "corp", authorization(), "")
	check(t, err)
	p, err := w.finish(t, corp, verifiedPerson("s1", "jo@example.com"), start)
	check(t, err)
	if p.Code != "" || !p.WantsPassword || p.WantsOneTime || p.Ticket == "" {
		t.Fatalf("%+v", p)
	}
	_, err = w.ContinueProvider(ctx, p.Ticket, "another browser", platform.LogIn{Password: password})
	wantCode(t, err, platform.CodeInvalid)
	again, err := w.ContinueProvider(ctx, p.Ticket, start.Browser, platform.LogIn{Password: "wrong", Address: "192.0.2.1"})
	wantCode(t, err, platform.CodeUnauthorized)
	if again.Code != "" || again.Ticket != p.Ticket {
		t.Errorf("%+v", again)
	}
	if _, err := w.records.UserByIdentity(ctx, "https://corp.example", "s1"); platform.ErrorCode(err) != platform.CodeNotFound {
		t.Errorf("the identity is connected: %v", err)
	}
	done, err := w.ContinueProvider(ctx, p.Ticket, start.Browser, platform.LogIn{Password: password, Address: "192.0.2.1"})
	if who := w.whose(t, done, err); who != jo.ID {
		t.Errorf("logged in as %s", who)
	}
	_, err = w.ContinueProvider(ctx, p.Ticket, start.Browser, platform.LogIn{Password: password}) // a ticket is good once
	wantCode(t, err, platform.CodeInvalid)
	p, err = w.through(t, corp, verifiedPerson("s1", "jo@example.com"))
	if who := w.whose(t, p, err); who != jo.ID {
		t.Errorf("logged in as %s", who)
	}

	// Guesses are counted as those of log-ins.
	ann := w.person(t, "ann@example.com")
	start, err = w.BeginProvider(ctx, "corp", authorization(), "")
	check(t, err)
	p, err = w.finish(t, corp, verifiedPerson("s2", ann.Email), start)
	check(t, err)
	for range 5 {
		_, err = w.ContinueProvider(ctx, p.Ticket, start.Browser, platform.LogIn{Password: "wrong", Address: "192.0.2.1"})
		wantCode(t, err, platform.CodeUnauthorized)
	}
	_, err = w.ContinueProvider(ctx, p.Ticket, start.Browser, platform.LogIn{Password: password, Address: "192.0.2.1"})
	wantCode(t, err, platform.CodeRateLimited)
}

// TestTheSecondFactorCountsForProvidersToo.
func TestTheSecondFactorCountsForProvidersToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, corp, _ := federated(t)
		ctx := t.Context()
		jo := w.user(t, "jo")
		secret, _, err := w.EnrollFactor(ctx, jo)
		check(t, err)
		_, err = w.ConfirmFactor(ctx, jo, account.OneTime(t, secret, time.Now()), "192.0.2.1")
		check(t, err)
		time.Sleep(time.Minute)
		start, err := w.BeginProvider(ctx, "corp", authorization(), "")
		check(t, err)
		p, err := w.finish(t, corp, verifiedPerson("s1", "jo@example.com"), start)
		if err != nil || p.Code != "" || p.WantsPassword || !p.WantsOneTime {
			t.Fatalf("%+v, %v", p, err)
		}
		_, err = w.ContinueProvider(ctx, p.Ticket, start.Browser, platform.LogIn{OneTime: "000000", Address: "192.0.2.1"})
		wantCode(t, err, platform.CodeUnauthorized)
		p, err = w.ContinueProvider(ctx, p.Ticket, start.Browser, platform.LogIn{OneTime: account.OneTime(t, secret, time.Now()), Address: "192.0.2.1"})
		if who := w.whose(t, p, err); who != "jo" {
			t.Errorf("logged in as %s", who)
		}
	})
}

// TestAnswersOfProvidersAreForOneBrowserOnce: nobody can be logged in as somebody else by an
// address that they open (log-in CSRF), and an answer is not that of another provider.
func TestAnswersOfProvidersAreForOneBrowserOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, corp, other := federated(t)
		ctx := t.Context()
		w.user(t, "jo")
		corp.people["code"], other.people["code"] = verifiedPerson("s1", "jo@example.com"), verifiedPerson("s1", "jo@example.com")
		for name, change := range map[string]func(id *string, a *platform.ProviderAnswer){
			"another browser":          func(_ *string, a *platform.ProviderAnswer) { a.Browser = "x" },
			"a browser without cookie": func(_ *string, a *platform.ProviderAnswer) { a.Browser = "" },
			"another provider":         func(id *string, _ *platform.ProviderAnswer) { *id = "other" },
			"another issuer":           func(_ *string, a *platform.ProviderAnswer) { a.Issuer = "https://other.example" },
			"another state":            func(_ *string, a *platform.ProviderAnswer) { a.State += "x" },
			"a state that is too old":  func(*string, *platform.ProviderAnswer) { time.Sleep(10 * time.Minute) },
		} {
			start, err := w.BeginProvider(ctx, "corp", authorization(), "")
			check(t, err)
			id, answer := "corp", platform.ProviderAnswer{State: start.State, Code: "code", Browser: start.Browser}
			change(&id, &answer)
			p, err := w.FinishProvider(ctx, id, answer)
			if platform.ErrorCode(err) != platform.CodeInvalid || p.Code != "" || p.Ticket != "" {
				t.Errorf("%s: %+v, %v", name, p, err)
			}
		}
		start, err := w.BeginProvider(ctx, "corp", authorization(), "")
		check(t, err)
		answer := platform.ProviderAnswer{State: start.State, Code: "code", Browser: start.Browser, Issuer: "https://corp.example"}
		p, err := w.FinishProvider(ctx, "corp", answer)
		w.whose(t, p, err)
		_, err = w.FinishProvider(ctx, "corp", answer)
		wantCode(t, err, platform.CodeInvalid)
		bad := authorization()
		bad.Challenge = ""
		_, err = w.BeginProvider(ctx, "corp", bad, "")
		if platform.ErrorCode(err) != platform.CodeInvalid {
			t.Errorf("a client without a challenge: %v", err)
		}
		_, err = w.BeginProvider(ctx, "nope", authorization(), "")
		wantCode(t, err, platform.CodeNotFound)
	})
}

func TestProvidersThatRefuseOrFail(t *testing.T) {
	w, corp, _ := federated(t)
	for answer, want := range map[string]string{
		"access_denied": "refused", "server_error": "cannot log anybody in", "invalid_scope": "responded with invalid_scope", "<script>": "responded with an error", "": "responded with an error",
	} {
		start, err := w.BeginProvider(t.Context(), "corp", authorization(), "")
		check(t, err)
		p, err := w.FinishProvider(t.Context(), "corp", platform.ProviderAnswer{State: start.State, Error: answer, Browser: start.Browser})
		if answer == "" {
			want = "responded with"
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "<") || p.Request.Client != "cli" {
			t.Errorf("%q: %+v, %v", answer, p, err)
		}
	}
	corp.err = platform.Errorf(platform.CodeUnavailable, "down").WithHint("later")
	_, err := w.BeginProvider(t.Context(), "corp", authorization(), "")
	wantCode(t, err, platform.CodeUnavailable)
}

// TestStrangersGetNoAccount, unless the operator wants it or they are invited.
func TestStrangersGetNoAccount(t *testing.T) {
	w, corp, _ := federated(t)
	ctx := t.Context()
	_, err := w.through(t, corp, verifiedPerson("s1", "new@example.com"))
	wantCode(t, err, platform.CodeForbidden)
	if _, err := w.records.UserByLogin(ctx, "new@example.com"); platform.ErrorCode(err) != platform.CodeNotFound {
		t.Errorf("%v", err)
	}
	owner := w.user(t, "owner", "shop:admin")
	_, open, err := w.Invite(ctx, owner, "shop", "new@example.com", access.Grant{Role: access.Viewer}, false)
	check(t, err)
	_, err = w.through(t, corp, platform.Identity{Subject: "s1", Email: "new@example.com", EmailVerified: new(false)})
	wantCode(t, err, platform.CodeForbidden)
	p, err := w.through(t, corp, verifiedPerson("s1", "new@example.com"))
	who := w.whose(t, p, err)
	u, err := w.records.User(ctx, who)
	check(t, err)
	if fmt.Sprint(u.Grants) != "[shop:viewer]" || u.EmailUnverified || u.FirstName != "Jo" || u.Password != "" {
		t.Errorf("%+v", u)
	}
	_, err = w.OpenInvitation(ctx, string(open.Secret), "192.0.2.9")
	wantCode(t, err, platform.CodeNotFound)

	corp.policy.Everybody = true
	p, err = w.through(t, corp, verifiedPerson("s2", "more@example.com"))
	u, err2 := w.records.User(ctx, w.whose(t, p, err))
	if err2 != nil || len(u.Grants) != 0 {
		t.Errorf("%+v, %v", u, err2)
	}
	_, err = w.ChangeUser(ctx, access.Operator(), u.ID, platform.UserChange{State: new(platform.UserDisabled)})
	check(t, err)
	_, err = w.through(t, corp, verifiedPerson("s2", "more@example.com"))
	wantCode(t, err, platform.CodeForbidden)
}

// TestALogInThroughAProviderEnds, also when its client refreshes it: whoever left the company
// cannot log in again.
func TestALogInThroughAProviderEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, corp, _ := federated(t)
		ctx := t.Context()
		w.user(t, "jo")
		p, err := w.through(t, corp, verifiedPerson("s1", "jo@example.com"))
		check(t, err)
		issued, err := w.ExchangeCode(ctx, "cli", redirect, p.Code, verifier)
		check(t, err)
		for range 7 {
			time.Sleep(time.Hour)
			issued, err = w.Refresh(ctx, "cli", issued.Refresh)
			check(t, err)
		}
		time.Sleep(time.Hour)
		_, err = w.Refresh(ctx, "cli", issued.Refresh)
		wantCode(t, err, platform.CodeUnauthorized)
	})
}

// TestAnOldLogInAtTheProviderIsNoNewProof: what needs a log-in within the hour needs one there.
func TestAnOldLogInAtTheProviderIsNoNewProof(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, corp, _ := federated(t)
		ctx := t.Context()
		w.user(t, "jo")
		id := verifiedPerson("s1", "jo@example.com")
		id.LoginAt = time.Now().Add(-2 * time.Hour)
		p, err := w.through(t, corp, id)
		check(t, err)
		issued, err := w.ExchangeCode(ctx, "cli", redirect, p.Code, verifier)
		check(t, err)
		_, _, err = w.CreateToken(ctx, w.subject(t, issued.Access), platform.NewToken{Name: "x"})
		wantCode(t, err, platform.CodeUnauthorized)

		request := authorization()
		request.MaxAge = time.Hour // the client steps up
		start, err := w.BeginProvider(ctx, "corp", request, "")
		check(t, err)
		if corp.sent.MaxAge != time.Hour {
			t.Errorf("the provider is asked for %s", corp.sent.MaxAge)
		}
		_, err = w.finish(t, corp, id, start)
		wantCode(t, err, platform.CodeUnauthorized)
		start, err = w.BeginProvider(ctx, "corp", request, "")
		check(t, err)
		id.LoginAt = time.Now()
		p, err = w.finish(t, corp, id, start)
		check(t, err)
		issued, err = w.ExchangeCode(ctx, "cli", redirect, p.Code, verifier)
		check(t, err)
		_, _, err = w.CreateToken(ctx, w.subject(t, issued.Access), platform.NewToken{Name: "x"})
		check(t, err)
	})
}

// TestUnknownUsersWaitForAHashToo: a log-in computes a hash whether there is such a user or
// not. Both wait while no hash can be computed.
func TestUnknownUsersWaitForAHashToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.person(t, "jo@example.com")
		w.user(t, "nopassword")
		release := w.OccupyHashing()
		done := make(chan error, 3)
		logins := []string{"jo@example.com", "nobody@example.com", "nopassword@example.com"}
		for _, login := range logins {
			go func() {
				_, err := w.LogIn(t.Context(), authorization(), platform.LogIn{Login: login, Password: "wrong", Address: login})
				done <- err
			}()
		}
		synctest.Wait()
		if len(done) != 0 {
			t.Errorf("%d log-ins did not compute a hash", len(done))
		}
		release()
		for range logins {
			wantCode(t, <-done, platform.CodeUnauthorized)
		}
	})
}
