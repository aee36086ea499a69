package accounttest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/account"
	"sluice/internal/platform"
)

// Run tests an implementation of account.Records; open returns an empty one.
func Run(t *testing.T, open func(t *testing.T) account.Records) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, account.Records){
		"users": testUsers, "grants": testGrants, "tokens": testTokens, "sessions": testSessions, "keys": testKeys,
		"what belongs to a user goes with it": testDeleteUser, "rights": testRights,
		"connections": testConnections, "invitations": testInvitations,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantCode(t *testing.T, err error, code platform.Code) {
	t.Helper()
	if platform.ErrorCode(err) != code {
		t.Errorf("got %v, want code %q", err, code)
	}
}

func addUser(t *testing.T, r account.Records, id string, grants ...string) platform.User {
	t.Helper()
	u, err := r.CreateUser(t.Context(), platform.User{
		ID: id, Kind: platform.Person, State: platform.UserActive, Email: id + "@example.com", Username: id, Grants: grants,
		Password: "hash", Factor: platform.SecondFactor{Secret: []byte("secret"), Confirmed: true, LastStep: 7, Recovery: []string{"r"}},
	})
	check(t, err)
	return u
}

func testUsers(t *testing.T, r account.Records) {
	t.Helper()
	ctx := t.Context()
	jo := addUser(t, r, "jo", "shop:viewer", "*:admin")
	addUser(t, r, "ann", "shop:admin")
	for _, twin := range []platform.User{{ID: "jo", Username: "x"}, {ID: "x", Username: "jo"}, {ID: "x", Username: "x", Email: "jo@example.com"}} {
		_, err := r.CreateUser(ctx, twin)
		wantCode(t, err, platform.CodeConflict)
	}
	for _, login := range []string{"jo", "Jo@Example.com"} {
		u, err := r.UserByLogin(ctx, login)
		if err != nil || u.ID != "jo" {
			t.Errorf("%s is %+v, %v", login, u, err)
		}
	}
	_, err := r.UserByLogin(ctx, "")
	wantCode(t, err, platform.CodeNotFound)
	_, err = r.User(ctx, "nobody")
	wantCode(t, err, platform.CodeNotFound)

	changed, err := r.ChangeUser(ctx, "jo", func(u *platform.User) error {
		u.ID, u.FirstName, u.State, u.Grants = "other", "Jo", platform.UserDisabled, nil
		return nil
	})
	check(t, err)
	want := jo
	want.FirstName, want.State, want.Grants, want.UpdatedAt = "Jo", platform.UserDisabled, []string{"*:admin", "shop:viewer"}, changed.UpdatedAt
	read, err := r.User(ctx, "jo")
	check(t, err)
	for _, got := range []platform.User{changed, read} {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	refused := errors.New("no")
	if _, err := r.ChangeUser(ctx, "jo", func(u *platform.User) error { u.FirstName = "X"; return refused }); !errors.Is(err, refused) {
		t.Errorf("got %v", err)
	}
	_, err = r.ChangeUser(ctx, "jo", func(u *platform.User) error { u.Username = "ann"; return nil })
	wantCode(t, err, platform.CodeConflict)
	_, err = r.ChangeUser(ctx, "nobody", func(*platform.User) error { return nil })
	wantCode(t, err, platform.CodeNotFound)
	if u, err := r.User(ctx, "jo"); err != nil || u.FirstName != "Jo" || u.Username != "jo" {
		t.Errorf("a refused change was made: %+v, %v", u, err)
	}
}

func testGrants(t *testing.T, r account.Records) {
	t.Helper()
	ctx := t.Context()
	addUser(t, r, "jo", "shop:viewer", "other:admin")
	addUser(t, r, "ann", "*:viewer")
	addUser(t, r, "none")
	for project, want := range map[string][]string{"": {"ann", "jo", "none"}, "shop": {"ann", "jo"}, "third": {"ann"}} {
		users, err := r.Users(ctx, project)
		check(t, err)
		var got []string
		for _, u := range users {
			got = append(got, u.ID)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", project, diff)
		}
	}
	set := func(project string, wanted ...string) (before []string) {
		t.Helper()
		check(t, r.SetGrants(ctx, "jo", project, func(now []string) ([]string, error) { before = now; return wanted, nil }))
		return before
	}
	if before := set("shop", "shop:admin"); !slices.Equal(before, []string{"shop:viewer"}) {
		t.Errorf("before: %v", before)
	}
	if u, err := r.User(ctx, "jo"); err != nil || !slices.Equal(u.Grants, []string{"other:admin", "shop:admin"}) {
		t.Errorf("grants %v, %v", u.Grants, err)
	}
	refused := errors.New("no")
	if err := r.SetGrants(ctx, "jo", "shop", func([]string) ([]string, error) { return nil, refused }); !errors.Is(err, refused) {
		t.Errorf("got %v", err)
	}
	if before := set(""); !slices.Equal(before, []string{"other:admin", "shop:admin"}) {
		t.Errorf("before: %v", before)
	}
	wantCode(t, r.SetGrants(ctx, "nobody", "shop", func([]string) ([]string, error) { return nil, nil }), platform.CodeNotFound)
}

func testTokens(t *testing.T, r account.Records) {
	t.Helper()
	ctx := t.Context()
	addUser(t, r, "jo")
	addUser(t, r, "ann")
	ci := platform.Token{ID: "t1", User: "jo", Name: "ci", Hash: "h1", Scopes: []string{"shop:viewer"}, CreatedBy: "ann"}
	check(t, r.CreateToken(ctx, ci))
	check(t, r.CreateToken(ctx, platform.Token{ID: "t2", User: "ann", Name: "ci", Hash: "h2"})) // names are of one user
	wantCode(t, r.CreateToken(ctx, platform.Token{ID: "t3", User: "jo", Name: "ci", Hash: "h3"}), platform.CodeConflict)
	wantCode(t, r.CreateToken(ctx, platform.Token{ID: "t3", User: "jo", Name: "x", Hash: "h1"}), platform.CodeConflict)
	wantCode(t, r.CreateToken(ctx, platform.Token{ID: "t3", User: "nobody", Name: "x", Hash: "h3"}), platform.CodeNotFound)
	token, err := r.TokenByHash(ctx, "h1")
	check(t, err)
	ci.CreatedAt = token.CreatedAt
	if diff := cmp.Diff(ci, token); diff != "" || token.CreatedAt.IsZero() {
		t.Error(diff)
	}
	check(t, r.TouchToken(ctx, token))
	used, err := r.Token(ctx, "t1")
	check(t, err)
	check(t, r.TouchToken(ctx, used)) // within the same minute
	again, err := r.Token(ctx, "t1")
	if err != nil || used.LastUsedAt.IsZero() || !again.LastUsedAt.Equal(used.LastUsedAt) {
		t.Errorf("got last use %v, then %v, %v", used.LastUsedAt, again.LastUsedAt, err)
	}
	check(t, r.DeleteToken(ctx, "t1"))
	wantCode(t, r.DeleteToken(ctx, "t1"), platform.CodeNotFound)
	_, err = r.TokenByHash(ctx, "h1")
	wantCode(t, err, platform.CodeNotFound)
	if list, err := r.Tokens(ctx); err != nil || len(list) != 1 || list[0].ID != "t2" {
		t.Errorf("got %v, %v", list, err)
	}
}

func testSessions(t *testing.T, r account.Records) {
	t.Helper()
	ctx := t.Context()
	addUser(t, r, "jo")
	check(t, r.CreateToken(ctx, platform.Token{ID: "t1", User: "jo", Name: "ci", Hash: "h1"}))
	now := time.Now().UTC()
	session := platform.Session{
		ID: "s1", User: "jo", Token: "t1", Client: "c", Access: "a1", Refresh: "r1", Methods: []string{"pwd"},
		CreatedAt: now, LoginAt: now, AccessEnd: now.Add(time.Minute), ExpiresAt: now.Add(time.Hour),
	}
	check(t, r.SaveSession(ctx, session))
	session.Access, session.Refresh, session.Previous, session.RotatedAt = "a2", "r2", "r1", now
	check(t, r.SaveSession(ctx, session))
	for _, hash := range []string{"a2", "r2", "r1"} {
		got, err := r.SessionByHash(ctx, hash)
		check(t, err)
		if diff := cmp.Diff(session, got); diff != "" {
			t.Error(diff)
		}
	}
	for _, hash := range []string{"a1", ""} {
		_, err := r.SessionByHash(ctx, hash)
		wantCode(t, err, platform.CodeNotFound)
	}
	ended := platform.Session{ID: "s2", User: "jo", Access: "x", CreatedAt: now, ExpiresAt: now.AddDate(-20, 0, 0), Methods: []string{}}
	check(t, r.SaveSession(ctx, ended))
	wantCode(t, r.SaveSession(ctx, platform.Session{ID: "s3", User: "nobody", Access: "y"}), platform.CodeNotFound)
	ended.ID, ended.Access, ended.ExpiresAt = "s4", "z", now.Add(time.Hour)
	check(t, r.SaveSession(ctx, ended)) // s2, which has ended, goes
	_, err := r.Session(ctx, "s2")
	wantCode(t, err, platform.CodeNotFound)

	check(t, r.DeleteToken(ctx, "t1")) // takes its sessions along
	_, err = r.Session(ctx, "s1")
	wantCode(t, err, platform.CodeNotFound)
	check(t, r.DeleteSessions(ctx, "jo", "s4"))
	_, err = r.Session(ctx, "s4")
	check(t, err)
	check(t, r.DeleteSession(ctx, "s4"))
	check(t, r.DeleteSession(ctx, "s4"))
	_, err = r.Session(ctx, "s4")
	wantCode(t, err, platform.CodeNotFound)
}

func testKeys(t *testing.T, r account.Records) {
	t.Helper()
	ctx := t.Context()
	addUser(t, r, "jo")
	addUser(t, r, "ann")
	k, err := r.AddSSHKey(ctx, platform.SSHKey{User: "jo", Title: "laptop", Value: "ssh-ed25519 AAAA"})
	check(t, err)
	_, err = r.AddSSHKey(ctx, platform.SSHKey{User: "ann", Value: "ssh-ed25519 AAAA"})
	wantCode(t, err, platform.CodeConflict)
	found, err := r.SSHKey(ctx, "ssh-ed25519 AAAA")
	check(t, err)
	if diff := cmp.Diff(k, found); diff != "" || k.ID == 0 || k.CreatedAt.IsZero() {
		t.Errorf("%+v %s", k, diff)
	}
	wantCode(t, r.DeleteSSHKey(ctx, "ann", k.ID), platform.CodeNotFound)
	check(t, r.DeleteSSHKey(ctx, "jo", k.ID))
	if list, err := r.SSHKeys(ctx, "jo"); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
	next, err := r.AddSSHKey(ctx, platform.SSHKey{User: "jo", Value: "ssh-ed25519 BBBB"})
	check(t, err)
	if next.ID == k.ID {
		t.Error("an ID is used twice")
	}
}

func testDeleteUser(t *testing.T, r account.Records) {
	t.Helper()
	ctx := t.Context()
	addUser(t, r, "jo", "shop:admin")
	check(t, r.CreateToken(ctx, platform.Token{ID: "t1", User: "jo", Name: "ci", Hash: "h1"}))
	check(t, r.SaveSession(ctx, platform.Session{ID: "s1", User: "jo", Access: "a", ExpiresAt: time.Now().Add(time.Hour)}))
	_, err := r.AddSSHKey(ctx, platform.SSHKey{User: "jo", Value: "ssh-ed25519 AAAA"})
	check(t, err)
	check(t, r.DeleteUser(ctx, "jo"))
	wantCode(t, r.DeleteUser(ctx, "jo"), platform.CodeNotFound)
	_, err = r.Token(ctx, "t1")
	wantCode(t, err, platform.CodeNotFound)
	_, err = r.Session(ctx, "s1")
	wantCode(t, err, platform.CodeNotFound)
	_, err = r.SSHKey(ctx, "ssh-ed25519 AAAA")
	wantCode(t, err, platform.CodeNotFound)
	if u := addUser(t, r, "jo"); len(u.Grants) != 0 {
		t.Errorf("another user of the same name has %v", u.Grants)
	}
}

// testRights: whatever may take a right away counts, reading and using do not.
func testRights(t *testing.T, r account.Records) {
	t.Helper()
	ctx := t.Context()
	addUser(t, r, "jo", "shop:admin")
	check(t, r.CreateToken(ctx, platform.Token{ID: "t1", User: "jo", Name: "ci", Hash: "h1"}))
	check(t, r.SaveSession(ctx, platform.Session{ID: "s1", User: "jo", Access: "a", ExpiresAt: time.Now().Add(time.Hour)}))
	k, err := r.AddSSHKey(ctx, platform.SSHKey{User: "jo", Value: "ssh-ed25519 AAAA"})
	check(t, err)
	last, err := r.RightsGeneration(ctx)
	check(t, err)
	for _, step := range []struct {
		name    string
		do      func() error
		changes bool
	}{
		{"use of a token", func() error { return r.TouchToken(ctx, platform.Token{ID: "t1"}) }, false},
		{"another name", func() error {
			_, err := r.ChangeUser(ctx, "jo", func(u *platform.User) error { u.FirstName = "Jo"; return nil })
			return err
		}, false},
		{"another state", func() error {
			_, err := r.ChangeUser(ctx, "jo", func(u *platform.User) error { u.State = platform.UserDisabled; return nil })
			return err
		}, true},
		{"other grants", func() error {
			return r.SetGrants(ctx, "jo", "shop", func([]string) ([]string, error) { return nil, nil })
		}, true},
		{"a key less", func() error { return r.DeleteSSHKey(ctx, "jo", k.ID) }, true},
		{"a session less", func() error { return r.DeleteSession(ctx, "s1") }, true},
		{"a token less", func() error { return r.DeleteToken(ctx, "t1") }, true},
		{"a user less", func() error { return r.DeleteUser(ctx, "jo") }, true},
	} {
		check(t, step.do())
		now, err := r.RightsGeneration(ctx)
		check(t, err)
		if (now != last) != step.changes {
			t.Errorf("%s: generation %d after %d, want a change: %t", step.name, now, last, step.changes)
		}
		last = now
	}
}

func testConnections(t *testing.T, r account.Records) {
	t.Helper()
	ctx := t.Context()
	addUser(t, r, "jo")
	addUser(t, r, "ann")
	mine := platform.Connection{Issuer: "https://a", Subject: "1", User: "jo", Email: "jo@example.com"}
	check(t, r.Connect(ctx, mine))
	check(t, r.Connect(ctx, platform.Connection{Issuer: "https://b", Subject: "1", User: "ann"})) // another provider's 1
	for name, c := range map[string]platform.Connection{
		"identity of somebody":   {Issuer: "https://a", Subject: "1", User: "ann"},
		"second of the provider": {Issuer: "https://a", Subject: "2", User: "jo"},
		"the same connection":    mine,
	} {
		if err := r.Connect(ctx, c); platform.ErrorCode(err) != platform.CodeConflict {
			t.Errorf("%s: %v", name, err)
		}
	}
	wantCode(t, r.Connect(ctx, platform.Connection{Issuer: "https://a", Subject: "3", User: "nobody"}), platform.CodeNotFound)
	u, err := r.UserByIdentity(ctx, "https://a", "1")
	if err != nil || u.ID != "jo" || !slices.Equal(u.Issuers, []string{"https://a"}) {
		t.Errorf("%+v, %v", u, err)
	}
	for _, other := range [][2]string{{"https://a", "2"}, {"https://b", ""}, {"", "1"}, {"https://A", "1"}} {
		_, err := r.UserByIdentity(ctx, other[0], other[1])
		wantCode(t, err, platform.CodeNotFound)
	}
	before, err := r.RightsGeneration(ctx)
	check(t, err)
	check(t, r.Disconnect(ctx, "jo"))
	check(t, r.Disconnect(ctx, "nobody"))
	if after, err := r.RightsGeneration(ctx); err != nil || after == before {
		t.Errorf("a connection that is gone does not count: %v", err)
	}
	_, err = r.UserByIdentity(ctx, "https://a", "1")
	wantCode(t, err, platform.CodeNotFound)
	check(t, r.DeleteUser(ctx, "ann"))
	_, err = r.UserByIdentity(ctx, "https://b", "1")
	wantCode(t, err, platform.CodeNotFound)
}

func testInvitations(t *testing.T, r account.Records) {
	t.Helper()
	ctx := t.Context()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	first := platform.Invitation{
		ID: "i1", Project: "shop", Email: "jo@example.com", Scope: "shop:viewer", Secret: "s1", Hash: "h1", Vouched: true,
		InvitedBy: platform.Actor{ID: "olga", Name: "Olga"}, CreatedAt: at, ExpiresAt: at.Add(time.Hour),
	}
	check(t, r.SaveInvitation(ctx, first))
	other := first
	other.ID, other.Project, other.Hash = "i2", "other", "h2"
	check(t, r.SaveInvitation(ctx, other))
	got, err := r.InvitationByHash(ctx, "h1")
	check(t, err)
	if diff := cmp.Diff(first, got); diff != "" {
		t.Error(diff)
	}
	again := first
	again.ID, again.Secret, again.Hash = "i3", "s3", "h3"
	check(t, r.SaveInvitation(ctx, again)) // in place of the first
	_, err = r.InvitationByHash(ctx, "h1")
	wantCode(t, err, platform.CodeNotFound)
	if list, err := r.Invitations(ctx, "shop"); err != nil || len(list) != 1 || list[0].ID != "i3" {
		t.Errorf("%+v, %v", list, err)
	}
	if list, err := r.InvitationsOf(ctx, "Jo@Example.com"); err != nil || len(list) != 2 {
		t.Errorf("%+v, %v", list, err)
	}
	wantCode(t, r.DeleteInvitation(ctx, "shop", "i2"), platform.CodeNotFound) // of another project
	check(t, r.DeleteInvitation(ctx, "shop", "i3"))
	wantCode(t, r.DeleteInvitation(ctx, "shop", "i3"), platform.CodeNotFound)
}
