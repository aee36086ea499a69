package manifest

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// project returns the files of an archive as a tree.
func project(tb testing.TB, archive *txtar.Archive) fstest.MapFS {
	tb.Helper()
	tree := fstest.MapFS{}
	for _, f := range archive.Files {
		if f.Name != "want" {
			tree[f.Name] = &fstest.MapFile{Data: f.Data}
		}
	}
	return tree
}

// tree makes a tree of names and texts.
func tree(files ...string) fstest.MapFS {
	out := fstest.MapFS{}
	for i := 0; i+1 < len(files); i += 2 {
		out[files[i]] = &fstest.MapFile{Data: []byte(files[i+1])}
	}
	return out
}

// parsed returns the manifest of a tree that has no mistakes.
func parsed(tb testing.TB, fsys fstest.MapFS) *Manifest {
	tb.Helper()
	m, found := Parse(fsys, testOptions(tb))
	if found.HasErrors() {
		tb.Fatalf("unexpected errors:\n%v", found)
	}
	return m
}

// TestParseProjects compares whole manifests, as JSON, with testdata/valid.
func TestParseProjects(t *testing.T) {
	paths, err := filepath.Glob("testdata/valid/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			m, found := Parse(project(t, archive), testOptions(t))
			if len(found) > 0 {
				t.Errorf("diagnostics of a valid project:\n%v", found)
			}
			var got bytes.Buffer
			if err := writeIndented(&got, m); err != nil {
				t.Fatal(err)
			}
			want := &archive.Files[len(archive.Files)-1]
			if *update {
				want.Data = got.Bytes()
				if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(want.Data), got.String()); diff != "" {
				t.Errorf("manifest (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDefaultRoute(t *testing.T) {
	m := parsed(t, tree(appFile, "name: app\ntype: php:8.2\n"))
	want := &Route{Pos: Position{appFile, 1, 7}, URL: "https://{default}/", Type: "upstream", Upstream: "app", UpstreamEnd: "http"}
	if diff := cmp.Diff([]*Route{want}, m.Routes); diff != "" {
		t.Error(diff)
	}
}

func TestDiscovery(t *testing.T) {
	const app = "name: %\ntype: php:8.2\n"
	named := func(name string) string { return strings.ReplaceAll(app, "%", name) }
	tests := map[string]struct {
		files []string
		want  map[string]string // name -> root
	}{
		"top":         {[]string{".magento.app.yaml", named("a")}, map[string]string{"a": "."}},
		"other name":  {[]string{".platform.app.yaml", named("a")}, map[string]string{"a": "."}},
		"directories": {[]string{"x/.magento.app.yaml", named("a"), "y/z/.platform.app.yaml", named("b")}, map[string]string{"a": "x", "b": "y/z"}},
		"not in dependencies": {
			[]string{".magento.app.yaml", named("a"), "vendor/v/p/.magento.app.yaml", named("b"), "node_modules/p/.magento.app.yaml", named("c"), ".git/.magento.app.yaml", named("d")},
			map[string]string{"a": "."},
		},
		"source root": {[]string{".magento.app.yaml", named("a") + "source: {root: /shop/}\n"}, map[string]string{"a": "shop"}},
		"list":        {[]string{".magento/applications.yaml", "- {name: a, type: 'php:8.2', source: {root: x}}\n- {name: b, type: 'php:8.2'}\n"}, map[string]string{"a": "x", "b": "."}},
		"root":        {[]string{"a/" + appFile, named("a") + "source: {root: /}\n"}, map[string]string{"a": "."}},
		"anchors":     {[]string{".magento/applications.yaml", ".common: &c {type: 'php:8.2'}\na: {<<: *c, source: {root: x}}\nx-y: 1\n"}, map[string]string{"a": "x"}},
		"map":         {[]string{".platform/applications.yaml", "a: {type: 'php:8.2', source: {root: x/y}}\n"}, map[string]string{"a": "x/y"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			fsys := tree(tt.files...)
			fsys[".magento/routes.yaml"] = &fstest.MapFile{Data: []byte("\"https://{default}/\": {type: upstream, upstream: \"a:http\"}\n")}
			got := map[string]string{}
			for _, a := range parsed(t, fsys).Apps {
				got[a.Name] = a.Root
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestIncludes(t *testing.T) {
	m := parsed(t, tree(
		"shop/.magento.app.yaml", "name: app\ntype: php:8.2\nhooks: !include conf/hooks.yaml\nvariables:\n    env:\n"+
			"        TEXT: !include {type: string, path: conf/text}\n        BLOB: !include {type: binary, path: conf/text}\n        TAR: !archive conf\n",
		"shop/conf/hooks.yaml", "build: !include {type: string, path: conf/text}\n",
		"shop/conf/text", "make it\n",
	))
	a := m.App("app")
	if a.Hooks.Build != "make it\n" {
		t.Errorf("hook is %q", a.Hooks.Build)
	}
	env := a.Variables["env"]
	if env["TEXT"] != "make it\n" || env["BLOB"] != "bWFrZSBpdAo=" {
		t.Errorf("variables are %v", env)
	}
	if tar, ok := env["TAR"].(string); !ok || len(tar) < 1000 {
		t.Errorf("archive is %v", env["TAR"])
	}
}

// TestLinks makes sure that nothing outside the tree is read.
func TestLinks(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("password"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	text := "name: app\ntype: php:8.2\nvariables: {env: {A: !include {type: string, path: link}, B: !archive dir}}\n"
	if err := os.WriteFile(filepath.Join(dir, appFile), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"link": secret, "dir": filepath.Dir(secret), "php.ini": secret} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	_, found := Parse(os.DirFS(dir), testOptions(t))
	if n := found.Count(SeverityError); n != 3 {
		t.Errorf("want an error for each of 3 links, got:\n%v", found)
	}
	if strings.Contains(found[0].String(), "password") {
		t.Error("the link was read")
	}
}

// TestBombs makes sure that small files cannot make large documents.
func TestBombs(t *testing.T) {
	var laughs strings.Builder
	laughs.WriteString("a: &a [x, x, x, x, x, x, x, x, x, x]\n")
	for c := 'b'; c <= 'k'; c++ {
		ref := "*" + string(c-1)
		laughs.WriteString(string(c) + ": &" + string(c) + " [" + strings.TrimSuffix(strings.Repeat(ref+", ", 10), ", ") + "]\n")
	}
	tests := map[string]struct{ text, rule string }{
		"laughs":  {laughs.String(), "too-many-values"},
		"depth":   {"a: " + strings.Repeat("[", 5000) + strings.Repeat("]", 5000), "nesting-too-deep"},
		"flow":    {strings.Repeat("[", 200_000), "yaml-syntax"},
		"size":    {"# " + strings.Repeat("x", maxFileSize), "file-too-large"},
		"values":  {strings.Repeat("- a\n", maxValues+1), "too-many-values"},
		"indents": {indents(1000), "nesting-too-deep"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			_, found := Parse(tree(appFile, tt.text), testOptions(t))
			if !found.HasErrors() || !hasRule(found, tt.rule) {
				t.Errorf("want %s, got %v", tt.rule, found)
			}
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
}

func indents(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

func hasRule(ds Diagnostics, rule string) bool {
	for _, d := range ds {
		if d.Rule == rule {
			return true
		}
	}
	return false
}

func TestManyMistakesAreBounded(t *testing.T) {
	_, found := Parse(tree(appFile, "name: app\ntype: php:8.2\n"+strings.Repeat("k: 1\n", 20_000)), testOptions(t))
	if len(found) > 2*maxFindings+1 {
		t.Errorf("%d findings", len(found))
	}
	if last := found[len(found)-1]; last.Rule != "more-findings" {
		t.Errorf("the last finding is %v", last)
	}
}

func TestOptions(t *testing.T) {
	unknown := tree(appFile, "name: app\ntype: php:5.6\n")
	if _, found := Parse(unknown, testOptions(t)); !found.HasErrors() {
		t.Error("an unknown version is accepted")
	}
	opts := testOptions(t)
	opts.AllowUnknownVersions = true
	if m, found := Parse(unknown, opts); m == nil || found.Count(SeverityWarning) != 1 {
		t.Errorf("want one warning, got %v", found)
	}
	if m, found := Parse(unknown, Options{}); m == nil || len(found) > 0 {
		t.Errorf("without a catalog versions are not checked: %v", found)
	}
	part := tree(".magento/services.yaml", "redis: {type: 'redis:8.0'}\n")
	if _, found := Parse(part, Options{Partial: true}); found.HasErrors() {
		t.Errorf("part of a project: %v", found)
	}
	crons := tree(appFile, "name: app\ntype: php:8.2\ncrons: {a: {spec: '* * * * *', cmd: x}}\n")
	if _, found := Parse(crons, Options{CronInterval: 5 * time.Minute}); !hasRule(found, "cron-interval") {
		t.Errorf("a minute is shorter than five: %v", found)
	}
}

func TestParseEnv(t *testing.T) {
	if env, found := ParseEnv(tree()); env != nil || len(found) > 0 {
		t.Errorf("no file: %v, %v", env, found)
	}
	env, found := ParseEnv(tree(envFile, "stage: {build: {SCD_THREADS: 3, SKIP_SCD: }}\nsystem: {variables: {ENV_ROUTES: ROUTES}}\n"))
	if found.HasErrors() {
		t.Fatal(found)
	}
	want := &EnvFile{
		File: envFile, Stage: map[string]map[string]any{"build": {"SCD_THREADS": 3}}, Ordered: map[string]Pairs{"build": {{"SCD_THREADS", 3}}},
		System: map[string]string{"ENV_ROUTES": "ROUTES"},
	}
	if diff := cmp.Diff(want, env); diff != "" {
		t.Error(diff)
	}
}

func TestReadEnvGoesOnBehindWrongVariables(t *testing.T) {
	const text = "stage: {deploy: {SKIP_SCD: 1, SESSION_CONFIGURATION: {save: redis, a: [1, {z: 1.5, b: ~}]}}}\n"
	env, found := ReadEnv(tree(envFile, text))
	if !found.HasErrors() || env == nil {
		t.Fatalf("%v, %v", env, found)
	}
	want := Pairs{{"SKIP_SCD", 1}, {"SESSION_CONFIGURATION", Pairs{{"save", "redis"}, {"a", []any{1, Pairs{{"z", 1.5}, {"b", nil}}}}}}}
	if diff := cmp.Diff(want, env.Ordered["deploy"]); diff != "" {
		t.Error(diff)
	}
	if env, found := ReadEnv(tree(envFile, "stage: [\n")); env != nil || !found.HasErrors() {
		t.Errorf("no YAML: %v, %v", env, found)
	}
	if env, found := ReadEnv(tree()); env != nil || len(found) > 0 {
		t.Errorf("no file: %v, %v", env, found)
	}
}

// TestRawIsJSON makes sure that the document can be handed to applications.
func TestRawIsJSON(t *testing.T) {
	m := parsed(t, tree(appFile, "name: app\ntype: php:8.2\nvariables: {env: {A: .inf, B: 2020-01-01, C: 0x10, D: ~, E: 1e3, 7: x}}\n"))
	got, err := json.Marshal(m.Apps[0].Raw["variables"])
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"env":{"7":"x","A":".inf","B":"2020-01-01","C":16,"D":null,"E":1000}}`
	if string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestWriters(t *testing.T) {
	ds := Diagnostics{
		{Pos: Position{"a.yaml", 3, 4}, Severity: SeverityError, Rule: "unknown-key", Message: "what", Why: "why", Fix: "fix"},
		{Pos: Position{File: "b.yaml"}, Severity: SeverityNotice, Rule: "empty-file", Message: "empty"},
	}
	var report, sarif bytes.Buffer
	for _, err := range []error{WriteJSON(&report, ds), WriteSARIF(&sarif, ds)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []string{"a.yaml:3:4: error: what; why; fix", "b.yaml: notice: empty"} {
		if got := ds[i].String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	var decoded struct {
		Diagnostics []struct{ File, Rule string }
		Errors      int
	}
	if err := json.Unmarshal(report.Bytes(), &decoded); err != nil || decoded.Errors != 1 || decoded.Diagnostics[1].Rule != "empty-file" {
		t.Errorf("report %s: %v", report.String(), err)
	}
	for _, want := range []string{`"version": "2.1.0"`, `"ruleId": "unknown-key"`, `"startLine": 3`, `"level": "note"`} {
		if !strings.Contains(sarif.String(), want) {
			t.Errorf("SARIF lacks %s", want)
		}
	}
}

// TestOnly reads one file of a project and reports nothing about the others.
func TestOnly(t *testing.T) {
	fsys := tree(appFile, "name: app\ntype: php:8.2\nrelationships: {db: 'db:mysql'}\n",
		".magento/services.yaml", "db: {type: 'mysql:10.11', disk: 64}\n", ".magento/routes.yaml", "[\n", "sub/"+envFile, "stage: {bild: {}}\n")
	for file, want := range map[string]string{
		appFile:                  "unknown-service",
		".magento/services.yaml": "disk-too-small",
		".magento/routes.yaml":   "yaml-syntax",
		"sub/" + envFile:         "unknown-stage",
	} {
		_, found := Parse(fsys, Options{Only: file})
		if len(found) != 1 || found[0].Rule != want || found[0].Pos.File != file {
			t.Errorf("%s: got %v, want one %s", file, found, want)
		}
	}
}

// TestEnvOfApplications finds .magento.env.yaml at the root of each application.
func TestEnvOfApplications(t *testing.T) {
	m := parsed(t, tree("a/"+appFile, "name: a\ntype: php:8.2\n", "a/"+envFile, "stage: {build: {SCD_THREADS: 2}}\n",
		"b/"+appFile, "name: b\ntype: php:8.2\n", ".magento/routes.yaml", "'https://{default}/': {type: upstream, upstream: 'a:http'}\n"))
	if m.Env != nil || m.App("b").Env != nil || m.App("a").Env == nil || m.App("a").Env.File != "a/"+envFile {
		t.Errorf("got %v, %v and %v", m.Env, m.App("a").Env, m.App("b").Env)
	}
	if m := parsed(t, tree("a/"+appFile, "name: a\ntype: php:8.2\n", "a/"+envFile, "log: {}\n")); m.Env == nil {
		t.Error("the only application's file is not the project's")
	}
	_, found := Parse(tree("a/"+appFile, "name: a\ntype: php:8.2\n", "a/"+envFile, "stage: {build: {SCD_THREADS: many}}\n"), Options{})
	if !found.HasErrors() || found[0].Pos.File != "a/"+envFile {
		t.Errorf("got %v", found)
	}
}

// TestTree reads files that are not on a disk as it reads those that are.
func TestTree(t *testing.T) {
	fsys, err := Tree(map[string][]byte{
		appFile: []byte("name: app\ntype: php:8.2\nhooks: !include hooks.yaml\n"), "hooks.yaml": []byte("build: make\n"), "composer.json": nil,
	})
	if err != nil {
		t.Fatal(err)
	}
	read := map[string]string{}
	m, found := Parse(fsys, Options{Bare: true, OnRead: func(name string, content []byte) { read[name] = string(content) }})
	if m == nil || m.Apps[0].Hooks.Build != "make" || len(found) > 0 {
		t.Errorf("got %v, %v", m, found)
	}
	if len(read) != 2 || read["hooks.yaml"] != "build: make\n" {
		t.Errorf("read %v", read)
	}
	for _, name := range []string{"", ".", "../x", "/x", "a/../b", "a//b"} {
		if _, err := Tree(map[string][]byte{name: nil}); err == nil {
			t.Errorf("%q is accepted", name)
		}
	}
}

func TestMerge(t *testing.T) {
	a := Diagnostic{Pos: Position{"a", 1, 1}, Severity: SeverityError, Rule: "x", Message: "m"}
	b := Diagnostic{Pos: Position{"a", 2, 1}, Severity: SeverityNotice, Rule: "y", Message: "n"}
	if got := (Diagnostics{b}).Merge(Diagnostics{a, b}); len(got) != 2 || got[0] != a || got[1] != b {
		t.Errorf("got %v", got)
	}
}

// A plan on the server has the configuration files only: it cannot know what is missing.
func TestBareTreeSaysNothingOfOtherFiles(t *testing.T) {
	tree := fstest.MapFS{appFile: {Data: []byte("name: app\ntype: php:8.2\nweb: {locations: {/: {root: web, passthru: /index.php}}}\n")}}
	for _, bare := range []bool{true, false} {
		opts := testOptions(t)
		opts.Bare = bare
		_, found := Parse(tree, opts)
		said := slices.ContainsFunc(found, func(d Diagnostic) bool { return d.Rule == "missing-root" })
		if said == bare {
			t.Errorf("bare=%t: %v", bare, found)
		}
	}
}

// TestVersionIsFilledIn takes the same version whatever the options are: a push, its build
// and a comparison with what runs must agree.
func TestVersionIsFilledIn(t *testing.T) {
	files := tree(appFile, "name: app\ntype: php:8.2\nrelationships: {mq: 'mq:rabbitmq', search: 'search:opensearch'}\n",
		".magento/services.yaml", "mq: {type: rabbitmq, disk: 512}\nsearch: {type: opensearch, disk: 512}\n")
	for _, opts := range []Options{testOptions(t), {Catalog: testOptions(t).Catalog}, {Catalog: testOptions(t).Catalog, AllowUnknownVersions: true, Bare: true}} {
		m, found := Parse(files, opts)
		if m == nil || m.Service("mq").Type.String() != "rabbitmq:4.1" || m.Service("search").Type.String() != "opensearch:3" {
			t.Errorf("got %v, %v", m, found)
		}
	}
}

// TestRoutesToVarnish lead to the application behind it.
func TestRoutesToVarnish(t *testing.T) {
	m := parsed(t, tree(appFile, "name: app\ntype: php:8.2\nrelationships: {cache: 'varnish:http'}\n",
		".magento/services.yaml", "varnish: {type: 'varnish:6.0', relationships: {application: 'app:http'}}\n",
		".magento/routes.yaml", "'https://{default}/': {type: upstream, upstream: 'varnish:http'}\n'https://www.{default}/': {type: redirect, to: 'https://{default}/'}\n"))
	if len(m.Services) > 0 || len(m.Apps[0].Relationships) > 0 || m.Routes[0].Upstream != "app" || m.Routes[1].Upstream != "" {
		t.Errorf("got %v, %v, %+v", m.Services, m.Apps[0].Relationships, m.Routes[0])
	}
}

// TestKeysForAnchors are free at the top of every file.
func TestKeysForAnchors(t *testing.T) {
	m, found := Parse(tree(appFile, "name: app\ntype: php:8.2\nx-anything: [1]\nrelationships: {cache: 'cache:redis'}\n",
		".magento/services.yaml", "x-cache: &cache {type: 'redis:7.2'}\n.other: 1\ncache: *cache\n",
		".magento/routes.yaml", ".app: &app {type: upstream, upstream: 'app:http'}\nx-list: [*app]\n'https://{default}/': *app\n"), testOptions(t))
	if m == nil || len(found) > 0 || len(m.Services) != 1 || len(m.Routes) != 1 {
		t.Errorf("got %v", found)
	}
}

// TestDigits are numbers only where YAML 1.1 says so and nothing is lost.
func TestDigits(t *testing.T) {
	m := parsed(t, tree(appFile, "name: app\ntype: php:8.2\nvariables: {d: {a: 0812345678, b: 00090, c: 123456789012345678901, d: 061, e: 9223372036854775807, f: 9223372036854775808, g: -09, h: 18446744073709551616, i: 0, j: 0.5}}\n"))
	want := map[string]any{"a": "0812345678", "b": "00090", "c": "123456789012345678901", "d": 49, "e": 9223372036854775807, "f": "9223372036854775808", "g": "-09", "h": "18446744073709551616", "i": 0, "j": 0.5}
	if diff := cmp.Diff(want, m.Apps[0].Variables["d"]); diff != "" {
		t.Error(diff)
	}
	env, _ := ReadEnv(tree(envFile, "stage: {deploy: {DATABASE_CONFIGURATION: {p: 0812345678, q: 09}}}\n"))
	if diff := cmp.Diff(Pairs{{"p", "0812345678"}, {"q", "09"}}, env.Ordered["deploy"][0].Value); diff != "" {
		t.Error(diff)
	}
}
