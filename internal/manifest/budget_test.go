package manifest

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
)

// What Parse may allocate in all, also for what it drops again: in proportion to the input,
// on top of what the budget of a run allows. The library's own tree takes some 500 bytes for
// the shortest value, "-".
const (
	allocatedPerByte = 1_000
	allocatedAtLeast = 128 << 20
)

// parseBounded parses a tree and fails when that allocates more than the input may cost.
func parseBounded(tb testing.TB, fsys fstest.MapFS, opts Options) (*Manifest, Diagnostics) {
	tb.Helper()
	input := 0
	for _, f := range fsys {
		input += len(f.Data)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	m, found := Parse(fsys, opts)
	runtime.ReadMemStats(&after)
	if got, most := after.TotalAlloc-before.TotalAlloc, uint64(input*allocatedPerByte+allocatedAtLeast); got > most {
		tb.Errorf("%d bytes of input allocate %d MiB, more than %d MiB", input, got>>20, most>>20)
	}
	return m, found
}

func keys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "k%d: 1,", i)
	}
	return b.String()
}

// TestBudget makes sure that small files cannot make much of anything, whatever multiplies:
// aliases, merge keys, includes, archives or long texts.
func TestBudget(t *testing.T) {
	const app = "name: app\ntype: php:8.2\n"
	nested := func(open, inner, closing string, n int) string {
		return strings.Repeat(open, n) + inner + strings.Repeat(closing, n)
	}
	tests := map[string][]string{
		"merges":   {app + "x-m: &m {" + keys(20_000) + "}\nx-l:\n" + strings.Repeat("  - {<<: *m}\n", 50_000)},
		"aliases":  {app + "x-m: &m {" + keys(1_000) + "}\nx-l: [" + strings.Repeat("*m, ", 5_000) + "]\n"},
		"texts":    {app + "x-t: &t " + strings.Repeat("t", 500_000) + "\nx-l: [" + strings.Repeat("*t, ", 50_000) + "]\n"},
		"names":    {app + "x-t: {&t " + strings.Repeat("t", 900) + ": 1}\nx-l: [" + strings.Repeat("{*t : 1}, ", 30_000) + "]\n"},
		"includes": {app + "x-l:\n" + strings.Repeat("  - !include many.yaml\n", 50), "many.yaml", "[" + strings.Repeat("1,", 5_000) + "]"},
		"strings":  {app + "x-l:\n" + strings.Repeat("  - !include {type: string, path: big}\n", 15) + "x-m: &m !include {type: string, path: big}\nx-n: [" + strings.Repeat("*m, ", 1_000) + "]\n", "big", strings.Repeat("x", 1_000_000)},
	}
	many := []string{app + "x-l:\n" + strings.Repeat("  - !archive dir\n", 5_000)}
	for i := range 100 {
		many = append(many, fmt.Sprintf("dir/%d", i), "")
	}
	tests["archives"] = many
	for name, files := range tests {
		t.Run(name, func(t *testing.T) {
			_, found := parseBounded(t, tree(append([]string{appFile}, files...)...), testOptions(t))
			if !hasRule(found, "too-many-values") {
				t.Errorf("got %v", found)
			}
		})
	}
	t.Run("files", func(t *testing.T) { // no single one has too much
		list := "x: [" + strings.Repeat("1,", 40_000) + "]\n"
		_, found := parseBounded(t, tree(appFile, app+"x-"+list, ".magento/services.yaml", "x-"+list, envFile, "x-"+list), testOptions(t))
		if !hasRule(found, "too-many-values") {
			t.Errorf("got %v", found)
		}
	})
	t.Run("merges in merges", func(t *testing.T) { // each level once, not twice
		m, found := parseBounded(t, tree(appFile, app+"x-m: "+nested("{<<: [", "{a: 1}", "]}", 30)), testOptions(t))
		if m == nil {
			t.Errorf("got %v", found)
		}
	})
}

// TestLimits makes sure that no list of a project grows without bound.
func TestLimits(t *testing.T) {
	const app = "name: app\ntype: php:8.2\n"
	list := func(n int, line string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, line, i)
		}
		return b.String()
	}
	const toApp = "{type: upstream, upstream: 'app:http'}"
	const routes = ".magento/routes.yaml"
	patterns := func(n int) string {
		return "'https://{default}/':\n  type: upstream\n  upstream: app:http\n  redirects:\n    paths:\n" + list(n, "      ^/p%d$: {to: /, regexp: true}\n")
	}
	tests := map[string]struct {
		file, text, want string
	}{
		"routes":          {routes, list(maxRoutes+1, "'https://h%d.example/': "+toApp+"\n"), "too-many-entries"},
		"fewer routes":    {routes, list(maxRoutes, "'https://h%d.example/': "+toApp+"\n"), ""},
		"patterns":        {routes, patterns(maxPatterns + 1), "too-many-patterns"},
		"fewer patterns":  {routes, patterns(maxPatterns), ""},
		"redirects":       {routes, ".r: &r\n  paths:\n" + list(500, "    /p%d: {to: /}\n") + list(21, "'https://h%d.example/': {type: upstream, upstream: 'app:http', redirects: *r}\n"), "too-many-redirects"},
		"long expression": {appFile, app + "web:\n  whitelist:\n    - '" + strings.Repeat(`\pL`, 20_000) + "'\n", "wrong-format"},
		"variables":       {appFile, app + "variables:\n  env:\n" + list(maxVariables+1, "    V%d: x\n"), "too-many-entries"},
		"fewer variables": {appFile, app + "variables:\n  env:\n" + list(maxVariables, "    V%d: x\n"), ""},
		"mounts":          {appFile, app + "mounts:\n" + list(maxMounts+1, "  m%d: 'shared:files/m'\n"), "too-many-entries"},
		"services":        {".magento/services.yaml", list(maxServices+1, "s%d: {type: 'redis:7.2'}\n"), "too-many-entries"},
		"applications":    {".magento/applications.yaml", list(maxApplications+1, "a%d: {type: 'php:8.2'}\n"), "too-many-entries"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, found := parseBounded(t, tree(appFile, app, tt.file, tt.text), testOptions(t))
			if tt.want == "" && found.HasErrors() || tt.want != "" && !hasRule(found, tt.want) {
				t.Errorf("want %q, got %v", tt.want, found)
			}
		})
	}
}

// TestSharedValuesStaySmall makes sure that a manifest's JSON is in proportion to what the
// budget allows, since it is kept and handed to applications.
func TestSharedValuesStaySmall(t *testing.T) {
	text := "name: app\ntype: php:8.2\nx-t: &t " + strings.Repeat("t", 200_000) + "\nx-l: [" + strings.Repeat("*t, ", 100) + "]\n"
	m := parsed(t, tree(appFile, text))
	data, err := json.Marshal(m)
	if err != nil || len(data) > 2*textUnit*maxValues {
		t.Errorf("%d bytes, %v", len(data), err)
	}
}
