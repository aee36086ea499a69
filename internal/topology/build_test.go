package topology_test

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"sluice/internal/build"
	"sluice/internal/manifest"
	"sluice/internal/platform"
	"sluice/internal/topology"
)

// buildInput is the build of the shop in testdata.
func buildInput(t *testing.T) topology.BuildInput {
	t.Helper()
	archive, err := txtar.ParseFile("testdata/shop.txtar")
	if err != nil {
		t.Fatal(err)
	}
	in := input(t, archive)
	return topology.BuildInput{
		Project: in.Project, App: in.Manifest.Apps[0], Catalog: in.Catalog,
		Base: platform.ImageRef{Ref: "sluice/php", Digest: "sha256:base"}, TreeDigest: "tree", TreeID: "7ee1d",
		Type: platform.Production,
	}
}

func request(t *testing.T, in topology.BuildInput) build.Request {
	t.Helper()
	req, err := topology.Build(in)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func TestBuildSeesNoService(t *testing.T) {
	req := request(t, buildInput(t))
	for name, value := range req.Env {
		for _, forbidden := range []string{"RELATIONSHIPS", "ROUTES", "BRANCH", "ENVIRONMENT"} {
			if strings.HasSuffix(name, forbidden) {
				t.Errorf("the build sees %s=%s", name, value)
			}
		}
	}
	if home, ok := req.Env["HOME"]; ok {
		t.Errorf("HOME=%s: what tools save there would become part of the slug", home)
	}
	if req.Env["CI"] == "" || req.Env["MAGENTO_CLOUD_TREE_ID"] != "7ee1d" || req.Env["GREETING"] != "hello" {
		t.Errorf("variables of the build: %v", req.Env)
	}
}

func TestMountsAreNotInTheSlug(t *testing.T) {
	req := request(t, buildInput(t))
	if want := []string{"app/etc", "pub/media", "pub/static", "var"}; !slices.Equal(req.Mounts, want) {
		t.Errorf("mounts = %v, want %v", req.Mounts, want)
	}
	if !slices.Contains(req.Exclude, ".magento.app.yaml") || slices.Contains(req.Exclude, ".magento.env.yaml") {
		t.Errorf("excluded: %v; the stage file belongs to the application", req.Exclude)
	}
}

// TestKeyNamesWhatChanged: what may not cause a rebuild does not, and what does is named.
func TestKeyNamesWhatChanged(t *testing.T) {
	old := request(t, buildInput(t)).Key
	for _, tt := range []struct {
		name   string
		change func(in *topology.BuildInput)
		want   []string
	}{
		{"nothing", func(*topology.BuildInput) {}, nil},
		{"a cron", func(in *topology.BuildInput) { in.App.Crons[0].Spec = "*/7 * * * *" }, nil},
		{"the deploy hook", func(in *topology.BuildInput) { in.App.Hooks.Deploy = "true" }, nil},
		{"a relationship", func(in *topology.BuildInput) { in.App.Relationships = nil }, nil},
		{"locations", func(in *topology.BuildInput) { in.App.Web.Locations = nil }, nil},
		{"the build hook", func(in *topology.BuildInput) { in.App.Hooks.Build = "true" }, []string{"build hook"}},
		{"the tree", func(in *topology.BuildInput) { in.TreeDigest = "other" }, []string{"source tree"}},
		{"the environment's type", func(in *topology.BuildInput) { in.Type = platform.Staging }, []string{"environment type"}},
		{"the image", func(in *topology.BuildInput) { in.Base.Digest = "sha256:new" }, []string{"runtime image"}},
		{"an extension", func(in *topology.BuildInput) { in.App.Extensions = nil }, []string{"PHP configuration"}},
		{"a mount", func(in *topology.BuildInput) { in.App.Mounts = in.App.Mounts[1:] }, []string{"mounts"}},
		{
			"a build variable", func(in *topology.BuildInput) {
				in.Variables = []platform.Variable{{Name: "env:TOKEN", Value: "x", VisibleBuild: true}}
			}, []string{"variable env:TOKEN"},
		},
		{
			"a runtime variable", func(in *topology.BuildInput) {
				in.Variables = []platform.Variable{{Name: "env:TOKEN", Value: "x", VisibleRuntime: true}}
			}, nil,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := buildInput(t)
			tt.change(&in)
			if got := request(t, in).Key.Changed(old); !slices.Equal(got, tt.want) {
				t.Errorf("changed parts = %v, want %v", got, tt.want)
			}
		})
	}
}

// TestSlugsOfBranchesAreNotForTheLiveSite: the live site's are for everybody.
func TestSlugsOfBranchesAreNotForTheLiveSite(t *testing.T) {
	sums := map[platform.EnvironmentType][]string{}
	for _, kind := range []platform.EnvironmentType{platform.Production, platform.Staging, platform.Development, ""} {
		in := buildInput(t)
		in.Type = kind
		req := request(t, in)
		if protected := req.Scope == build.ScopeProtected; protected != (kind == platform.Production) {
			t.Errorf("%q has the scope %q", kind, req.Scope)
		}
		for _, k := range topology.ReusableKeys(req.Key) {
			sums[kind] = append(sums[kind], k.Sum())
		}
	}
	production := sums[platform.Production]
	if len(production) != 1 {
		t.Fatalf("the live site may use %d slugs, want its own only", len(production))
	}
	for kind, keys := range sums {
		if kind != platform.Production && (len(keys) != 2 || keys[0] == production[0] || keys[1] != production[0]) {
			t.Errorf("%q uses %v; the live site's is %v", kind, keys, production)
		}
	}
	if sums[platform.Staging][0] == sums[platform.Development][0] || sums[""][0] != sums[platform.Development][0] {
		t.Errorf("scopes are not apart: %v", sums)
	}
}

func TestKeyHoldsNoSecret(t *testing.T) {
	in := buildInput(t)
	in.Variables = []platform.Variable{{Name: "env:TOKEN", Value: "s3cr3t", VisibleBuild: true}}
	for _, p := range request(t, in).Key.Parts {
		if strings.Contains(p.Value, "s3cr3t") {
			t.Errorf("part %q holds the secret", p.Name)
		}
	}
}

// TestBuildKnowsTheOtherHooks: ece-tools asks during a build whether the application has a
// post_deploy hook that runs it.
func TestBuildKnowsTheOtherHooks(t *testing.T) {
	in := buildInput(t)
	in.App.Hooks = manifest.Hooks{Build: "true", Deploy: "bin/shop migrate", PostDeploy: "set -e; ece-tools run scenario/post-deploy.xml"}
	before := request(t, in)
	hooks := func(req build.Request) map[string]any {
		raw, err := base64.StdEncoding.DecodeString(req.Env["MAGENTO_CLOUD_APPLICATION"])
		if err != nil {
			t.Fatal(err)
		}
		var app struct{ Hooks map[string]any }
		if err := json.Unmarshal(raw, &app); err != nil {
			t.Fatal(err)
		}
		return app.Hooks
	}
	want := map[string]any{"build": "true", "deploy": ":", "post_deploy": "php ./vendor/bin/ece-tools run"}
	if got := hooks(before); !maps.Equal(got, want) {
		t.Errorf("hooks = %v, want %v", got, want)
	}
	in.App.Hooks.Deploy, in.App.Hooks.PostDeploy = "", "ece-tools run scenario/post-deploy.xml"
	after := request(t, in)
	if got := hooks(after)["deploy"]; got != nil {
		t.Errorf("deploy hook that is not there = %v", got)
	}
	if changed := after.Key.Changed(before.Key); len(changed) > 0 {
		t.Errorf("other hooks changed the key: %v", changed)
	}
}

// TestBuildsThatUseOtherLanguagesGetTheirTools: the slug's runtime image stays small.
func TestBuildsThatUseOtherLanguagesGetTheirTools(t *testing.T) {
	for name, tt := range map[string]struct {
		hook         string
		dependencies []manifest.Dependency
		want         bool
	}{
		"composer only":      {hook: "composer install", dependencies: []manifest.Dependency{{Language: "php", Package: "composer/composer"}}},
		"words, no commands": {hook: "echo make sure\n# npm ci\nrm -rf node_modules"},
		"npm":                {hook: "set -e\ncd theme && npm ci && npm run build", want: true},
		"gulp of a package":  {hook: "./node_modules/.bin/gulp styles", want: true},
		"in another shell":   {hook: "bash -c 'npx tailwindcss -o x.css'", want: true},
		"nodejs":             {dependencies: []manifest.Dependency{{Language: "nodejs", Package: "sass"}}, want: true},
		"ruby":               {dependencies: []manifest.Dependency{{Language: "ruby", Package: "sass"}}, want: true},
	} {
		t.Run(name, func(t *testing.T) {
			in := buildInput(t)
			in.App.Hooks.Build, in.App.Dependencies = tt.hook, tt.dependencies
			img, ok := topology.ToolsImage(in.Catalog, in.App)
			if ok != tt.want || img.Name != "php-8.2-build" {
				t.Errorf("image %s, %t", img.Name, ok)
			}
			without := request(t, in)
			in.Tools = platform.ImageRef{Ref: "tools", Digest: "sha256:tools"}
			with := request(t, in)
			if changed := with.Key.Changed(without.Key); !slices.Equal(changed, []string{topology.KeyToolsImage}) || with.Tools.Ref != "tools" {
				t.Errorf("the tools change %v of the key; request %+v", changed, with.Tools)
			}
		})
	}
}

// TestDependenciesAreInstalledByTheirOwnTools: constraints are written as each tool has them.
func TestDependenciesAreInstalledByTheirOwnTools(t *testing.T) {
	in := buildInput(t)
	in.App.Dependencies = []manifest.Dependency{
		{Language: "nodejs", Package: "gulp-cli", Constraint: "^2.3"},
		{Language: "nodejs", Package: "node", Constraint: "20"},
		{Language: "python3", Package: "awscli", Constraint: "1.2"},
		{Language: "python3", Package: "pip-tools", Constraint: "*"},
		{Language: "ruby", Package: "sass", Constraint: "3.4.7"},
		{Language: "ruby", Package: "compass", Constraint: "*"},
		{Language: "php", Package: "drush/drush", Constraint: "^8"},
	}
	script := request(t, in).Steps[0].Script
	for _, want := range []string{
		"npm install --no-audit --no-fund --prefix /app/.global 'gulp-cli@^2.3'\n", "'node@20'\n",
		"--no-warn-script-location 'awscli==1.2'\n", "--no-warn-script-location 'pip-tools'\n",
		"gem install --no-document 'sass' -v '3.4.7'\n", "gem install --no-document 'compass'\n",
		"global require --no-progress 'drush/drush:^8'\n",
	} {
		if !strings.Contains(script, want) {
			t.Errorf("no %q in\n%s", want, script)
		}
	}
}
