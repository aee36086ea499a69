package httpapi_test

import (
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/account"
	"sluice/internal/httpapi"
	"sluice/internal/httpapi/httpapitest"
	"sluice/internal/platform"
)

// public are the routes that need no log-in.
var public = []string{
	"GET /api/version", "GET /cli/{file}", "GET /api/ssh/authority", "GET /api/oauth2/authorize", "POST /api/oauth2/authorize",
	"POST /api/oauth2/token", "POST /api/oauth2/revoke", "POST /api/oauth2/provider/{provider}", "GET /api/oauth2/callback/{provider}",
	"POST /api/oauth2/continue", "GET /api/invitations/{secret}", "POST /api/invitations/{secret}",
	"POST /api/invitations/{secret}/provider/{provider}",
}

// ofEverybody are the routes about the caller itself.
var ofEverybody = []string{
	"GET /api/users/me", "GET /api/me", "POST /api/me/verification", "GET /api/tokens", "POST /api/tokens", "GET /api/projects",
	"POST /api/ssh_keys", "POST /api/ssh", "POST /api/users/me/password", "POST /api/users/me/factor", "POST /api/users/me/factor/confirm",
	"POST /api/users/me/factor/remove",
}

// resources are what the variables of routes stand for in the matrix.
var resources = map[string]string{
	"project": "shop", "user": "cora", "type": "staging", "token": "token-of-rita", "key": "1", "variable": "env:MODE", "domain": "www.example.com",
	"file": "config.yaml", "activity": "act-push-good", "invitation": "invitation-1", "secret": invitationSecret, "provider": "corp",
}

// environments are one of each type, with an activity.
var environments = []struct{ letter, name, activity string }{
	{"p", "main", "act-push-good"}, {"s", "stage", "act-push-bad"}, {"d", "feature%2Fx", "act-of-x"},
}

var variableOfRoute = regexp.MustCompile(`\{(\w+)(\.\.\.)?\}`)

// matrixStranger is the token of a user without any role.
const matrixStranger = "stranger-token"

// TestEveryRouteWithEveryRole goes through all routes with the tokens of all roles and writes
// down who is let in: y, or p, s and d for production, staging and development; "?" is a
// resource that nobody has here. A route that is not named as public refuses requests
// without a token, and lets nobody in who has no role.
func TestEveryRouteWithEveryRole(t *testing.T) {
	roles := []string{"", matrixStranger, httpapitest.Reader, httpapitest.Contributor, httpapitest.Owner, httpapitest.Admin}
	var b strings.Builder
	fmt.Fprintf(&b, "%-76s %-5s %-8s %-6s %-11s %-5s %s\n", "route", "none", "stranger", "viewer", "contributor", "owner", "admin")
	patterns := httpapi.Patterns(newHandler(httpapitest.New(), io.Discard))
	slices.Sort(patterns)
	if len(patterns) < 80 {
		t.Fatalf("only %d routes were found", len(patterns))
	}
	for _, pattern := range patterns {
		cells := make([]string, len(roles))
		for i, token := range roles {
			cells[i] = letIn(t, pattern, token)
		}
		if open := cells[0] != "-" && cells[0] != "---"; open != slices.Contains(public, pattern) {
			t.Errorf("%s without a token: %s", pattern, cells[0])
		}
		if open := strings.Trim(cells[1], "-?") != ""; open != (slices.Contains(public, pattern) || slices.Contains(ofEverybody, pattern)) {
			t.Errorf("%s with no role: %s", pattern, cells[1])
		}
		fmt.Fprintf(&b, "%-76s %-5s %-8s %-6s %-11s %-5s %s\n", pattern, cells[0], cells[1], cells[2], cells[3], cells[4], cells[5])
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
		t.Errorf("the matrix has changed; is that what you want? Then: go test ./internal/httpapi -run EveryRoute -update\n%s", diff)
	}
}

// letIn asks for a route, of one environment of each type where it is about one.
func letIn(t *testing.T, pattern, token string) string {
	t.Helper()
	if !strings.Contains(pattern, "{environment}") {
		return letInAt(t, fill(pattern, resources), token, "y")
	}
	var out strings.Builder
	for _, env := range environments {
		with := maps.Clone(resources)
		with["environment"], with["activity"] = env.name, env.activity
		out.WriteString(letInAt(t, fill(pattern, with), token, env.letter))
	}
	return out.String()
}

func fill(pattern string, with map[string]string) string {
	return variableOfRoute.ReplaceAllStringFunc(pattern, func(v string) string {
		name := variableOfRoute.FindStringSubmatch(v)[1]
		if value := with[name]; value != "" {
			return value
		}
		return strings.Repeat("a", 40)
	})
}

// letInAt asks a platform of its own and tells a refusal from all other answers.
func letInAt(t *testing.T, request, token, yes string) string {
	t.Helper()
	p := httpapitest.New()
	seed(p)
	p.AddActivity(platform.Activity{ID: "act-of-x", Environment: "feature/x"}, "Done")
	p.Finish("act-of-x", "success")
	p.AddUser("stranger", matrixStranger)
	p.Providers = []account.Provider{&httpapitest.Provider{ID: "corp"}}
	p.AddInvitation("invitation-1", "new@example.com", invitationSecret)
	h := newHandler(p, io.Discard)
	status := func(token string) string {
		got, _, _ := strings.Cut(answer(t, h, request+" "+token+"\n{}"), " ")
		return got
	}
	switch got := status(token); got {
	case "401", "403":
		return "-"
	case "404":
		if token != "" && status(httpapitest.Admin) != "404" {
			return "-" // hidden
		}
		return "?"
	default:
		return yes
	}
}
