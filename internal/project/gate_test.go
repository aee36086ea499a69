package project_test

import (
	"testing"

	"sluice/internal/access"
	"sluice/internal/platform"
)

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

// TestRehearsingAPushNeedsARoleOnProduction: its data and its variables go to the pushed code.
func TestRehearsingAPushNeedsARoleOnProduction(t *testing.T) {
	w := newWorld(t)
	push := platform.Push{
		Project: "shop", Updates: []platform.RefUpdate{{Ref: "refs/heads/x", New: "c"}}, Options: map[string]string{platform.OptionRehearse: "true"},
	}
	wantCode(t, w.AuthorizePush(t.Context(), subject(t, "shop:development=contributor"), push), platform.CodeForbidden)
	check(t, w.AuthorizePush(t.Context(), subject(t, "shop:development=contributor,production=contributor"), push))
}
