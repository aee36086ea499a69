package manifest

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"
)

// fuzzFile runs Parse over mutations of one file. It must neither crash nor hang, the
// result must be the same every time, every finding must have its file and message, and
// a manifest must be fit for JSON. Memory stays in proportion to the input.
func fuzzFile(f *testing.F, name, archive string) {
	f.Helper()
	a, err := txtar.ParseFile(filepath.Join("testdata", "mistakes", archive+".txtar"))
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range a.Files {
		if file.Name != "want" {
			f.Add(unescape(file.Data))
		}
	}
	valid, err := txtar.ParseFile("testdata/valid/shop.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range valid.Files {
		if file.Name == name {
			f.Add(file.Data)
		}
	}
	base := project(f, valid)
	opts := testOptions(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		fsys := maps.Clone(base)
		fsys[name] = &fstest.MapFile{Data: data}
		m, found := parseBounded(t, fsys, opts)
		if (m == nil) != found.HasErrors() {
			t.Fatalf("manifest %v with %v", m, found)
		}
		for _, d := range found {
			if d.Message == "" || d.Rule == "" || d.Pos.File == "" && d.Rule != "more-findings" {
				t.Errorf("finding %#v", d)
			}
		}
		if _, err := json.Marshal(m); err != nil {
			t.Error(err)
		}
		if _, again := Parse(fsys, opts); fmt.Sprint(again) != fmt.Sprint(found) {
			t.Errorf("first %v\nthen %v", found, again)
		}
	})
}

func FuzzApplication(f *testing.F) { fuzzFile(f, appFile, "application") }
func FuzzYAML(f *testing.F) {
	for _, text := range []string{"a: &a {k: 1}\nb: [{<<: *a}, {<<: [*a, {<<: *a}]}]\n", "a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]\n", "a: &a xxxxxxxxxx\n*a : *a\n"} {
		f.Add([]byte(text))
	}
	fuzzFile(f, appFile, "yaml")
}
func FuzzServices(f *testing.F) { fuzzFile(f, ".magento/services.yaml", "services") }
func FuzzRoutes(f *testing.F)   { fuzzFile(f, ".magento/routes.yaml", "routes") }
func FuzzClone(f *testing.F)    { fuzzFile(f, SluiceFile, "sluice") }
func FuzzEnv(f *testing.F)      { fuzzFile(f, envFile, "env") }

func FuzzApplications(f *testing.F) {
	f.Add([]byte("- {name: a, type: 'php:8.2', source: {root: /x}}\n"))
	f.Add([]byte(".c: &c {type: 'php:8.2'}\nb: {<<: *c, hooks: !include x.yaml}\n"))
	fuzzFile(f, ".magento/applications.yaml", "application")
}

// FuzzInclude mutates a file that others include, in all three ways.
func FuzzInclude(f *testing.F) {
	for _, text := range []string{"deploy: make\n", "a: &a {b: *a}\n", "!include include.yaml\n", "\xff\xfe", "%YAML 1.2\n---\n"} {
		f.Add([]byte(text))
	}
	app := "name: a\ntype: php:8.2\nhooks: !include include.yaml\nvariables: {env: {A: !include {type: string, path: include.yaml}, B: !include {type: binary, path: include.yaml}, C: !archive dir}}\n"
	f.Fuzz(func(t *testing.T, data []byte) {
		fsys := tree(appFile, app, "include.yaml", string(data), "dir/x", string(data))
		m, found := parseBounded(t, fsys, Options{})
		if (m == nil) != found.HasErrors() {
			t.Fatalf("manifest %v with %v", m, found)
		}
	})
}

// FuzzCompare compares a project with what a mutation makes of it: whatever data would be
// left behind, the result is stable, and a project loses nothing to itself.
func FuzzCompare(f *testing.F) {
	archive, err := txtar.ParseFile("testdata/valid/shop.txtar")
	if err != nil {
		f.Fatal(err)
	}
	base := project(f, archive)
	for _, file := range []string{appFile, ".magento/services.yaml"} {
		f.Add(base[file].Data, file == appFile)
	}
	old, _ := Parse(base, testOptions(f))
	f.Fuzz(func(t *testing.T, data []byte, application bool) {
		fsys := maps.Clone(base)
		fsys[map[bool]string{true: appFile, false: ".magento/services.yaml"}[application]] = &fstest.MapFile{Data: data}
		now, _ := Parse(fsys, testOptions(t))
		if found := Compare(now, now); now != nil && len(found) > 0 {
			t.Errorf("a project differs from itself: %v", found)
		}
		if found := Compare(old, now); found.Acknowledge().HasErrors() && !found.HasErrors() {
			t.Errorf("acknowledging makes it worse: %v", found)
		}
	})
}

func FuzzCron(f *testing.F) {
	for _, spec := range []string{"*/5 * * * *", "0/30 1-5 * jan mon", "H(1-3) * * * *", "@daily"} {
		f.Add(spec)
	}
	f.Fuzz(func(t *testing.T, spec string) {
		s, err := parseCron(spec)
		if err == nil && (len(s.minutes) == 0 || len(s.hours) == 0 || s.interval() < 1) {
			t.Errorf("%q gives %+v", spec, s)
		}
		s.impossible()
	})
}

func FuzzExpression(f *testing.F) {
	for _, pattern := range []string{`^/(?<a>.*)$`, `[[:alpha:]]`, `\Qa\E`, `(?!x)*`} {
		f.Add(pattern)
	}
	f.Fuzz(func(_ *testing.T, pattern string) { wrongExpression(pattern) })
}
