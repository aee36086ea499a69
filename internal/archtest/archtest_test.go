package archtest

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const root = "../.."

// free are packages that hold no production code or are bound by no layer.
var free = map[string]bool{
	"internal/archtest": true,
	"cmd/sluiced":       true, // the composition root may import anything
	"cmd/sluice-router": true,
}

// TestEveryPackageIsInALayer fails for a package that no depguard rule of a layer names.
// It walks the directories itself: a result cached by go test must not hide a new one.
func TestEveryPackageIsInALayer(t *testing.T) {
	layers := layerGlobs(t)
	for _, dir := range packages(t) {
		if free[dir] || strings.HasPrefix(dir, "e2e") || strings.HasPrefix(dir, "examples") || strings.HasSuffix(path.Base(dir), "test") {
			continue
		}
		if !covered(layers, dir) {
			t.Errorf("package %s is in no layer: name it in a depguard rule of .golangci.yml", dir)
		}
	}
}

// TestEveryPackageHasADoc wants a package comment: what it is and what it may not do.
func TestEveryPackageHasADoc(t *testing.T) {
	for _, dir := range packages(t) {
		if !hasDoc(t, filepath.Join(root, dir)) {
			t.Errorf("package %s has no package comment", dir)
		}
	}
}

// TestNoReplace keeps go.mod free of replace directives.
func TestNoReplace(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if regexp.MustCompile(`(?m)^\s*replace\b`).Match(b) {
		t.Error("go.mod has a replace directive")
	}
}

// layerGlobs reads the file patterns of all depguard rules that bind named packages.
func layerGlobs(t *testing.T) []string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, ".golangci.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		Linters struct {
			Settings struct {
				Depguard struct {
					Rules map[string]struct {
						Files []string `yaml:"files"`
					} `yaml:"rules"`
				} `yaml:"depguard"`
			} `yaml:"settings"`
		} `yaml:"linters"`
	}
	if err := yaml.Unmarshal(b, &config); err != nil {
		t.Fatal(err)
	}
	var globs []string
	for _, rule := range config.Linters.Settings.Depguard.Rules {
		for _, f := range rule.Files {
			if glob, ok := strings.CutPrefix(f, "**/"); ok {
				globs = append(globs, glob)
			}
		}
	}
	if len(globs) == 0 {
		t.Fatal("no layer found in .golangci.yml")
	}
	return globs
}

func covered(globs []string, dir string) bool {
	for _, g := range globs {
		if tree, ok := strings.CutSuffix(g, "/**"); ok {
			tree = strings.TrimSuffix(tree, "/*")
			if dir == tree || strings.HasPrefix(dir, tree+"/") {
				return true
			}
			continue
		}
		if path.Dir(g) == dir {
			return true
		}
	}
	return false
}

// packages returns the directories, relative to the root, that hold Go files.
func packages(t *testing.T) []string {
	t.Helper()
	seen := map[string]bool{}
	var dirs []string
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && p != root && (strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules") {
			return filepath.SkipDir
		}
		if !d.IsDir() && strings.HasSuffix(name, ".go") {
			dir, err := filepath.Rel(root, filepath.Dir(p))
			if err != nil {
				return err
			}
			if !seen[dir] {
				seen[dir] = true
				dirs = append(dirs, filepath.ToSlash(dir))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return dirs
}

func hasDoc(t *testing.T, dir string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	onlyTests := true
	for _, f := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), f, nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		onlyTests = onlyTests && strings.HasSuffix(f, "_test.go")
		if parsed.Doc != nil {
			return true
		}
	}
	return onlyTests
}
