package manifest

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"sluice/internal/catalog"
)

var update = flag.Bool("update", false, "write golden files")

// mistake is one case of testdata/mistakes: files, and what must be found in them.
type mistake struct {
	name  string
	files fstest.MapFS
	want  *txtar.File
}

// TestMistakes compares every case with its diagnostics, all of them and in order.
func TestMistakes(t *testing.T) {
	archives := map[string]string{
		"application": appFile, "services": ".magento/services.yaml", "routes": ".magento/routes.yaml",
		"env": envFile, "sluice": SluiceFile, "yaml": appFile, "project": "",
	}
	total := 0
	for name, file := range archives {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join("testdata", "mistakes", name+".txtar")
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range mistakes(t, archive, file) {
				total++
				if name == "application" {
					f := m.files[file]
					f.Data = append(f.Data, missingLines(string(f.Data))...)
					m.files["composer.json"], m.files["composer.lock"] = &fstest.MapFile{}, &fstest.MapFile{}
				}
				t.Run(m.name, func(t *testing.T) {
					_, found := Parse(m.files, testOptions(t))
					m.compare(t, found)
				})
			}
			if *update {
				if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
	if total < 150 {
		t.Errorf("%d cases, want at least 150", total)
	}
}

func (m mistake) compare(t *testing.T, found Diagnostics) {
	t.Helper()
	if len(found) == 0 {
		t.Error("nothing was found")
	}
	var got strings.Builder
	for _, d := range found {
		fmt.Fprintf(&got, "%s [%s]\n", d, d.Rule)
	}
	if *update {
		m.want.Data = []byte(got.String())
	}
	if diff := cmp.Diff(string(m.want.Data), got.String()); diff != "" {
		t.Errorf("diagnostics (-want +got):\n%s", diff)
	}
}

// mistakes splits an archive into cases. An entry is the default file of its case, or
// names it as "case/path".
func mistakes(t *testing.T, archive *txtar.Archive, file string) []mistake {
	t.Helper()
	var out []mistake
	current := mistake{files: fstest.MapFS{}}
	for i := range archive.Files {
		f := &archive.Files[i]
		if f.Name == "want" {
			current.want = f
			current.complete(file)
			out = append(out, current)
			current = mistake{files: fstest.MapFS{}}
			continue
		}
		name, path := f.Name, file
		if file == "" {
			name, path, _ = strings.Cut(f.Name, "/")
		}
		if current.name != "" && current.name != name {
			t.Fatalf("case %q has no want", current.name)
		}
		current.name = name
		current.files[path] = &fstest.MapFile{Data: unescape(f.Data)}
	}
	return out
}

// complete adds what a case needs to have only its own mistake: below the text, so that
// lines keep their numbers, or in other files.
func (m mistake) complete(file string) {
	const app = "name: app\ntype: php:8.2\n"
	switch file {
	case ".magento/services.yaml":
		text := app
		if name, _, ok := strings.Cut(string(m.files[file].Data), ":"); ok && namePattern.MatchString(name) {
			text += "relationships: {" + name + ": }\n"
		}
		m.files[appFile] = &fstest.MapFile{Data: []byte(text)}
	case ".magento/routes.yaml", envFile, SluiceFile:
		m.files[appFile] = &fstest.MapFile{Data: []byte(app)}
	}
}

func missingLines(text string) string {
	var lines string
	if !strings.Contains("\n"+text, "\nname:") {
		lines += "name: app\n"
	}
	if !strings.Contains("\n"+text, "\ntype:") {
		lines += "type: php:8.2\n"
	}
	return lines
}

func unescape(data []byte) []byte {
	return []byte(strings.NewReplacer("%t", "\t", "%r", "\r", "%b", "\ufeff", "%0", "\x00", "%x", "\xe9").Replace(string(data)))
}

// testOptions are the options of tests that need a catalog; the date is fixed.
func testOptions(tb testing.TB) Options {
	tb.Helper()
	return Options{Catalog: catalog.Default(), Now: time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)}
}
