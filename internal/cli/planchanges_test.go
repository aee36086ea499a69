package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/manifest"
	"sluice/internal/plan"
)

func TestChangesOfACheckout(t *testing.T) {
	dir := t.TempDir()
	c := &program{environ: append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com")} //nolint:forbidigo // for git
	git := func(args ...string) string {
		t.Helper()
		out, err := c.gitIn(t.Context(), dir, "", args...)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(out)
	}
	write := func(name, content string) {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const class, script = "app/code/Acme/Shop/A.php", "app/code/Acme/Shop/view/web/a.js"
	write(class, "<?php class A {}")
	write(script, "1")
	write("gone.php", "<?php")
	write("same.php", "<?php")
	git("init", "-q", "-b", "main")
	git("add", ".")
	git("commit", "-q", "-m", "one")
	commit := git("rev-parse", "HEAD")

	m := &manifest.Manifest{Apps: []*manifest.Application{{Name: "app", Root: "."}}}
	write(class, "<?php class B {}")
	git("commit", "-q", "-a", "-m", "two")
	write(script, "2")
	write("new.md", "x")
	if err := os.Remove(filepath.Join(dir, "gone.php")); err != nil {
		t.Fatal(err)
	}
	before, after := []byte("before"), []byte("after")
	want := plan.Changes{Files: map[string]plan.FileChange{
		class:      {Before: []byte("<?php class A {}"), After: []byte("<?php class B {}")},
		script:     {Before: before, After: after},
		"gone.php": {Before: []byte("<?php")},
		"new.md":   {After: after},
	}}
	got, ok := c.changes(t.Context(), dir, m, commit)
	want.Files["gone.php"] = plan.FileChange{Before: got.Files["gone.php"].Before}
	if diff := cmp.Diff(want, got); diff != "" || !ok {
		t.Errorf("changes, %t (-want +got):\n%s", ok, diff)
	}
	write("app/code/Acme/Shop/etc/di.xml", `<type name="Magento\Framework\View\Asset\Repository"/>`)
	if got, ok := c.changes(t.Context(), dir, m, commit); !ok || !got.Static {
		t.Error("a di.xml that changes how static content is made was not found")
	}
	for _, unknown := range []string{"", "--output=x", strings.Repeat("0", 40)} {
		if _, ok := c.changes(t.Context(), dir, m, unknown); ok {
			t.Errorf("changes since %q are known", unknown)
		}
	}
}

func TestBuildStepsInAPlan(t *testing.T) {
	rows := planRows(plan.Plan{Applications: []plan.Application{{
		Name: "app", Type: "php:8.2", Action: plan.Deploy, Slug: plan.SlugBuilt, Reasons: []string{"source tree"},
		BuildSteps: []plan.BuildStep{{Name: "compile-di"}, {Name: "dump-autoload", Changed: []string{"a.php", "b.php (new)", "c.php", "d.php"}}},
	}}})
	want := [][]string{
		{"application", "app", "deploy", "php:8.2; it is built: source tree"},
		{"build step", "compile-di", "reuse", "nothing that it reads changes; it runs if no build has kept its result"},
		{"build step", "dump-autoload", "run", "a.php, b.php (new), c.php and 1 more"},
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}
