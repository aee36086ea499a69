package project_test

import (
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/access"
	"sluice/internal/platform"
)

func TestTokensExpireAndAreRevoked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		secret, token, err := w.CreateToken(t.Context(), access.Operator(), platform.NewToken{
			Name: "ci", Scopes: []string{"shop:development=contributor"}, Life: time.Hour,
		})
		check(t, err)
		got, err := w.Authenticate(t.Context(), secret)
		if err != nil || got.ID != "ci" || !got.Allows(access.CodePush, "shop", platform.Development) || got.Allows(access.CodePush, "shop", platform.Production) {
			t.Errorf("the owner is %+v, %v", got, err)
		}
		list, err := w.Tokens(t.Context(), access.Operator())
		if err != nil || len(list) != 1 || list[0].LastUsedAt.IsZero() || list[0].CreatedBy != "operator" || list[0].Hash == secret {
			t.Errorf("%+v, %v", list, err)
		}
		time.Sleep(time.Until(token.ExpiresAt))
		_, err = w.Authenticate(t.Context(), secret)
		wantCode(t, err, platform.CodeUnauthorized)

		second, _, err := w.CreateToken(t.Context(), access.Operator(), platform.NewToken{Name: "ci", Scopes: []string{"shop:viewer"}, Replace: true})
		check(t, err)
		_, err = w.Authenticate(t.Context(), second)
		check(t, err)
		_, err = w.Authenticate(t.Context(), secret) // it was replaced
		wantCode(t, err, platform.CodeUnauthorized)
		check(t, w.RevokeToken(t.Context(), access.Operator(), "ci"))
		_, err = w.Authenticate(t.Context(), second)
		wantCode(t, err, platform.CodeUnauthorized)
		wantCode(t, w.RevokeToken(t.Context(), access.Operator(), "ci"), platform.CodeNotFound)
		want := "token.change create ci shop:development=contributor; token.change create ci shop:viewer; token.change revoke ci; "
		if got := w.auditOf(t, "shop"); got != want {
			t.Errorf("the audit log has %s", got)
		}
	})
}

// TestATokenOfANewerVersionGivesNothing: a scope that this version cannot read.
func TestATokenOfANewerVersionGivesNothing(t *testing.T) {
	w := newWorld(t)
	secret, token, err := w.CreateToken(t.Context(), access.Operator(), platform.NewToken{Name: "new", Scopes: []string{"shop:viewer"}})
	check(t, err)
	token.Scopes = []string{"shop:root"}
	check(t, w.store.SaveToken(t.Context(), token))
	s, err := w.Authenticate(t.Context(), secret)
	if err != nil || len(s.Grants) != 0 {
		t.Errorf("got %+v, %v", s, err)
	}
	wantCode(t, w.Authorize(t.Context(), s, access.ProjectView, "shop", ""), platform.CodeNotFound)
	if list, err := w.Tokens(t.Context(), subject(t, "shop:admin")); err != nil || len(list) != 0 {
		t.Errorf("an owner of the project manages %+v, %v", list, err)
	}
}

func TestAuthorizeLooksTheTypeUp(t *testing.T) {
	w := newWorld(t)
	_, err := w.store.SaveEnvironment(t.Context(), platform.Environment{Project: "shop", Name: "stage", MachineName: "stage-x", Type: platform.Staging})
	check(t, err)
	dev := subject(t, "shop:development=contributor")
	for env, code := range map[string]platform.Code{
		"main":      platform.CodeForbidden, // production, also before its first push
		"stage":     platform.CodeForbidden,
		"feature/x": "", // becomes a development environment
	} {
		if err := w.Authorize(t.Context(), dev, access.CodePush, "shop", env); platform.ErrorCode(err) != code {
			t.Errorf("push to %s: got %v, want code %q", env, err, code)
		}
	}
	wantCode(t, w.Authorize(t.Context(), dev, access.ProjectView, "other", ""), platform.CodeNotFound)
	wantCode(t, w.Authorize(t.Context(), dev, access.CodePush, "nothere", "x"), platform.CodeNotFound)
	wantCode(t, w.Authorize(t.Context(), access.Operator(), access.CodePush, "nothere", "x"), platform.CodeNotFound)
}

func TestPushesAreAuthorizedBranchByBranch(t *testing.T) {
	w := newWorld(t)
	dev := subject(t, "shop:development=contributor")
	push := func(option string, updates ...platform.RefUpdate) error {
		return w.AuthorizePush(t.Context(), dev, platform.Push{Project: "shop", Updates: updates, Options: map[string]string{"environment.type": option}})
	}
	branch := func(name string) platform.RefUpdate { return platform.RefUpdate{Ref: "refs/heads/" + name, New: "c"} }
	check(t, push("", branch("x"), platform.RefUpdate{Ref: "refs/tags/v1", New: "c"}))
	wantCode(t, push("", branch("x"), branch("main")), platform.CodeForbidden)
	wantCode(t, push("staging", branch("x")), platform.CodeForbidden) // would become a staging environment
	wantCode(t, push("", platform.RefUpdate{Ref: "refs/heads/x", New: platform.ZeroCommit}), platform.CodeForbidden)
	dev = subject(t, "shop:development=admin")
	check(t, push("", platform.RefUpdate{Ref: "refs/heads/x", New: platform.ZeroCommit}))
	if got := w.auditOf(t, "shop"); got != "environment.delete ; " {
		t.Errorf("the audit log has %q", got)
	}
}
