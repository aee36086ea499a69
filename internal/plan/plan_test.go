package plan

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"sluice/internal/catalog"
	"sluice/internal/manifest"
	"sluice/internal/platform"
)

var update = flag.Bool("update", false, "write golden files")

// TestMake compares plans with those in testdata. A case has the files of both trees below
// current/ and pushed/, and its settings in the comment, "key: value" a line.
func TestMake(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			p, err := Make(input(t, archive))
			if err != nil {
				t.Fatal(err)
			}
			golden(t, path, archive, p)
		})
	}
}

func golden(t *testing.T, path string, archive *txtar.Archive, p Plan) {
	t.Helper()
	got, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	want := &archive.Files[len(archive.Files)-1]
	if want.Name != "want" {
		t.Fatal("the last file is not want")
	}
	if *update {
		want.Data = got
		if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(want.Data), string(got)); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
	var again Plan
	if err := json.Unmarshal(got, &again); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(p, again); diff != "" {
		t.Errorf("after JSON (-want +got):\n%s", diff)
	}
}

// input reads a case.
func input(t *testing.T, archive *txtar.Archive) Input {
	t.Helper()
	in := Input{
		Project: platform.Project{ID: "shop"}, Catalog: catalog.Default(), Sources: map[string]Source{},
		Environment: platform.Environment{Project: "shop", Name: "main", MachineName: "main-abc", Status: platform.EnvironmentActive},
	}
	opts := manifest.Options{Catalog: in.Catalog, Bare: true}
	if tree := below(archive, "current/"); len(tree) > 0 {
		in.Environment.Release = "r7"
		in.Current, _ = manifest.Parse(tree, opts)
	}
	in.Pushed, in.Findings = manifest.Parse(below(archive, "pushed/"), opts)
	in.Findings = append(in.Findings, manifest.Compare(in.Current, in.Pushed)...)
	for line := range strings.Lines(string(archive.Comment)) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), ": "); ok {
			set(t, &in, key, strings.Fields(value))
		}
	}
	return in
}

func set(t *testing.T, in *Input, key string, words []string) {
	t.Helper()
	switch key {
	case "same", "changed": // applications whose files are known
		for _, app := range words {
			in.Sources[app] = Source{Current: "1", Pushed: map[string]string{"same": "1", "changed": "2"}[key]}
		}
	case "found", "gone":
		if in.Found == nil {
			in.Found = map[string]bool{}
		}
		for _, app := range words {
			in.Found[app] = key == "found"
		}
	case "holds":
		for _, w := range words {
			d, err := time.ParseDuration(w)
			if err != nil {
				t.Fatal(err)
			}
			in.Holds = append(in.Holds, d)
		}
	case "status":
		in.Environment.Status = platform.EnvironmentStatus(words[0])
	default:
		t.Fatalf("setting %q", key)
	}
}

func below(archive *txtar.Archive, prefix string) fstest.MapFS {
	tree := fstest.MapFS{}
	for _, f := range archive.Files {
		if name, ok := strings.CutPrefix(f.Name, prefix); ok {
			tree[name] = &fstest.MapFile{Data: f.Data}
		}
	}
	return tree
}

// TestKeys gives a key to applications whose files are known, and another one for other
// files.
func TestKeys(t *testing.T) {
	in := Input{Catalog: catalog.Default(), Sources: map[string]Source{"app": {Pushed: "1"}}}
	in.Pushed, _ = manifest.Parse(fstest.MapFS{
		"a/.magento.app.yaml": {Data: []byte("name: app\ntype: php:8.2\n")}, "b/.magento.app.yaml": {Data: []byte("name: other\ntype: php:8.2\n")},
		".magento/routes.yaml": {Data: []byte("'https://{default}/': {type: upstream, upstream: 'app:http'}\n")},
	}, manifest.Options{})
	first, err := Keys(in)
	if err != nil || len(first) != 1 {
		t.Fatalf("got %v, %v", first, err)
	}
	in.Sources["app"] = Source{Pushed: "2"}
	second, err := Keys(in)
	if err != nil || second["app"].Sum() == first["app"].Sum() {
		t.Errorf("got %v, %v for other files", second, err)
	}
	if changed := second["app"].Changed(first["app"]); len(changed) != 1 || changed[0] != "source tree" {
		t.Errorf("changed: %v", changed)
	}
}

func TestSourceDigest(t *testing.T) {
	files := []File{
		{"app/b", 0o100644, "1"},
		{"app/.magento.app.yaml", 0o100644, "2"},
		{".magento/routes.yaml", 0o100644, "3"},
		{"app/a", 0o100755, "4"},
		{"other", 0o100644, "5"},
	}
	whole, part := SourceDigest(files, "."), SourceDigest(files, "app")
	if whole == part {
		t.Error("the root makes no difference")
	}
	without := []File{files[3], files[0]}
	if got := SourceDigest(without, "app"); got != part {
		t.Errorf("order, configuration files or files elsewhere make a difference")
	}
	without[0].Mode = 0o100644
	if got := SourceDigest(without, "app"); got == part {
		t.Errorf("the mode makes no difference")
	}
}
