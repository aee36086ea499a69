package account_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/access"
	"sluice/internal/platform"
)

// invited makes an invitation.
func (w *world) invited(t *testing.T, by access.Subject, email string, role access.Role) platform.Invitation {
	t.Helper()
	_, open, err := w.Invite(t.Context(), by, "shop", email, access.Grant{Role: role}, false)
	check(t, err)
	if open == nil {
		t.Fatal("no invitation")
	}
	return *open
}

func TestAnInvitationIsAcceptedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ctx := t.Context()
		owner := w.user(t, "owner", "shop:admin")
		open := w.invited(t, owner, "New@Example.com", access.Viewer)
		if open.Email != "new@example.com" || fmt.Sprintf("%v %+v", open.Secret, open) == "" || strings.Contains(fmt.Sprintf("%+v", open), string([]byte(open.Secret))) {
			t.Errorf("the secret is shown: %+v", open)
		}
		_, _, err := w.Invite(ctx, owner, "shop", "new@example.com", access.Grant{Role: access.Admin}, false)
		wantCode(t, err, platform.CodeConflict)
		_, err = w.AcceptInvitation(ctx, string(open.Secret), platform.Acceptance{Password: "short", Address: "192.0.2.1"})
		wantCode(t, err, platform.CodeInvalid)

		var wg sync.WaitGroup
		accepted := make(chan error, 8)
		for range cap(accepted) { // at once
			wg.Go(func() {
				_, err := w.AcceptInvitation(ctx, string(open.Secret), platform.Acceptance{FirstName: "Jo", Password: password, Address: "192.0.2.1"})
				accepted <- err
			})
		}
		wg.Wait()
		close(accepted)
		n := 0
		for err := range accepted {
			if err == nil {
				n++
			}
		}
		if n != 1 {
			t.Errorf("it was accepted %d times", n)
		}
		u, err := w.records.UserByLogin(ctx, "new@example.com")
		if err != nil || fmt.Sprint(u.Grants) != "[shop:viewer]" || !u.EmailUnverified || u.FirstName != "Jo" {
			t.Errorf("%+v, %v", u, err)
		}
		w.code(t, "new@example.com")
		for _, want := range []string{"owner: access.change shop invite new@example.com as shop:viewer\n", "create new@example.com by an invitation of owner\n", "accept the invitation of owner as shop:viewer\n"} {
			if log := w.audit(); !strings.Contains(log, want) || strings.Contains(log, string([]byte(open.Secret))) {
				t.Errorf("the audit log has not %q, or the secret:\n%s", want, log)
			}
		}
	})
}

// TestWhoInvitesGetsNothingThatOthersGive: whoever invited may have opened the address
// themselves. What others give to the e-mail address must not reach that account.
func TestWhoInvitesGetsNothingThatOthersGive(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	evil, honest, boss := w.user(t, "evil", "shop:admin"), w.user(t, "honest", "bank:admin"), w.user(t, "boss", "*:admin")
	open := w.invited(t, evil, "victim@example.com", access.Viewer)
	_, err := w.AcceptInvitation(ctx, string(open.Secret), platform.Acceptance{Password: password, Address: "192.0.2.1"})
	check(t, err)
	_, second, err := w.Invite(ctx, honest, "bank", "victim@example.com", access.Grant{Role: access.Admin}, false)
	check(t, err)
	if second == nil {
		t.Fatal("the account has the access to the bank")
	}
	u, err := w.records.UserByLogin(ctx, "victim@example.com")
	if err != nil || fmt.Sprint(u.Grants) != "[shop:viewer]" {
		t.Errorf("%v, %v", u.Grants, err)
	}
	// Whom honest gave the address to has to have the account's password.
	_, err = w.AcceptInvitation(ctx, string(second.Secret), platform.Acceptance{Password: "another password", Address: "192.0.2.1"})
	wantCode(t, err, platform.CodeUnauthorized)
	v, err := w.AcceptInvitation(ctx, string(second.Secret), platform.Acceptance{Password: password, Address: "192.0.2.1"})
	if err != nil || v.Project != "bank" {
		t.Errorf("%+v, %v", v, err)
	}

	// An admin of the installation can say whose an address is.
	open = w.invited(t, boss, "known@example.com", access.Viewer)
	_, err = w.AcceptInvitation(ctx, string(open.Secret), platform.Acceptance{Password: password, Address: "192.0.2.1"})
	check(t, err)
	m, third, err := w.Invite(ctx, honest, "bank", "known@example.com", access.Grant{Role: access.Viewer}, false)
	if err != nil || third != nil || m.User.Email != "known@example.com" {
		t.Errorf("%+v %+v, %v", m, third, err)
	}
}

// TestAProviderDoesNotTakeOverASquattedAccount, nor does it give the squatter anything.
func TestAProviderDoesNotTakeOverASquattedAccount(t *testing.T) {
	w, corp, _ := federated(t)
	ctx := t.Context()
	open := w.invited(t, w.user(t, "evil", "shop:admin"), "victim@example.com", access.Viewer)
	_, err := w.AcceptInvitation(ctx, string(open.Secret), platform.Acceptance{Password: password, Address: "192.0.2.1"})
	check(t, err)
	p, err := w.through(t, corp, verifiedPerson("s1", "victim@example.com"))
	if err != nil || !p.WantsPassword || p.Code != "" {
		t.Errorf("%+v, %v", p, err)
	}
	u, err := w.records.UserByLogin(ctx, "victim@example.com")
	if err != nil || !u.EmailUnverified || len(u.Issuers) != 0 {
		t.Errorf("%+v, %v", u, err)
	}
}

func TestInvitationsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ctx := t.Context()
		owner, dev := w.user(t, "owner", "shop:admin"), w.user(t, "dev", "shop:development=admin")
		accept := func(v platform.Invitation) error {
			_, err := w.AcceptInvitation(ctx, string(v.Secret), platform.Acceptance{Password: password, Address: "192.0.2.1"})
			return err
		}
		_, _, err := w.Invite(ctx, dev, "shop", "x@example.com", access.Grant{}, false)
		wantCode(t, err, platform.CodeForbidden)
		_, err = w.Invitations(ctx, dev, "shop")
		wantCode(t, err, platform.CodeForbidden)

		old := w.invited(t, owner, "a@example.com", access.Viewer)
		wantCode(t, w.CancelInvitation(ctx, dev, "shop", old.ID), platform.CodeForbidden)
		_, err = w.ResendInvitation(ctx, owner, "other", old.ID)
		wantCode(t, err, platform.CodeForbidden)
		again, err := w.ResendInvitation(ctx, owner, "shop", old.ID)
		check(t, err)
		wantCode(t, accept(old), platform.CodeNotFound)
		if list, err := w.Invitations(ctx, owner, "shop"); err != nil || len(list) != 1 || list[0].ID != again.ID || list[0].Secret != again.Secret {
			t.Errorf("%+v, %v", list, err)
		}
		time.Sleep(8 * 24 * time.Hour)
		wantCode(t, accept(again), platform.CodeNotFound)
		again, err = w.ResendInvitation(ctx, owner, "shop", again.ID) // an expired one, too
		check(t, err)
		check(t, w.CancelInvitation(ctx, owner, "shop", again.ID))
		wantCode(t, accept(again), platform.CodeNotFound)
		wantCode(t, w.CancelInvitation(ctx, owner, "shop", again.ID), platform.CodeNotFound)

		gone := w.invited(t, owner, "b@example.com", access.Admin)
		check(t, w.RemoveMember(ctx, access.Operator(), "shop", "owner")) // who invited may not any more
		wantCode(t, accept(gone), platform.CodeNotFound)
	})
}

// TestSecretsOfInvitationsAreNotGuessed: failures of an address are counted.
func TestSecretsOfInvitationsAreNotGuessed(t *testing.T) {
	w := newWorld(t)
	open := w.invited(t, w.user(t, "owner", "shop:admin"), "a@example.com", access.Viewer)
	for i := range 30 {
		_, err := w.OpenInvitation(t.Context(), fmt.Sprint("guess", i), "192.0.2.1")
		wantCode(t, err, platform.CodeNotFound)
	}
	_, err := w.OpenInvitation(t.Context(), string(open.Secret), "192.0.2.1")
	wantCode(t, err, platform.CodeRateLimited)
	_, err = w.OpenInvitation(t.Context(), string(open.Secret), "192.0.2.2")
	check(t, err)
}

func TestAProjectHasSoManyInvitations(t *testing.T) {
	w := newWorld(t)
	owner := w.user(t, "owner", "shop:admin")
	for i := range 100 {
		w.invited(t, owner, fmt.Sprintf("p%d@example.com", i), access.Viewer)
	}
	_, _, err := w.Invite(t.Context(), owner, "shop", "more@example.com", access.Grant{}, false)
	wantCode(t, err, platform.CodeRateLimited)
}
