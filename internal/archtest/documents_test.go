package archtest

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestSecurityPageNamesItsTests keeps docs/security.md true: every protection that it lists
// names the tests that show it, and each of them exists.
func TestSecurityPageNamesItsTests(t *testing.T) {
	page := read(t, "docs/security.md")
	named := regexp.MustCompile("`((?:internal|cmd|e2e)[a-z0-9/]*)\\.((?:Test|Fuzz)[A-Za-z0-9_]+)`").FindAllStringSubmatch(page, -1)
	if len(named) < 30 {
		t.Fatalf("docs/security.md names %d tests; the format is `internal/package.TestName`", len(named))
	}
	for _, n := range named {
		if !defines(t, n[1], n[2]) {
			t.Errorf("docs/security.md names %s.%s, which does not exist", n[1], n[2])
		}
	}
}

// defines reports whether a test file of the directory has the function.
func defines(t *testing.T, dir, function string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(b), "\nfunc "+function+"(") {
			return true
		}
	}
	return false
}

// TestCommentsCiteTheRepositoryOnly fails for comments that refer to a text that a reader
// does not have. A reason stands in the comment itself, in docs/ or in a record of docs/adr.
func TestCommentsCiteTheRepositoryOnly(t *testing.T) {
	cites := regexp.MustCompile(`\((spec|design): `)
	for _, dir := range packages(t) {
		files, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			for n, line := range strings.Split(string(b), "\n") {
				if cites.MatchString(line) {
					t.Errorf("%s:%d cites a text that is not in the repository: %s", f, n+1, strings.TrimSpace(line))
				}
			}
		}
	}
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#{1,6} +(.+?) *#*$`)
	fence   = regexp.MustCompile("(?ms)^ *```.*?^ *```")
	dropped = regexp.MustCompile(`[^\p{L}\p{N}\- _]`)
)

// TestLinksInDocuments wants every relative link of the documents to lead somewhere, the
// section that it names included.
func TestLinksInDocuments(t *testing.T) {
	for _, page := range pages(t) {
		text := fence.ReplaceAllString(read(t, page), "")
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			file, section, _ := strings.Cut(m[1], "#")
			target := page
			if file != "" {
				target = filepath.Join(filepath.Dir(page), file)
			}
			if _, err := os.Stat(filepath.Join(root, target)); err != nil {
				t.Errorf("%s links to %s, which does not exist", page, m[1])
				continue
			}
			if section != "" && strings.HasSuffix(target, ".md") && !sections(t, target)[section] {
				t.Errorf("%s links to %s, which has no such section", page, m[1])
			}
		}
	}
}

// pages returns the Markdown files of the repository, relative to its root.
func pages(t *testing.T) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := d.Name(); d.IsDir() && p != root && (strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules") {
			return filepath.SkipDir
		}
		if strings.HasSuffix(p, ".md") {
			rel, err := filepath.Rel(root, p)
			if err != nil {
				return err
			}
			found = append(found, filepath.ToSlash(rel))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// sections returns the anchors of a page, as code hosts make them of its headings.
func sections(t *testing.T, page string) map[string]bool {
	t.Helper()
	anchors := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(fence.ReplaceAllString(read(t, page), ""), -1) {
		plain := dropped.ReplaceAllString(strings.ToLower(m[1]), "")
		anchors[strings.ReplaceAll(plain, " ", "-")] = true
	}
	return anchors
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
