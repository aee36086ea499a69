package store_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/platform"
	"sluice/internal/store"
)

// TestTokensAndDomainsOfBefore opens a database of the version without scopes: its tokens
// go on as admins, its domains count as verified.
func TestTokensAndDomainsOfBefore(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "sluice.db")
	db, err := sql.Open("sqlite", path)
	check(t, err)
	for _, name := range []string{"0001_initial", "0002_settings", "0003_domains"} {
		text, err := os.ReadFile("migrations/" + name + ".sql")
		check(t, err)
		_, err = db.ExecContext(t.Context(), string(text))
		check(t, err)
	}
	_, err = db.ExecContext(t.Context(), `
		INSERT INTO projects VALUES ('shop', 'Shop', 'main', x'', '2026-01-01T00:00:00.000000000Z', '2026-01-01T00:00:00.000000000Z');
		INSERT INTO tokens VALUES ('admin', 'abc', '2026-01-01T00:00:00.000000000Z', '');
		INSERT INTO tokens VALUES ('ci.shop', 'def', '2026-01-01T00:00:00.000000000Z', '');
		INSERT INTO domains VALUES ('a.test', 'shop', 0, '2026-01-02T00:00:00.000000000Z', '2026-01-03T00:00:00.000000000Z');
		INSERT INTO domains VALUES ('b.test', 'shop', 1, '2026-01-02T00:00:00.000000000Z', '2026-01-03T00:00:00.000000000Z');
		PRAGMA user_version = 3`)
	check(t, err)
	check(t, db.Close())

	sealer, err := store.LoadSealer(filepath.Join(dir, "seal.key"))
	check(t, err)
	s, err := store.Open(t.Context(), path, sealer)
	check(t, err)
	defer func() { check(t, s.Close()) }()
	token, err := s.TokenByHash(t.Context(), "abc")
	check(t, err)
	created := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	if token.ID == "" {
		t.Error("the token has no ID")
	}
	token.ID = ""
	if diff := cmp.Diff(platform.Token{User: "admin", Name: "admin", Hash: "abc", Scopes: []string{"*:admin"}, CreatedAt: created}, token); diff != "" {
		t.Error(diff)
	}
	for name, want := range map[string]platform.User{
		"admin":   {ID: "admin", Grants: []string{"*:admin"}},
		"ci.shop": {Grants: []string{"*:admin"}},
	} {
		u, err := s.UserByLogin(t.Context(), name)
		check(t, err)
		if !platform.ValidUserID(u.ID) || want.ID != "" && u.ID != want.ID {
			t.Errorf("%s has the ID %q", name, u.ID)
		}
		want.ID, want.Kind, want.State, want.Username, want.CreatedAt, want.UpdatedAt = u.ID, platform.Machine, platform.UserActive, name, created, created
		if diff := cmp.Diff(want, u); diff != "" {
			t.Error(diff)
		}
	}
	list, err := s.Domains(t.Context(), "shop")
	check(t, err)
	if len(list) != 2 || list[0].Name != "b.test" || !list[0].Default || !list[0].Verified() || !list[1].Verified() {
		t.Errorf("domains %+v", list)
	}
}

func TestTheAuditLogIsListedNewestFirst(t *testing.T) {
	s := shop(t)
	for _, e := range []platform.AuditEntry{
		{Actor: platform.Actor{ID: "jo", Name: "Jo"}, Action: "environment.exec", Project: "shop", Environment: "main", Detail: "php"},
		{Action: "token.change", Detail: "create ci"},
		{Action: "domain.change", Project: "gone", Detail: "add a.test"}, // outlives its project
	} {
		check(t, s.AddAudit(t.Context(), e))
	}
	for _, test := range []struct {
		filter platform.AuditFilter
		want   []string
	}{
		{platform.AuditFilter{}, []string{"domain.change", "token.change", "environment.exec"}},
		{platform.AuditFilter{Limit: 1}, []string{"domain.change"}},
		{platform.AuditFilter{Before: 3}, []string{"token.change", "environment.exec"}},
		{platform.AuditFilter{Project: "shop"}, []string{"environment.exec"}},
	} {
		list, err := s.Audit(t.Context(), test.filter)
		check(t, err)
		var got []string
		for _, e := range list {
			got = append(got, e.Action)
			if e.Time.IsZero() {
				t.Errorf("%+v has no time", e)
			}
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%+v: %s", test.filter, diff)
		}
	}
}

func TestADomainThatIsNotVerifiedIsNoDefault(t *testing.T) {
	s := shop(t)
	ctx := t.Context()
	check(t, s.SaveProject(ctx, platform.Project{ID: "other", DefaultBranch: "main"}))
	pending := platform.Domain{Project: "shop", Name: "a.test", Challenge: "x", Default: true}
	_, err := s.AddDomain(ctx, pending)
	check(t, err)
	wantCode(t, s.SetDefaultDomain(ctx, "shop", "a.test"), platform.CodeNotFound)
	pending.Project = "other"
	_, err = s.AddDomain(ctx, pending) // several projects may ask
	check(t, err)
	d, err := s.VerifyDomain(ctx, "other", "a.test")
	if err != nil || !d.Default || !d.Verified() {
		t.Errorf("%+v, %v", d, err)
	}
	_, err = s.VerifyDomain(ctx, "shop", "a.test")
	wantCode(t, err, platform.CodeConflict)
	_, err = s.VerifyDomain(ctx, "shop", "b.test")
	wantCode(t, err, platform.CodeNotFound)
	_, err = s.AddDomain(ctx, platform.Domain{Project: "shop", Name: "b.test"})
	check(t, err)
	check(t, s.DeleteDomain(ctx, "shop", "b.test"))
	if got := domains(t, s, "shop"); got != "a.test:false " {
		t.Errorf("a domain that is not verified took over: %s", got)
	}
}
