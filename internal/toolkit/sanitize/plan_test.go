package sanitize

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"sluice/internal/manifest"
)

var update = flag.Bool("update", false, "write golden files")

// TestPlans compares the plans of testdata/plans.txtar: tables beside those of shop.sql, the
// project's settings, and every statement that comes of them.
func TestPlans(t *testing.T) {
	const file = "testdata/plans.txtar"
	archive := must(txtar.ParseFile(file))
	shop := fixture(t, "shop.sql")
	for i := 0; i+2 < len(archive.Files); i += 3 {
		tables, settings, want := archive.Files[i], archive.Files[i+1], &archive.Files[i+2]
		name, _, _ := strings.Cut(tables.Name, "/")
		t.Run(name, func(t *testing.T) {
			all := string(tables.Data)
			if name == "shop" || name == "kept" || name == "strip" {
				all = shop + all
			}
			fsys := must(manifest.Tree(map[string][]byte{manifest.SluiceFile: settings.Data}))
			clone, found := manifest.ParseClone(fsys)
			if clone == nil {
				t.Fatal(found)
			}
			mode := ModeFull
			if name == "strip" {
				mode = ModeStrip
			}
			p, err := planFor(must(parseRules(tablesText)), declared(t, "m2_", all), clone.Sanitize, mode)
			got := fmt.Sprintln(err)
			if err == nil {
				got = p.String()
			}
			if *update {
				want.Data = []byte(got)
			}
			if diff := cmp.Diff(string(want.Data), got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	if *update {
		if err := os.WriteFile(file, txtar.Format(archive), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// String is a plan for people. @h(...) stands for the hash of a value, lists are shortened.
func (p *plan) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "clear %s\n", strings.Join(p.clear, " "))
	for _, s := range p.detach {
		fmt.Fprintf(&b, "detach %s\n", readable(s.statement(false)))
	}
	for _, s := range p.update {
		fmt.Fprintf(&b, "update %s\n", readable(s.statement(false)))
	}
	for _, s := range p.derived {
		fmt.Fprintf(&b, "derive %s\n", readable(s.statement(false)))
	}
	for _, j := range p.json {
		fmt.Fprintf(&b, "json %s.%s by %s\n", j.table, j.column, j.key)
	}
	fmt.Fprintf(&b, "rebuild %s\nignored %s\n", strings.Join(p.rebuild, " "), strings.Join(p.ignored, " "))
	for _, s := range p.suspects {
		fmt.Fprintf(&b, "suspect %s: %s\n", s.place(), s.class)
	}
	if len(p.suspects) > 0 {
		b.WriteString(snippet(p.suspects))
	}
	return b.String()
}

func readable(statement string) string {
	for _, list := range [][]string{givenNames(), familyNames(), streets(), cities()} {
		statement = strings.ReplaceAll(statement, "'"+strings.Join(list, "', '")+"'", "'"+list[0]+"', ...")
	}
	for {
		_, rest, ok := strings.Cut(statement, "SHA2(CONCAT(@k, CAST(LOWER(TRIM(CONVERT(")
		if !ok {
			break
		}
		v, _, _ := strings.Cut(rest, " USING utf8mb4")
		statement = strings.ReplaceAll(statement, hashOf(v), "@h("+v+")")
	}
	return strings.NewReplacer(", t.", ",\n    t.", " SET ", " SET\n    ", " WHERE ", "\n    WHERE ", " JOIN ", "\n    JOIN ").Replace(statement)
}
