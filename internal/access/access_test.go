package access_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/access"
	"sluice/internal/platform"
)

var update = flag.Bool("update", false, "rewrite testdata")

func subject(t *testing.T, scopes ...string) access.Subject {
	t.Helper()
	s := access.Subject{Actor: platform.Actor{ID: "jo", Name: "Jo"}}
	for _, scope := range scopes {
		g, err := access.ParseGrant(scope)
		if err != nil {
			t.Fatal(err)
		}
		s.Grants = append(s.Grants, g)
	}
	return s
}

// TestMatrix writes down for every scope, permission and type of environment whether it is
// allowed: p, s and d for production, staging and development of the own project.
func TestMatrix(t *testing.T) {
	scopes := []string{
		"*:admin", "*:viewer", "shop:admin", "shop:viewer", "shop:production=viewer", "shop:development=admin",
		"shop:staging=contributor,development=contributor", "*:development=contributor", "other:admin",
	}
	permissions := access.Permissions()
	slices.Sort(permissions)
	var b strings.Builder
	for _, scope := range scopes {
		fmt.Fprintf(&b, "# %s\n", scope)
		s := subject(t, scope)
		for _, p := range permissions {
			fmt.Fprintf(&b, "%-28s %s\n", p, allowed(s, p))
		}
	}
	const file = "testdata/matrix.txt"
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Error(diff)
	}
}

func allowed(s access.Subject, p access.Permission) string {
	if !p.OnEnvironment() {
		if s.Allows(p, "shop", "") {
			return "yes"
		}
		return "-"
	}
	var out strings.Builder
	for _, kind := range []platform.EnvironmentType{platform.Production, platform.Staging, platform.Development} {
		if s.Allows(p, "shop", kind) {
			out.WriteString(string(kind[:1]))
		} else {
			out.WriteByte('-')
		}
	}
	return out.String()
}

// TestRolesAreOrdered: more is never less, on any type and for any permission.
func TestRolesAreOrdered(t *testing.T) {
	kinds := []platform.EnvironmentType{platform.Production, platform.Staging, platform.Development}
	for _, order := range [][]string{
		{"shop:production=viewer", "shop:production=contributor", "shop:production=admin", "shop:admin", "*:admin"},
		{"shop:development=viewer", "shop:viewer", "shop:admin"},
		{"shop:viewer", "*:viewer", "*:admin"},
	} {
		for i := 1; i < len(order); i++ {
			less, more := subject(t, order[i-1]), subject(t, order[i])
			for _, p := range access.Permissions() {
				for _, kind := range kinds {
					if less.Allows(p, "shop", kind) && !more.Allows(p, "shop", kind) {
						t.Errorf("%s has %s on %s, and %s does not", order[i-1], p, kind, order[i])
					}
				}
			}
		}
	}
}

func TestNothingIsAllowedByDefault(t *testing.T) {
	for _, p := range append(access.Permissions(), "no.such.permission") {
		if subject(t).Allows(p, "shop", platform.Development) || subject(t, "other:admin").Allows(p, "shop", platform.Development) {
			t.Errorf("%s is allowed without a grant", p)
		}
	}
	if access.Operator().Allows("no.such.permission", "shop", platform.Production) {
		t.Error("an unknown permission is allowed")
	}
}

func TestScopesAreReadAsTheyAreWritten(t *testing.T) {
	for _, text := range []string{"*:admin", "shop:viewer", "shop:development=contributor,production=viewer", "*:staging=admin"} {
		g, err := access.ParseGrant(text)
		if err != nil || g.String() != text {
			t.Errorf("%q was read as %q, %v", text, g, err)
		}
	}
	for _, text := range []string{
		"", "shop", "shop:", "shop:contributor", "shop:owner", "Shop:admin", "shop:production", "shop:production=owner",
		"shop:production=", "shop:live=viewer", "shop:production=viewer,production=admin", "shop:admin,viewer", "*", ":admin", "shop:production=viewer,",
	} {
		g, err := access.ParseGrant(text)
		if platform.ErrorCode(err) != platform.CodeInvalid || platform.ErrorHint(err) == "" {
			t.Errorf("%q was read as %q, %v", text, g, err)
		}
	}
}

func TestOnlyAdminsGrant(t *testing.T) {
	grant := func(text string) access.Grant { return subject(t, text).Grants[0] }
	for _, test := range []struct {
		scope, grant string
		want         bool
	}{
		{"*:admin", "*:admin", true},
		{"*:admin", "shop:admin", true},
		{"shop:admin", "shop:admin", true},
		{"shop:admin", "*:viewer", false},
		{"shop:admin", "other:viewer", false},
		{"shop:development=admin", "shop:development=viewer", false},
		{"*:viewer", "shop:viewer", false},
	} {
		if got := subject(t, test.scope).Covers(grant(test.grant)); got != test.want {
			t.Errorf("%s gives %s: %t, want %t", test.scope, test.grant, got, test.want)
		}
	}
}

func TestRefusalsNameTheScopeThatIsMissing(t *testing.T) {
	for _, p := range access.Permissions() {
		err := access.Subject{}.Require(p, "shop", platform.Staging)
		_, scope, _ := strings.Cut(platform.ErrorHint(err), "the scope ")
		g, parseErr := access.ParseGrant(scope)
		if platform.ErrorCode(err) != platform.CodeForbidden || parseErr != nil {
			t.Errorf("%s: %v (hint %q): %v", p, err, platform.ErrorHint(err), parseErr)
			continue
		}
		if s := (access.Subject{Grants: []access.Grant{g}}); !s.Allows(p, "shop", platform.Staging) {
			t.Errorf("%s: the scope %s of the hint does not allow it", p, scope)
		}
	}
}

func TestStatesDecide(t *testing.T) {
	project := platform.Project{ID: "shop", DefaultBranch: "main"}
	env := func(name string, status platform.EnvironmentStatus, head, release string) platform.Environment {
		return platform.Environment{Project: "shop", Name: name, Status: status, HeadCommit: head, Release: release}
	}
	states := map[string]platform.Environment{
		"production": env("main", platform.EnvironmentActive, "c", "r1"),
		"active":     env("stage", platform.EnvironmentActive, "c", "r1"),
		"paused":     env("stage", platform.EnvironmentPaused, "c", "r1"),
		"dirty":      env("stage", platform.EnvironmentDirty, "c", "r1"),
		"undeployed": env("stage", platform.EnvironmentActive, "c", ""),
		"inactive":   env("x", platform.EnvironmentInactive, "c", ""),
		"empty":      env("x", platform.EnvironmentInactive, "", ""),
	}
	for p, want := range map[access.Permission]string{
		access.Redeploy:     "active dirty paused production undeployed",
		access.Rollback:     "active dirty paused production",
		access.Activate:     "inactive",
		access.Pause:        "active",
		access.Resume:       "paused",
		access.Deactivate:   "active dirty paused undeployed",
		access.BranchDelete: "active dirty empty inactive paused undeployed",
		access.Exec:         "active dirty production",
		access.LogsView:     "active dirty production undeployed",
		access.CodePush:     "active dirty empty inactive paused production undeployed",
	} {
		var got []string
		for name, env := range states {
			err := access.State(p, project, env)
			if err == nil {
				got = append(got, name)
			} else if code := platform.ErrorCode(err); code != platform.CodeConflict && code != platform.CodeForbidden {
				t.Errorf("%s of %s: %v", p, name, err)
			}
		}
		slices.Sort(got)
		if strings.Join(got, " ") != want {
			t.Errorf("%s is possible for %v, want %s", p, got, want)
		}
	}
}
