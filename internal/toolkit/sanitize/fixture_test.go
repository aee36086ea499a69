package sanitize

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// declared reads CREATE TABLE statements, each on a line, into a schema, as far as the test's
// own files go: the pure tests and those on a real server have the same tables.
func declared(t *testing.T, prefix string, texts ...string) *schema {
	t.Helper()
	create := regexp.MustCompile(`^CREATE TABLE (\w+) \((.*)\);$`)
	col := regexp.MustCompile(`^(\w+) (\w+)(?:\((\d+)[^)]*\))?(.*)$`)
	foreign := regexp.MustCompile(`^CONSTRAINT \w+ FOREIGN KEY \((\w+)\) REFERENCES (\w+)`)
	s := &schema{prefix: prefix, tables: map[string]*table{}, seen: map[string][]suspect{}}
	for line := range strings.Lines(strings.Join(texts, "\n")) {
		m := create.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		tab := &table{name: m[1]}
		s.tables[m[1]] = tab
		for part := range strings.SplitSeq(protect(m[2]), ", ") {
			part = strings.ReplaceAll(part, "\x00", ", ")
			if f := foreign.FindStringSubmatch(part); f != nil {
				s.references = append(s.references, reference{tab.name, f[1], f[2]})
				continue
			}
			if strings.HasPrefix(part, "UNIQUE ") || strings.HasPrefix(part, "FULLTEXT ") {
				continue
			}
			d := col.FindStringSubmatch(part)
			if d == nil {
				t.Fatalf("%s: %q is not a column", tab.name, part)
			}
			c := column{name: d[1], kind: strings.ToLower(d[2]), nullable: !strings.Contains(d[4], "NOT NULL"), onUpdate: strings.Contains(d[4], "ON UPDATE")}
			if strings.HasSuffix(c.kind, "char") {
				c.length, _ = strconv.Atoi(d[3])
			}
			tab.columns = append(tab.columns, c)
			if strings.Contains(d[4], "PRIMARY KEY") && strings.HasSuffix(c.kind, "int") {
				tab.key = c.name
			}
		}
	}
	return s
}

// protect hides the commas within parentheses.
func protect(text string) string {
	return regexp.MustCompile(`\([^()]*\)`).ReplaceAllStringFunc(text, func(s string) string { return strings.ReplaceAll(s, ", ", "\x00") })
}

func fixture(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
