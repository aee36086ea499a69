package acceptance

import (
	"os"
	"strings"
	"testing"
	"time"

	"sluice/internal/catalog"
	"sluice/internal/contract"
	"sluice/internal/manifest"
	"sluice/internal/toolkit/scenario"
)

// The examples are what people begin with: the platform says nothing about them but that
// versions which Debian packages are old, and may begin their deploy hooks before it holds requests.
func TestExamples(t *testing.T) {
	for _, name := range []string{"storefront", "magento-template"} {
		dir := "../../../examples/" + name
		m, found := manifest.Parse(os.DirFS(dir), manifest.Options{Catalog: catalog.Default(), Now: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)})
		for _, d := range found {
			if !strings.Contains(d.Message, "security updates") {
				t.Errorf("%s: %s", name, d)
			}
		}
		if m == nil || len(m.Apps) != 1 {
			t.Fatalf("%s: nothing was read", name)
		}
		hook := m.Apps[0].Hooks.Deploy
		if !contract.TellsTouch(hook) {
			t.Errorf("%s: the deploy hook makes no promise: %s", name, hook)
		}
		files := strings.Fields(strings.TrimPrefix(strings.TrimSpace(hook), "ece-tools run "))
		if _, err := (scenario.Files{WorkDir: dir, Root: dir}).Load(files); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
