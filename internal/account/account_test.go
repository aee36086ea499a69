package account_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/ssh"

	"sluice/internal/access"
	"sluice/internal/account"
	"sluice/internal/account/accounttest"
	"sluice/internal/platform"
)

// world is a Service over accounts in memory.
type world struct {
	*account.Service
	records *accounttest.Memory
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{records: accounttest.New()}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	check(t, err)
	authority, err := ssh.NewSignerFromSigner(key)
	check(t, err)
	w.Service = account.New(account.Dependencies{Records: w.records, Authority: authority, PasswordMemory: 64, Log: slog.New(slog.DiscardHandler)})
	return w
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantCode(t *testing.T, err error, code platform.Code) {
	t.Helper()
	if platform.ErrorCode(err) != code || (code != "" && platform.ErrorHint(err) == "") {
		t.Errorf("got %v (hint %q), want code %q and a hint", err, platform.ErrorHint(err), code)
	}
}

// user makes a person with grants and returns them as the subject of a log-in without limits.
func (w *world) user(t *testing.T, name string, grants ...string) access.Subject {
	t.Helper()
	u, err := w.records.CreateUser(t.Context(), platform.User{
		ID: name, Kind: platform.Person, State: platform.UserActive, Username: name, Email: name + "@example.com", Grants: grants,
	})
	check(t, err)
	s := access.Subject{Actor: u.Actor()}
	for _, text := range grants {
		g, err := access.ParseGrant(text)
		check(t, err)
		s.Grants = append(s.Grants, g)
	}
	return s
}

func (w *world) token(t *testing.T, by access.Subject, name string, scopes ...string) string {
	t.Helper()
	secret, _, err := w.CreateToken(t.Context(), by, platform.NewToken{Name: name, Scopes: scopes})
	check(t, err)
	return secret
}

func (w *world) subject(t *testing.T, secret string) access.Subject {
	t.Helper()
	s, err := w.Authenticate(t.Context(), secret)
	check(t, err)
	return s
}

// audit returns the audit log, oldest entry first.
func (w *world) audit() string {
	var b strings.Builder
	for _, e := range w.records.Audit() {
		fmt.Fprintf(&b, "%s: %s %s %s\n", e.Actor.ID, e.Action, e.Project, e.Detail)
	}
	return b.String()
}

func TestTokensExpireAndAreRevoked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ci := platform.NewToken{Name: "ci", Scopes: []string{"shop:development=contributor"}, Life: time.Hour}
		secret, token, err := w.CreateMachineToken(t.Context(), access.Operator(), ci)
		check(t, err)
		got := w.subject(t, secret)
		if got.ID != "ci" || !got.Allows(access.CodePush, "shop", platform.Development) || got.Allows(access.CodePush, "shop", platform.Production) {
			t.Errorf("the owner is %+v", got)
		}
		list, err := w.Tokens(t.Context(), access.Operator())
		if err != nil || len(list) != 1 || list[0].LastUsedAt.IsZero() || list[0].CreatedBy != "operator" || strings.Contains(list[0].Hash, secret) {
			t.Errorf("%+v, %v", list, err)
		}
		time.Sleep(time.Until(token.ExpiresAt))
		_, err = w.Authenticate(t.Context(), secret)
		wantCode(t, err, platform.CodeUnauthorized)
		_, err = w.Current(t.Context(), got)
		wantCode(t, err, platform.CodeUnauthorized)

		ci.Scopes, ci.Life = []string{"shop:viewer"}, 0
		second, _, err := w.CreateMachineToken(t.Context(), access.Operator(), ci)
		check(t, err)
		if w.subject(t, second).Allows(access.CodePush, "shop", platform.Development) {
			t.Error("the machine kept what it could do before")
		}
		_, err = w.Authenticate(t.Context(), secret) // it was replaced
		wantCode(t, err, platform.CodeUnauthorized)
		check(t, w.RevokeToken(t.Context(), access.Operator(), "ci"))
		_, err = w.Authenticate(t.Context(), second)
		wantCode(t, err, platform.CodeUnauthorized)
		wantCode(t, w.RevokeToken(t.Context(), access.Operator(), "ci"), platform.CodeNotFound)
		want := `operator: user.change  machine ci shop:development=contributor
operator: token.change shop create ci shop:development=contributor
operator: user.change  machine ci shop:viewer
operator: token.change shop create ci shop:viewer
operator: token.change shop revoke ci
`
		if got := w.audit(); got != want {
			t.Errorf("the audit log has\n%s", got)
		}
	})
}

// TestATokenGivesNoMoreThanItsUserHas: also when the user loses rights later.
func TestATokenGivesNoMoreThanItsUserHas(t *testing.T) {
	w := newWorld(t)
	jo := w.user(t, "jo", "shop:development=contributor")
	full, viewer := w.token(t, jo, "full"), w.token(t, jo, "viewer", "shop:development=viewer")
	_, _, err := w.CreateToken(t.Context(), jo, platform.NewToken{Name: "more", Scopes: []string{"shop:development=admin"}})
	wantCode(t, err, platform.CodeForbidden)
	if s := w.subject(t, full); !s.Allows(access.CodePush, "shop", platform.Development) {
		t.Errorf("a token without scopes: %+v", s)
	}
	if s := w.subject(t, viewer); s.Allows(access.CodePush, "shop", platform.Development) || !s.Allows(access.LogsView, "shop", platform.Development) {
		t.Errorf("a token with scopes: %+v", s)
	}
	limited := w.subject(t, viewer)
	_, _, err = w.CreateToken(t.Context(), limited, platform.NewToken{Name: "escape"})
	wantCode(t, err, platform.CodeForbidden)
	_, err = w.ChangeUser(t.Context(), limited, "jo", platform.UserChange{FirstName: new("X")})
	wantCode(t, err, platform.CodeForbidden)

	check(t, w.records.SetGrants(t.Context(), "jo", "shop", func([]string) ([]string, error) { return nil, nil }))
	for _, secret := range []string{full, viewer} {
		if s := w.subject(t, secret); s.Allows(access.ProjectView, "shop", "") {
			t.Errorf("the token outlived the role: %+v", s)
		}
	}
	if now, err := w.Current(t.Context(), limited); err != nil || now.Allows(access.ProjectView, "shop", "") {
		t.Errorf("an open connection keeps %+v, %v", now, err)
	}
}

func TestDisabledAndDeletedUsersAreNobody(t *testing.T) {
	w := newWorld(t)
	jo, boss := w.user(t, "jo", "shop:admin"), w.user(t, "boss", "*:admin")
	secret := w.token(t, jo, "ci")
	open := w.subject(t, secret)
	state := func(s platform.UserState) error {
		_, err := w.ChangeUser(t.Context(), boss, "jo", platform.UserChange{State: &s})
		return err
	}
	_, err := w.ChangeUser(t.Context(), jo, "jo", platform.UserChange{State: new(platform.UserActive)})
	wantCode(t, err, platform.CodeForbidden)
	wantCode(t, state("owner"), platform.CodeInvalid)
	check(t, state(platform.UserDisabled))
	_, err = w.Authenticate(t.Context(), secret)
	wantCode(t, err, platform.CodeUnauthorized)
	_, err = w.Current(t.Context(), open)
	wantCode(t, err, platform.CodeUnauthorized)
	check(t, state(platform.UserActive))
	w.subject(t, secret)
	wantCode(t, w.DeleteUser(t.Context(), jo, "boss"), platform.CodeForbidden)
	wantCode(t, w.DeleteUser(t.Context(), boss, "boss"), platform.CodeConflict)
	check(t, w.DeleteUser(t.Context(), boss, "jo"))
	_, err = w.Authenticate(t.Context(), secret)
	wantCode(t, err, platform.CodeUnauthorized)
	_, err = w.Current(t.Context(), open)
	wantCode(t, err, platform.CodeUnauthorized)
}

// TestAGrantOfANewerVersionGivesNothing: one that this version cannot read, in a user or a token.
func TestAGrantOfANewerVersionGivesNothing(t *testing.T) {
	w := newWorld(t)
	jo := w.user(t, "jo", "shop:admin")
	secret := w.token(t, jo, "ci", "shop:viewer")
	list, err := w.records.Tokens(t.Context())
	check(t, err)
	check(t, w.records.DeleteToken(t.Context(), list[0].ID))
	list[0].Scopes = []string{"shop:root"}
	check(t, w.records.CreateToken(t.Context(), list[0]))
	if s := w.subject(t, secret); s.Allows(access.ProjectView, "shop", "") {
		t.Errorf("got %+v", s)
	}
	if visible, err := w.Tokens(t.Context(), w.user(t, "olga", "shop:admin")); err != nil || len(visible) != 0 {
		t.Errorf("an admin of the project manages %+v, %v", visible, err)
	}
	check(t, w.records.SetGrants(t.Context(), "jo", "", func([]string) ([]string, error) { return []string{"shop:root"}, nil }))
	if s := w.subject(t, w.token(t, jo, "full")); s.Allows(access.ProjectView, "shop", "") {
		t.Errorf("got %+v", s)
	}
}

func TestTokensOfOneNameAreToldApart(t *testing.T) {
	w := newWorld(t)
	boss := w.user(t, "boss", "*:admin")
	w.token(t, w.user(t, "jo", "shop:viewer"), "laptop")
	w.token(t, w.user(t, "ann", "shop:viewer"), "laptop")
	wantCode(t, w.RevokeToken(t.Context(), boss, "laptop"), platform.CodeConflict)
	wantCode(t, w.RevokeToken(t.Context(), w.user(t, "eve", "shop:viewer"), "laptop"), platform.CodeNotFound)
	list, err := w.Tokens(t.Context(), boss)
	check(t, err)
	check(t, w.RevokeToken(t.Context(), boss, list[0].ID))
	check(t, w.RevokeToken(t.Context(), boss, "laptop"))
}

// TestRolesAreGivenByThoseWhoHaveThem goes through who may change whose role.
func TestRolesAreGivenByThoseWhoHaveThem(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	boss, owner := w.user(t, "boss", "*:admin"), w.user(t, "owner", "shop:admin")
	lead := w.user(t, "lead", "shop:development=admin")
	dev := w.user(t, "dev", "shop:development=contributor")
	w.user(t, "stranger", "other:admin")

	_, err := w.SetTypeRole(ctx, lead, "shop", platform.Production, "dev", access.Viewer)
	wantCode(t, err, platform.CodeForbidden)
	_, err = w.SetTypeRole(ctx, dev, "shop", platform.Development, "dev", access.Admin)
	wantCode(t, err, platform.CodeForbidden)
	_, err = w.SetRole(ctx, lead, "shop", "lead", access.Admin)
	wantCode(t, err, platform.CodeForbidden)
	wantCode(t, w.RemoveMember(ctx, owner, "shop", "boss"), platform.CodeForbidden)
	_, err = w.SetTypeRole(ctx, lead, "shop", platform.Development, "owner", access.NoRole)
	wantCode(t, err, platform.CodeConflict) // an admin of the project is admin of all types
	wantCode(t, w.RemoveMember(ctx, owner, "shop", "stranger"), platform.CodeNotFound)
	_, err = w.SetTypeRole(ctx, owner, "shop", platform.Development, "stranger", access.Viewer)
	wantCode(t, err, platform.CodeNotFound)
	_, err = w.SetTypeRole(ctx, owner, "shop", "live", "dev", access.Viewer)
	wantCode(t, err, platform.CodeNotFound)
	_, err = w.SetTypeRole(ctx, owner, "shop", platform.Staging, "dev", "owner")
	wantCode(t, err, platform.CodeInvalid)
	_, err = w.SetRole(ctx, owner, "shop", "dev", access.Contributor)
	wantCode(t, err, platform.CodeInvalid)
	_, err = w.Members(ctx, w.user(t, "outside"), "shop")
	wantCode(t, err, platform.CodeForbidden)

	m, err := w.SetTypeRole(ctx, lead, "shop", platform.Development, "dev", access.Admin)
	check(t, err)
	if m.Grant.String() != "shop:development=admin" {
		t.Errorf("dev has %s", m.Grant)
	}
	_, err = w.SetTypeRole(ctx, owner, "shop", platform.Staging, "dev", access.Viewer)
	check(t, err)
	m, err = w.SetRole(ctx, owner, "shop", "dev", access.Viewer) // keeps the roles by type
	if err != nil || m.Grant.String() != "shop:development=admin,staging=viewer" {
		t.Errorf("dev has %s, %v", m.Grant, err)
	}
	m, err = w.SetRole(ctx, boss, "shop", "dev", access.Admin)
	if err != nil || m.Grant.String() != "shop:admin" {
		t.Errorf("dev has %s, %v", m.Grant, err)
	}
	check(t, w.RemoveMember(ctx, owner, "shop", "dev"))
	add := func(by access.Subject, email string, force bool) error {
		_, _, err := w.Invite(ctx, by, "shop", email, access.Grant{Types: map[platform.EnvironmentType]access.Role{platform.Staging: access.Viewer}}, force)
		return err
	}
	wantCode(t, add(lead, "dev@example.com", false), platform.CodeForbidden)
	check(t, add(owner, "nobody@example.com", false)) // an invitation
	wantCode(t, add(owner, "", false), platform.CodeInvalid)
	check(t, add(owner, "dev@example.com", false))
	wantCode(t, add(owner, "dev@example.com", false), platform.CodeConflict)
	check(t, add(owner, "dev@example.com", true))
	_, _, err = w.Invite(ctx, owner, "shop", "dev@example.com", access.Grant{Types: map[platform.EnvironmentType]access.Role{"live": "owner"}}, true)
	wantCode(t, err, platform.CodeInvalid)
	check(t, w.RemoveMember(ctx, owner, "shop", "dev"))
	_, err = w.Member(ctx, owner, "shop", "dev")
	wantCode(t, err, platform.CodeNotFound)
	members, err := w.Members(ctx, owner, "shop")
	check(t, err)
	var got []string
	for _, m := range members {
		got = append(got, m.User.ID+" "+m.Grant.String())
	}
	if want := "boss shop:admin; lead shop:development=admin; owner shop:admin"; strings.Join(got, "; ") != want {
		t.Errorf("members: %v", got)
	}
	if log := w.audit(); !strings.Contains(log, "owner: access.change shop roles of dev\n") || !strings.Contains(log, "lead: environment.access.change shop roles of dev\n") {
		t.Errorf("the audit log has\n%s", log)
	}
}

func TestUsersAreMadeByAdminsOfEverything(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	boss := w.user(t, "boss", "*:admin")
	good := platform.NewUser{Email: "Ann@Example.com", FirstName: "Ann", Password: "correct horse battery"}
	_, err := w.CreateUser(ctx, w.user(t, "owner", "shop:admin"), good)
	wantCode(t, err, platform.CodeForbidden)
	for name, bad := range map[string]platform.NewUser{
		"no address":         {Email: "ann"},
		"a name":             {Email: "Ann <ann@example.com>"},
		"a line":             {Email: "ann@example.com\r\nX: y"},
		"a short password":   {Email: "ann@example.com", Password: "short"},
		"a long password":    {Email: "ann@example.com", Password: strings.Repeat("x", 2000)},
		"an unknown scope":   {Email: "ann@example.com", Scopes: []string{"shop:root"}},
		"control characters": {Email: "ann@example.com", FirstName: "\x1b[2J"},
	} {
		if _, err := w.CreateUser(ctx, boss, bad); platform.ErrorCode(err) != platform.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	u, err := w.CreateUser(ctx, boss, good)
	check(t, err)
	if u.Email != "ann@example.com" || u.DisplayName() != "Ann" || !strings.HasPrefix(string(u.Password), "$argon2id$v=19$m=64,t=3,p=1$") {
		t.Errorf("%+v", u)
	}
	if text := fmt.Sprintf("%v %+v %#v", u, u, u); strings.Contains(text, "argon2id") {
		t.Errorf("a formatted user shows the hash: %s", text)
	}
	_, err = w.CreateUser(ctx, boss, good)
	wantCode(t, err, platform.CodeConflict)
}
