package hal_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"sluice/internal/access"
	"sluice/internal/hal"
	"sluice/internal/platform"
)

var update = flag.Bool("update", false, "rewrite testdata")

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func view(t *testing.T, scope string) hal.View {
	t.Helper()
	grant, err := access.ParseGrant(scope)
	if err != nil {
		t.Fatal(err)
	}
	return hal.View{
		Subject: access.Subject{Actor: platform.Actor{ID: "jo"}, Grants: []access.Grant{grant}},
		Project: platform.Project{ID: "shop", Title: "Example shop", DefaultBranch: "main", Entropy: "never-shown", CreatedAt: noon, UpdatedAt: noon},
		Site: hal.Site{
			RepositoryURL: func(project string) string { return "https://sluice.test/" + project + ".git" },
			SSHHost:       "ssh.sluice.test", GitHost: "git.sluice.test",
		},
	}
}

func production() hal.Environment {
	return hal.Environment{
		Environment: platform.Environment{
			Project: "shop", Name: "main", MachineName: "main-abcdefg", Type: platform.Production, Status: platform.EnvironmentDirty,
			HeadCommit: "1f", Release: "r2", Subnet: "10.0.0.0/24", CreatedAt: noon, UpdatedAt: noon, DeployedAt: noon,
			Settings: platform.EnvironmentSettings{HTTPAccess: &platform.HTTPAccess{Enabled: true, Users: map[string]string{"jo": "never-shown"}}},
		},
		DefaultDomain: "www.example.com", Busy: true,
		Deployment: platform.Deployment{
			Release: "r2", Commit: "1f", At: noon,
			Apps: []platform.DeployedApp{{Name: "app", Config: json.RawMessage(
				`{"type":"php:8.3","disk":0,"variables":{"env":{"A":"b"}},"mounts":null,` +
					`"workers":{"queue":{"size":"L","disk":64,"variables":{"env":{"C":"d"}},"commands":{"start":"run"}},"mail":{"mounts":{"/x":{"source":"tmp"}}}}}`,
			)}},
			Workers:  []platform.DeployedWorker{{Name: "app--mail", App: "app"}, {Name: "app--queue", App: "app"}, {Name: "old--gone", App: "old"}},
			Services: []platform.DeployedService{{Name: "db", Type: "mysql:10.11", Size: "S", Disk: 512, Configuration: map[string]any{"schemas": []string{"main"}}}, {Name: "cache", Type: "redis:7.2"}},
			Routes: []platform.Route{
				{URL: "http://www.example.com/", OriginalURL: "http://{default}/", Type: platform.RouteRedirect, To: "https://www.example.com/"},
				{URL: "https://www.example.com/", OriginalURL: "https://{default}/", Type: platform.RouteUpstream, Upstream: "app", Primary: true, ID: "shop", Attributes: map[string]string{"a": "b"}},
			},
		},
	}
}

// objects renders everything that has links, for a scope.
func objects(t *testing.T, scope string) []txtar.File {
	t.Helper()
	v := view(t, scope)
	main := production()
	empty := hal.Environment{Environment: platform.Environment{
		Project: "shop", Name: "feature/x", Type: platform.Development, Status: platform.EnvironmentInactive, Parent: "main",
	}}
	deployed, err := v.DeploymentObject(main)
	if err != nil {
		t.Fatal(err)
	}
	nothing, err := v.DeploymentObject(empty)
	if err != nil {
		t.Fatal(err)
	}
	secret := platform.Variable{Name: "env:KEY", Value: "never-shown", Environment: "main", Sensitive: true, Inheritable: true, Enabled: true}
	var files []txtar.File
	for _, o := range []struct {
		name   string
		object any
	}{
		{"project", v.ProjectObject()},
		{"project-settings", v.Settings()},
		{"capabilities", v.Capabilities()},
		{"environment", v.EnvironmentObject(main)},
		{"environment-inactive", v.EnvironmentObject(empty)},
		{"environment-settings", v.EnvironmentSettings(main.Environment)},
		{"deployment", deployed},
		{"deployment-of-nothing", nothing},
		{"activity-running", v.Activity(platform.Activity{
			ID: "act1", Type: platform.ActivityPush, Project: "shop", Environment: "main", State: platform.ActivityInProgress,
			Description: "**Jo** pushed to **<main>**", Cancellable: true, CreatedAt: noon, StartedAt: noon,
		}, platform.Production)},
		{"activity-cancelled", v.Activity(platform.Activity{
			ID: "act2", Type: platform.ActivityRedeploy, Project: "shop", Environment: "main", State: platform.ActivityCancelled,
			CreatedAt: noon, CompletedAt: noon, Completion: 100,
		}, platform.Production)},
		{"variable-of-the-project", v.Variable(platform.Variable{Name: "env:MODE", Value: "a", VisibleBuild: true, Enabled: true}, platform.Environment{})},
		{"variable-sensitive", v.Variable(secret, main.Environment)},
		{"variable-inherited", v.Variable(secret, empty.Environment)},
		{"domain-unverified", v.Domain(platform.Domain{Project: "shop", Name: "www.example.com", Challenge: "text", CreatedAt: noon}, nil)},
		{"certificate", v.Certificate(platform.Certificate{
			ID: "c1", Project: "shop", Certificate: "PEM", Key: "never-shown", Domains: []string{"www.example.com"}, ExpiresAt: noon, CreatedAt: noon,
		}, noon)},
		{"certificate-not-yet-there", v.CertificateStatus(platform.CertificateStatus{Host: "www.example.com", Source: "acme", Problem: "no DNS"})},
		{"commit", v.Commit(platform.Commit{ID: "1f", Tree: "2f", Message: "caf\xe9", Author: platform.Signature{Name: "Jo", Email: "jo@example.com", Time: noon}})},
		{"tree", v.Directory("2f", []platform.TreeEntry{{Name: "README", Mode: "100644", Type: "blob", ID: "3f"}})},
		{"blob", v.Blob("3f", []byte("Hello\n"))},
		{"ref", v.Ref(platform.Ref{Name: "refs/heads/feature/x", Commit: "1f"})},
	} {
		data, err := json.MarshalIndent(o.object, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(data, []byte("never-shown")) {
			t.Errorf("%s shows a secret:\n%s", o.name, data)
		}
		files = append(files, txtar.File{Name: o.name, Data: append(data, '\n')})
	}
	return files
}

// TestObjects compares each object, as an admin and as a viewer of the project see it.
func TestObjects(t *testing.T) {
	for name, scope := range map[string]string{"admin": "shop:admin", "viewer": "shop:viewer"} {
		t.Run(name, func(t *testing.T) {
			got := txtar.Format(&txtar.Archive{Comment: []byte("What " + scope + " sees.\n"), Files: objects(t, scope)})
			file := "testdata/" + name + ".txtar"
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("objects (-want +got):\n%s", diff)
			}
		})
	}
}
