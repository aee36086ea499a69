package scenario_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/scenario"
)

var update = flag.Bool("update", false, "rewrite the expectations in testdata")

// known is a registry with the types that the archives use as native ones.
func known() *scenario.Registry {
	r := &scenario.Registry{}
	for _, name := range []string{"Step\\A", "Step\\B", "Step\\C", "Step\\Nested", "Validator\\V", "OnFail\\Action\\CreateDeployFailedFlag"} {
		r.Add(name, func(*kit.Kit, scenario.Arguments) (any, error) { return kit.StepFunc(nil), nil })
	}
	return r
}

// TestMerge merges the XML files of every archive in their order and compares what would
// run, or the error. Comment: the rule.
func TestMerge(t *testing.T) {
	archives, err := filepath.Glob("testdata/merge/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("archives: %v, %v", archives, err)
	}
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			got := merged(t, archive)
			want := archive.Files[len(archive.Files)-1]
			if want.Name != "want" {
				t.Fatalf("the last file is %s", want.Name)
			}
			if *update {
				archive.Files[len(archive.Files)-1].Data = []byte(got)
				if err := os.WriteFile(name, txtar.Format(archive), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(want.Data), got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func merged(t *testing.T, archive *txtar.Archive) string {
	t.Helper()
	dir := t.TempDir()
	var paths []string
	for _, f := range archive.Files {
		if !strings.HasSuffix(f.Name, ".xml") {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, f.Name), f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, f.Name)
	}
	if text := strings.Fields(string(archive.Comment)); len(text) > 1 && text[0] == "run" {
		paths = strings.Fields(strings.SplitN(string(archive.Comment), "\n", 2)[0])[1:]
	}
	def, err := scenario.Files{WorkDir: dir, Root: dir}.Load(paths)
	if err != nil {
		return "error: " + err.Error() + "\n"
	}
	var out bytes.Buffer
	if err := scenario.Show(def, known()).WriteTree(&out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestShowAsJSON(t *testing.T) {
	def, err := scenario.Files{WorkDir: t.TempDir()}.Load([]string{"scenario/post-deploy.xml"})
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(scenario.Show(def, known()))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"name":"warm-up"`, `"priority":600`, `"onFail":[]`, `"from":"scenario/post-deploy.xml:`} {
		if !strings.Contains(string(b), want) {
			t.Errorf("%s is not in %s", want, b)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`<scenario><step name="a" type="A" priority="1"/></scenario>`)
	f.Add(`<scenario><step name="a" skip="true"><arguments><argument name="x" xsi:type="array"><item/></argument></arguments></step></scenario>`)
	f.Add("x")
	f.Fuzz(func(t *testing.T, text string) {
		def, err := scenario.Parse("f.xml", []byte(text))
		if err != nil {
			return
		}
		before := len(def.Steps)
		if after := len(scenario.Merge(def).Steps); after > before || after == 0 {
			t.Errorf("%d steps became %d", before, after)
		}
	})
}
