package manifest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"
)

// fuzzFile runs Parse over mutations of one file. It must neither crash nor hang, the
// result must be the same every time, every finding must have its file and message, and
// a manifest must be fit for JSON.
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
		m, found := Parse(fsys, opts)
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
func FuzzYAML(f *testing.F)        { fuzzFile(f, appFile, "yaml") }
func FuzzServices(f *testing.F)    { fuzzFile(f, ".magento/services.yaml", "services") }
func FuzzRoutes(f *testing.F)      { fuzzFile(f, ".magento/routes.yaml", "routes") }
func FuzzEnv(f *testing.F)         { fuzzFile(f, envFile, "env") }

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
		m, found := Parse(fsys, Options{})
		if (m == nil) != found.HasErrors() {
			t.Fatalf("manifest %v with %v", m, found)
		}
	})
}

// FuzzCompare compares a project with what a mutation makes of it: whatever data would be
// left behind, the answer is stable, and a project loses nothing to itself.
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
			t.Errorf("a project loses to itself: %v", found)
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

// large is a project of four files and about 2,000 lines.
func large(b *testing.B) fstest.MapFS {
	b.Helper()
	var app, services, routes, env bytes.Buffer
	app.WriteString("name: app\ntype: php:8.2\ndisk: 2048\nhooks:\n    build: |\n" + strings.Repeat("        make all\n", 100) + "web:\n    locations:\n")
	for i := range 80 {
		fmt.Fprintf(&app, "        \"/l%d\":\n            root: pub/l%d\n            allow: false\n            rules:\n                '\\.(css|js%d)$':\n                    allow: true\n", i, i, i)
	}
	app.WriteString("crons:\n")
	for i := range 50 {
		fmt.Fprintf(&app, "    c%d:\n        spec: \"%d * * * *\"\n        cmd: run %d\n", i, i, i)
	}
	app.WriteString("relationships:\n")
	for i := range 40 {
		fmt.Fprintf(&app, "    r%d: \"s%d:mysql\"\n", i, i)
		fmt.Fprintf(&services, "s%d:\n    type: mysql:10.11\n    disk: 1024\n    configuration:\n        schemas: [main]\n", i)
	}
	for i := range 120 {
		fmt.Fprintf(&routes, "\"https://shop%d.example.com/\":\n    type: upstream\n    upstream: \"app:http\"\n    cache:\n        enabled: true\n", i)
	}
	env.WriteString("stage:\n  build:\n    SCD_THREADS: 4\n    SCD_MATRIX:\n")
	for i := range 100 {
		fmt.Fprintf(&env, "      \"Vendor/theme%d\":\n        language: [en_US, de_DE]\n", i)
	}
	return fstest.MapFS{
		appFile: {Data: app.Bytes()}, ".magento/services.yaml": {Data: services.Bytes()},
		".magento/routes.yaml": {Data: routes.Bytes()}, envFile: {Data: env.Bytes()},
	}
}

func BenchmarkParseLarge(b *testing.B) {
	fsys, opts := large(b), testOptions(b)
	lines := 0
	for _, f := range fsys {
		lines += bytes.Count(f.Data, []byte("\n"))
	}
	if _, found := Parse(fsys, opts); found.HasErrors() {
		b.Fatal(found)
	}
	b.ReportAllocs()
	for b.Loop() {
		Parse(fsys, opts)
	}
	b.ReportMetric(float64(lines), "lines")
}

func BenchmarkParseUsual(b *testing.B) {
	archive, err := txtar.ParseFile("testdata/valid/shop.txtar")
	if err != nil {
		b.Fatal(err)
	}
	fsys, opts := project(b, archive), testOptions(b)
	b.ReportAllocs()
	for b.Loop() {
		Parse(fsys, opts)
	}
}

// BenchmarkParseMistakes validates the broken files of testdata/mistakes one after the
// other: the throughput for hostile input.
func BenchmarkParseMistakes(b *testing.B) {
	data, err := os.ReadFile("testdata/mistakes/application.txtar")
	if err != nil {
		b.Fatal(err)
	}
	var trees []fstest.MapFS
	for _, f := range txtar.Parse(data).Files {
		if f.Name != "want" {
			trees = append(trees, fstest.MapFS{appFile: {Data: f.Data}})
		}
	}
	opts := testOptions(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		Parse(trees[i%len(trees)], opts)
	}
}
