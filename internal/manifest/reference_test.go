package manifest

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

const docs = "../../docs"

// golden compares a committed file with what is generated now.
func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s is not current; run the test with -update (-want +got):\n%s", path, diff)
	}
}

func TestReference(t *testing.T) {
	var b bytes.Buffer
	if err := writeReference(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, filepath.Join(docs, "configuration.md"), b.Bytes())
}

func TestSchemas(t *testing.T) {
	for _, s := range schemas() {
		t.Run(s.Name, func(t *testing.T) { golden(t, filepath.Join(docs, "schema", s.Name), s.JSON) })
	}
}

// compiled returns a schema by the name of the file that it describes.
func compiled(t *testing.T) map[string]*jsonschema.Schema {
	t.Helper()
	out := map[string]*jsonschema.Schema{}
	for _, s := range schemas() {
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(s.JSON))
		if err != nil {
			t.Fatal(err)
		}
		c := jsonschema.NewCompiler()
		if err := c.AddResource(s.Name, doc); err != nil {
			t.Fatal(err)
		}
		if out[s.File], err = c.Compile(s.Name); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// TestSchemasAccept runs the schemas over the valid fixtures.
func TestSchemasAccept(t *testing.T) {
	compiled := compiled(t)
	paths, err := filepath.Glob("testdata/valid/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			schema := compiled[f.Name]
			if schema == nil {
				continue
			}
			if err := schema.Validate(document(t, f.Name, f.Data)); err != nil {
				t.Errorf("%s %s: %v", path, f.Name, err)
			}
		}
	}
}

// TestSchemasReject makes sure that an editor marks what Parse refuses, for mistakes of
// types and names.
func TestSchemasReject(t *testing.T) {
	compiled := compiled(t)
	for file, texts := range map[string][]string{
		appFile: {
			"type: php:8.2\n", "name: a\ntype: php:8.2\nhoks: {}\n", "name: A\ntype: php:8.2\n", "name: a\ntype: php:8.2\ndisk: big\n",
			"name: a\ntype: php:8.2\nweb: {locations: {media: {}}}\n", "name: a\ntype: php:8.2\naccess: {ssh: root}\n", "name: a\ntype: php:8.2\nstack: [x]\n",
		},
		".magento/services.yaml": {"- x\n", "db: {disk: 1}\n", "db: {type: mysql:10, disc: 1}\n"},
		".magento/routes.yaml":   {"\"https://{default}/\": {type: up}\n", "\"https://{default}/\": {type: redirect, to: /, redirects: {paths: {/a: {to: /b, code: 303}}}}\n"},
		SluiceFile:               {"clone: {hok: x}\n", "clone: {sanitize: {unknown: maybe}}\n", "clone: {sanitize: {tables: {a: drop}}}\n"},
		envFile:                  {"stage: {build: {SCD_THREADS: many}}\n", "stage: {build: {NOPE: 1}}\n", "stage: {build: {SCD_STRATEGY: fast}}\n"},
	} {
		for _, text := range texts {
			if compiled[file].Validate(document(t, file, []byte(text))) == nil {
				t.Errorf("%s: the schema accepts %q", file, text)
			}
		}
	}
}

// document decodes YAML as editors do. Tags of PHP constants are not YAML's.
func document(t *testing.T, name string, text []byte) any {
	t.Helper()
	var n yaml.Node
	if err := yaml.Unmarshal(phpConstant.ReplaceAll(text, []byte("${1}"+constantMark+"${2}")), &n); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if len(n.Content) == 0 {
		return nil // only comments
	}
	c := &converter{source: &source{fsys: tree()}, file: name, base: "."}
	doc := c.convert(n.Content[0], 0).any()
	var b bytes.Buffer
	if err := writeIndented(&b, doc); err != nil {
		t.Fatal(err)
	}
	out, err := jsonschema.UnmarshalJSON(&b)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestSchemasAgree goes through all mistakes: an editor marks what is wrong in a file by
// itself, and nothing in files that Parse accepts.
func TestSchemasAgree(t *testing.T) {
	compiled := compiled(t)
	// What a schema can tell; the rest needs other files, the catalog or arithmetic.
	reported := []string{"unknown-key", "wrong-type", "unknown-value", "out-of-range", "wrong-stage", "unknown-stage", "unknown-variable", "wrong-name", "refused-key"}
	// A regular expression is beyond a pattern, and so is a map whose form depends on a key.
	beyond := []string{"regular expression", "not a path; it matches nothing", "must be a version constraint"}
	marked, clean := 0, 0
	for name, file := range map[string]string{"application": appFile, "services": ".magento/services.yaml", "routes": ".magento/routes.yaml", "env": envFile, "sluice": SluiceFile} {
		archive, err := txtar.ParseFile(filepath.Join("testdata", "mistakes", name+".txtar"))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range mistakes(t, archive, file) {
			data := m.files[file].Data
			if name == "application" {
				data = append(data, missingLines(string(data))...)
			}
			_, found := Parse(fstest.MapFS{file: {Data: data}}, Options{Only: file})
			rules := map[string]bool{}
			for _, d := range found {
				excused := slices.ContainsFunc(beyond, func(s string) bool { return strings.Contains(d.String(), s) })
				if d.Severity == SeverityError && !excused {
					rules[d.Rule] = true
				}
			}
			err := compiled[file].Validate(document(t, file, data))
			switch expected := slices.ContainsFunc(reported, func(rule string) bool { return rules[rule] }); {
			case expected && err == nil:
				t.Errorf("%s, %s: the schema does not mark what Parse refuses: %v", file, m.name, found)
			case expected:
				marked++
			case len(found) == 0 && err != nil:
				t.Errorf("%s, %s: the schema marks %v", file, m.name, err)
			case len(found) == 0:
				clean++
			}
		}
	}
	t.Logf("%d mistakes are marked, %d files are clean by themselves", marked, clean)
}
