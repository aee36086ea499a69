package manifest

import (
	"strings"
	"testing"
)

func TestCompare(t *testing.T) {
	const (
		app      = "name: app\ntype: php:8.2\ndisk: 2048\nmounts: {var: 'shared:files/var'}\nrelationships: {db: , cache: }\n"
		services = "db: {type: 'mysql:10.11', disk: 1024, configuration: {schemas: [main, extra]}}\ncache: {type: 'redis:7.2'}\n"
	)
	tests := map[string]struct {
		app, services string // replacements, "old=>new"; empty for none
		want          string // severity and rule of each finding
	}{
		"nothing":             {"", "", ""},
		"upgrade":             {"", "mysql:10.11=>mysql:11.4", ""},
		"downgrade":           {"", "mysql:10.11=>mysql:10.6", "error service-downgrade"},
		"other software":      {"", "mysql:10.11=>opensearch:3", "error service-replaced"},
		"service renamed":     {"db: ,=>data: ,", "db: {=>data: {", "error service-removed"},
		"service removed":     {"db: ,=>", "db: {type: 'mysql:10.11', disk: 1024, configuration: {schemas: [main, extra]}}\n=>", "error service-removed"},
		"cache removed":       {"cache: =>", "cache: {type: 'redis:7.2'}\n=>", "notice service-removed"},
		"schema removed":      {"", ", extra=>", "error schema-removed"},
		"disk shrinks":        {"disk: 2048=>disk: 512", "disk: 1024=>disk: 512", "warning disk-shrunk, warning disk-shrunk"},
		"mount removed":       {"mounts: {var: 'shared:files/var'}\n=>", "", "error mount-removed"},
		"mount moved":         {"files/var=>files/other", "", "error mount-moved"},
		"mount elsewhere":     {"{var: =>{log: ", "", ""},
		"mount of more":       {"files/var=>files", "", ""},
		"worker keeps it":     {"mounts: {var: 'shared:files/var'}\n=>workers: {q: {commands: {start: x}, mounts: {var: 'shared:files/var'}}}\n", "", ""},
		"application renamed": {"name: app=>name: shop", "", "error application-removed"},
	}
	old := parsed(t, tree(appFile, app, ".magento/services.yaml", services))
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			now := parsed(t, tree(appFile, replaced(t, app, tt.app), ".magento/services.yaml", replaced(t, services, tt.services)))
			found := Compare(old, now)
			var got []string
			for _, d := range found {
				got = append(got, string(d.Severity)+" "+d.Rule)
				if d.Pos.Line == 0 && !strings.HasSuffix(d.Rule, "removed") {
					t.Errorf("%s has no place", d)
				}
			}
			if strings.Join(got, ", ") != tt.want {
				t.Errorf("got %v, want %q", found, tt.want)
			}
			if acknowledged := found.Acknowledge(); acknowledged.HasErrors() != strings.Contains(tt.want, "downgrade") {
				t.Errorf("acknowledged: %v", acknowledged)
			}
		})
	}
}

// TestCompareWorkers: what only a worker mounts is data too.
func TestCompareWorkers(t *testing.T) {
	const app = "name: app\ntype: php:8.2\nworkers: {q: {commands: {start: x}, mounts: {spool: 'shared:files/spool'}}}\n"
	old := parsed(t, tree(appFile, app))
	if found := Compare(old, parsed(t, tree(appFile, "name: app\ntype: php:8.2\n"))); len(found) != 1 || found[0].Rule != "mount-removed" {
		t.Errorf("got %v", found)
	}
	if found := Compare(old, old); len(found) > 0 {
		t.Errorf("the same: %v", found)
	}
}

func TestCompareWithNothing(t *testing.T) {
	if found := Compare(nil, &Manifest{}); len(found) > 0 {
		t.Error(found)
	}
}

func replaced(t *testing.T, text, change string) string {
	t.Helper()
	before, after, ok := strings.Cut(change, "=>")
	if !ok {
		return text
	}
	if !strings.Contains(text, before) {
		t.Fatalf("%q is not in the text", before)
	}
	return strings.Replace(text, before, after, 1)
}
