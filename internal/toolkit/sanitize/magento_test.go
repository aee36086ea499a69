//go:build magento

package sanitize

import (
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/internal/manifest"
)

// TestMagento reads db_schema.xml of every module of a real Magento, whose directory is in
// TREE: each table has a rule, no column of it is taken for an extension's, and each path
// that its modules encrypt or call sensitive is decided.
func TestMagento(t *testing.T) {
	dir := os.Getenv("TREE") //nolint:forbidigo // the test is told where the tree is
	files, err := filepath.Glob(filepath.Join(dir, "vendor/magento/*/etc/db_schema.xml"))
	if err != nil || len(files) < 50 {
		t.Fatalf("TREE=%q has %d files db_schema.xml, want Magento's: %v", dir, len(files), err)
	}
	s := &schema{tables: map[string]*table{}}
	for _, f := range files {
		readDeclared(t, f, s)
	}
	r := must(parseRules(tablesText))
	columns := 0
	for _, name := range s.names() {
		columns += len(s.tables[name].columns)
		if _, known := r.of(name); !known {
			t.Errorf("no rule for table %s", name)
		}
	}
	p, err := planFor(r, s, manifest.Sanitize{}, ModeFull)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range p.suspects {
		t.Errorf("%s looks like %s: give it a rule, or name it as plain", x.place(), x.class)
	}
	t.Logf("%d tables, %d columns; %d emptied, %d rewritten", len(s.tables), columns, len(p.clear), len(p.update))

	secrets, err := declaredSecrets(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	c := &configuration{rules: must(configRules(configText)), secrets: secrets}
	kept := 0
	for path := range secrets {
		if verb, _ := c.decide(path, "x"); verb == "keep" || verb == "warn" {
			kept++
			t.Logf("declared as sensitive, and kept: %s", path)
		}
	}
	if len(secrets) < 100 || kept > 40 {
		t.Errorf("%d paths are declared as secret or sensitive, %d of them kept", len(secrets), kept)
	}
}

func readDeclared(t *testing.T, name string, s *schema) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var declared struct {
		Tables []struct {
			Name    string `xml:"name,attr"`
			Columns []struct {
				Name     string `xml:"name,attr"`
				Type     string `xml:"type,attr"`
				Nullable string `xml:"nullable,attr"`
			} `xml:"column"`
		} `xml:"table"`
	}
	if err := xml.Unmarshal(text, &declared); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for _, d := range declared.Tables {
		tab := s.tables[d.Name]
		if tab == nil {
			tab = &table{name: d.Name}
			s.tables[d.Name] = tab
		}
		for _, c := range d.Columns {
			if _, there := tab.column(c.Name); !there {
				tab.columns = append(tab.columns, column{name: c.Name, kind: strings.ToLower(c.Type), nullable: c.Nullable != "false"})
			}
		}
	}
}
