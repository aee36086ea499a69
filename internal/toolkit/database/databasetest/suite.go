package databasetest

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phparray"
)

// Run checks that a database does what the toolkit's users of it rely on. open returns one
// that has no table beginning with suite_ and the prefix "suite_".
func Run(t *testing.T, open func(t *testing.T) kit.Database) {
	t.Helper()
	for name, check := range map[string]func(t *testing.T, db kit.Database){
		"types": types, "arguments": arguments, "changes": changes, "tables": tables, "version": version, "errors": failures, "cancelled": cancelled,
	} {
		t.Run(name, func(t *testing.T) {
			db := open(t)
			table := db.Table("config")
			if table != "suite_config" {
				t.Fatalf("table %s", table)
			}
			must(t, db, "DROP TABLE IF EXISTS "+table)
			must(t, db, "CREATE TABLE "+table+" (id INTEGER PRIMARY KEY, `path` VARCHAR(255) NOT NULL, `value` TEXT, weight DOUBLE)")
			t.Cleanup(func() { _, _ = db.Exec(context.WithoutCancel(t.Context()), "DROP TABLE IF EXISTS "+table) })
			must(t, db, "INSERT INTO "+table+" (id, `path`, `value`, weight) VALUES (1, 'web/secure/base_url', 'https://old.example/', 1.5), (2, 'web/unsecure/base_url', 'http://old.example/', 2), (3, 'general/locale/code', NULL, NULL)")
			check(t, db)
		})
	}
}

func must(t *testing.T, db kit.Database, statement string, args ...any) int64 {
	t.Helper()
	n, err := db.Exec(t.Context(), statement, args...)
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	return n
}

func rows(t *testing.T, db kit.Database, query string, args ...any) []*phparray.Array {
	t.Helper()
	out, err := db.Rows(t.Context(), query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return out
}

// expect compares rows as PHP arrays, which shows types and order.
func expect(t *testing.T, got []*phparray.Array, want ...*phparray.Array) {
	t.Helper()
	show := func(rows []*phparray.Array) string {
		all := phparray.New()
		for _, row := range rows {
			all.Append(row)
		}
		return string(phparray.ExportShort(all))
	}
	if diff := cmp.Diff(show(want), show(got)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// types: a query with and without arguments gives the same types, columns keep their order.
func types(t *testing.T, db kit.Database) {
	t.Helper()
	want := []*phparray.Array{
		phparray.Map("id", 1, "weight", 1.5, "value", "https://old.example/"),
		phparray.Map("id", 3, "weight", nil, "value", nil),
	}
	query := "SELECT id, weight, `value` FROM " + db.Table("config")
	expect(t, rows(t, db, query+" WHERE id <> 2 ORDER BY id"), want...)
	expect(t, rows(t, db, query+" WHERE id <> ? ORDER BY id", 2), want...)
}

func arguments(t *testing.T, db kit.Database) {
	t.Helper()
	query := "SELECT id FROM " + db.Table("config") + " WHERE `path` IN (?, ?) ORDER BY id"
	expect(t, rows(t, db, query, "web/unsecure/base_url", `x' OR '1'='1`), phparray.Map("id", 2))
	expect(t, rows(t, db, query, "a", "b"))
}

// changes: Exec says how many rows changed.
func changes(t *testing.T, db kit.Database) {
	t.Helper()
	replace := "UPDATE " + db.Table("config") + " SET `value` = REPLACE(`value`, ?, ?) WHERE `value` LIKE ?"
	if n := must(t, db, replace, "old.example", "new.example", "%old.example%"); n != 2 {
		t.Errorf("%d rows changed", n)
	}
	if n := must(t, db, replace, "old.example", "new.example", "%old.example%"); n != 0 {
		t.Errorf("%d rows changed the second time", n)
	}
	expect(t, rows(t, db, "SELECT `value` FROM "+db.Table("config")+" WHERE id = 1"), phparray.Map("value", "https://new.example/"))
	if n := must(t, db, "DELETE FROM "+db.Table("config")+" WHERE id > ?", 1); n != 2 {
		t.Errorf("%d rows deleted", n)
	}
}

func tables(t *testing.T, db kit.Database) {
	t.Helper()
	found := false
	for _, row := range rows(t, db, "SHOW TABLES") {
		for _, v := range row.All() {
			found = found || v == db.Table("config")
		}
	}
	if !found {
		t.Error("SHOW TABLES does not have the table")
	}
}

func version(t *testing.T, db kit.Database) {
	t.Helper()
	got := rows(t, db, "SELECT VERSION()")
	if len(got) != 1 || got[0].Len() != 1 || got[0].Text("VERSION()") == "" {
		t.Errorf("version: %v", got)
	}
	if got := rows(t, db, `SHOW VARIABLES LIKE "%version%"`); len(got) == 0 || got[0].Text("Variable_name") == "" || !got[0].Has("Value") {
		t.Errorf("variables: %v", got)
	}
	if got := rows(t, db, `SHOW VARIABLES LIKE "aurora_version"`); len(got) != 0 {
		t.Errorf("aurora: %v", got)
	}
}

// failures: an error is an error, and the database can be used afterwards.
func failures(t *testing.T, db kit.Database) {
	t.Helper()
	if _, err := db.Rows(t.Context(), "SELECT x FROM suite_none"); err == nil {
		t.Error("no error for a table that does not exist")
	}
	if _, err := db.Exec(t.Context(), "UPDATE nonsense"); err == nil {
		t.Error("no error for nonsense")
	}
	expect(t, rows(t, db, "SELECT id FROM "+db.Table("config")+" WHERE id = 1"), phparray.Map("id", 1))
}

func cancelled(t *testing.T, db kit.Database) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(nil)
	if _, err := db.Rows(ctx, "SELECT id FROM "+db.Table("config")); err == nil {
		t.Error("a cancelled query gave rows")
	}
	if _, err := db.Exec(ctx, "DELETE FROM "+db.Table("config")); err == nil {
		t.Error("a cancelled statement ran")
	}
	expect(t, rows(t, db, "SELECT COUNT(*) AS n FROM "+db.Table("config")), phparray.Map("n", 3))
}
