package rehearsal_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"sluice/internal/platform"
	"sluice/internal/rehearsal"
)

var update = flag.Bool("update", false, "rewrite the expected texts")

// TestReports writes each report of testdata (report.json) as text and as Markdown. The verdict is
// computed, so that the files say what was found and nothing else.
func TestReports(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no test data: %v", err)
	}
	for _, name := range files {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var r rehearsal.Report
		if err := json.Unmarshal(section(archive, "report.json"), &r); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		r.Conclude()
		for _, want := range []struct{ file, got string }{{"text", rehearsal.Text(r)}, {"markdown", rehearsal.Markdown(r)}} {
			if *update {
				put(archive, want.file, want.got)
			} else if have := string(section(archive, want.file)); have != want.got {
				t.Errorf("%s, %s:\n%s\nwant\n%s", name, want.file, want.got, have)
			}
		}
		if *update {
			if err := os.WriteFile(name, txtar.Format(archive), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func section(a *txtar.Archive, name string) []byte {
	if i := slices.IndexFunc(a.Files, func(f txtar.File) bool { return f.Name == name }); i >= 0 {
		return a.Files[i].Data
	}
	return nil
}

func put(a *txtar.Archive, name, text string) {
	a.Files = append(slices.DeleteFunc(a.Files, func(f txtar.File) bool { return f.Name == name }), txtar.File{Name: name, Data: []byte(text)})
}

func TestConcludeJudges(t *testing.T) {
	t.Parallel()
	ok := rehearsal.Response{Status: 200, Bytes: 10}
	for name, c := range map[string]struct {
		r    rehearsal.Report
		want string // in the only problem; empty: it passes
	}{
		"nothing":          {rehearsal.Report{}, ""},
		"other size":       {rehearsal.Report{Pages: []rehearsal.Page{{Path: "/", Before: ok, After: rehearsal.Response{Status: 200, Bytes: 12}}}}, ""},
		"broken before":    {rehearsal.Report{Pages: []rehearsal.Page{{Path: "/", Before: rehearsal.Response{Status: 500}, After: rehearsal.Response{Status: 500}}}}, ""},
		"broken page":      {rehearsal.Report{Pages: []rehearsal.Page{{Path: "/a", Before: ok, After: rehearsal.Response{Status: 500}}}}, "/a responds with status 500, before with status 200"},
		"no response":      {rehearsal.Report{Pages: []rehearsal.Page{{Path: "/a", Before: ok, After: rehearsal.Response{Error: "timeout"}}}}, "no response (timeout)"},
		"hold below limit": {rehearsal.Report{Hold: rehearsal.Hold{Held: true, Seconds: 300, Limit: 300}}, ""},
		"hold over limit":  {rehearsal.Report{Hold: rehearsal.Hold{Held: true, Seconds: 301, Limit: 300}}, "longer than the limit of 5 m 00 s"},
		"check":            {rehearsal.Report{Checks: []rehearsal.Check{{Name: "smoke", Status: 3}}}, "the check smoke failed with exit status 3"},
		"failure":          {rehearsal.Report{Failure: "the deploy hook failed\nmore"}, "the deployment failed: the deploy hook failed"},
		"warning":          {rehearsal.Report{Logs: []rehearsal.Line{{Log: "l", Text: "w", Count: 1}}}, ""},
		"severe line":      {rehearsal.Report{Logs: []rehearsal.Line{{Log: "l", Text: "boom", Count: 2, Severe: true}}}, "l has a new error, 2 times: boom"},
	} {
		c.r.Conclude()
		switch {
		case c.want == "" && (!c.r.Passed || len(c.r.Problems) != 0):
			t.Errorf("%s: problems %q", name, c.r.Problems)
		case c.want != "" && (c.r.Passed || len(c.r.Problems) != 1 || !strings.Contains(c.r.Problems[0], c.want)):
			t.Errorf("%s: problems %q, want %q", name, c.r.Problems, c.want)
		}
	}
}

func TestComparePages(t *testing.T) {
	t.Parallel()
	visit := func(path string, status int, bytes int64) platform.PageVisit {
		return platform.PageVisit{Path: path, Status: status, Bytes: bytes, Duration: time.Second}
	}
	before := []platform.PageVisit{visit("/same", 200, 5), visit("/size", 200, 5), visit("/gone", 200, 5), visit("/old", 200, 1)}
	after := []platform.PageVisit{visit("/same", 200, 5), visit("/size", 200, 6), visit("/gone", 500, 5), visit("/new", 200, 1)}
	var got []string
	for _, p := range rehearsal.ComparePages(before, after) {
		got = append(got, p.Path)
	}
	if want := []string{"/gone", "/size", "/same"}; !slices.Equal(got, want) {
		t.Errorf("pages %q, want %q", got, want)
	}
}

func TestCompareSchemas(t *testing.T) {
	t.Parallel()
	before, after := rehearsal.Schema{}, rehearsal.Schema{}
	for _, s := range []rehearsal.Schema{before, after} {
		s.AddColumn("db/main.kept", "id", "int(11)", "NO", "")
		s.AddIndex("db/main.kept", "PRIMARY", "0", "id")
	}
	before.AddColumn("db/main.kept", "note", "varchar(20)", "YES", "'x'")
	after.AddColumn("db/main.kept", "note", "varchar(40)", "YES", "'x'")
	after.AddIndex("db/main.kept", "BY_NOTE", "1", "note,id")
	before.AddColumn("db/main.old", "id", "int(11)", "NO", "")
	after.AddColumn("db/main.new", "id", "int(11)", "NO", "")
	got, err := json.Marshal(rehearsal.CompareSchemas(before, after))
	want := `[{"name":"db/main.kept","change":"changed","details":["column note changed: varchar(20) default 'x' → varchar(40) default 'x'","index BY_NOTE added: (note,id)"]},` +
		`{"name":"db/main.new","change":"added","details":["1 column"]},{"name":"db/main.old","change":"removed","details":["1 column"]}]`
	if err != nil || string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if same := rehearsal.CompareSchemas(before, before); len(same) != 0 {
		t.Errorf("a schema differs from itself: %v", same)
	}
}

func TestCompareDigests(t *testing.T) {
	t.Parallel()
	before := rehearsal.ParseDigests("app/etc/env.php\ta/b\t1\napp/etc/env.php\tgone\t1\nnoise\napp/etc/env.php\tsame\t1\n")
	after := rehearsal.ParseDigests("app/etc/env.php\ta/b\t2\napp/etc/env.php\tsame\t1\napp/etc/config.php\tmodules/New\t1\n")
	got, err := json.Marshal(rehearsal.CompareDigests("shop", before, after))
	want := `[{"app":"shop","file":"app/etc/config.php","key":"modules/New","change":"added"},{"app":"shop","file":"app/etc/env.php","key":"a/b","change":"changed"},` +
		`{"app":"shop","file":"app/etc/env.php","key":"gone","change":"removed"}]`
	if err != nil || string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestErrorsIn(t *testing.T) {
	t.Parallel()
	lines := rehearsal.ErrorsIn("shop: system.log", `[2026-12-01T10:00:00+00:00] main.INFO: all is well
[2026-12-01T10:00:01+00:00] main.ERROR: order 17 failed
[2026-12-01T10:00:02+00:00] main.ERROR: order 18 failed
[2026-12-01T10:00:03+00:00] main.CRITICAL: no `+"\x1b[31m"+`table
PHP Warning:  Undefined variable $x in /app/a.php on line 3
2026/12/01 10:00:00 [error] 12#12: *1 open() "/app/pub/x" failed
GET /error HTTP/1.1 200
`)
	var got []string
	for _, l := range lines {
		got = append(got, l.Text)
		if l.Severe != strings.Contains(l.Text, "CRITICAL") || l.Count != map[bool]int{true: 2, false: 1}[strings.Contains(l.Text, "order")] {
			t.Errorf("%+v", l)
		}
	}
	want := []string{
		"[2026-12-01T10:00:03+00:00] main.CRITICAL: no  [31mtable", "[2026-12-01T10:00:01+00:00] main.ERROR: order 17 failed",
		"PHP Warning:  Undefined variable $x in /app/a.php on line 3", `2026/12/01 10:00:00 [error] 12#12: *1 open() "/app/pub/x" failed`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if many := rehearsal.ErrorsIn("l", strings.Repeat("E: x\n", 1000)); len(many) != 1 || many[0].Count != 1000 {
		t.Errorf("%+v", many)
	}
}

// FuzzForeignText: whatever a container prints, a report stays a text of printable lines, and a
// Markdown table keeps its form.
func FuzzForeignText(f *testing.F) {
	f.Add("`|` @everyone <img src=x>\x1b[2J")
	f.Add("``` \n| a |")
	f.Fuzz(func(t *testing.T, s string) {
		r := rehearsal.Report{
			Logs:   rehearsal.ErrorsIn(s, "E: "+s),
			Checks: []rehearsal.Check{{Name: rehearsal.Printable(s), Status: 1, Output: rehearsal.Tail(s, 5)}},
			Schema: rehearsal.CompareSchemas(nil, rehearsal.Schema{rehearsal.Object{Table: s, Kind: "column", Name: s}: s}),
		}
		r.Conclude()
		for _, text := range []string{rehearsal.Text(r), rehearsal.Markdown(r)} {
			for _, c := range text {
				if c < ' ' && c != '\n' || c == 0x7f {
					t.Fatalf("control character %q in %q", c, text)
				}
			}
		}
	})
}
