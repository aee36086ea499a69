package databasetest

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"strings"
	"testing"

	_ "modernc.org/sqlite" // the fake's engine

	"sluice/internal/toolkit/phparray"
)

// Fake is a database in memory. It runs the SQL that MySQL and SQLite have in common, and
// answers the few statements that only MySQL has.
type Fake struct {
	Prefix  string
	Version string // of the server; "" for a MariaDB
	// Fail is returned by every query when it is set, as when the server is gone.
	Fail error

	db *sql.DB
}

// New returns an empty Fake that is gone when the test ends.
func New(tb testing.TB) *Fake {
	tb.Helper()
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		tb.Fatal(err)
	}
	db.SetMaxOpenConns(1) // every connection would be a database of its own
	tb.Cleanup(func() { _ = db.Close() })
	return &Fake{db: db}
}

// Must runs statements that prepare a test, separated by semicolons.
func (f *Fake) Must(tb testing.TB, statements string) {
	tb.Helper()
	if _, err := f.db.ExecContext(tb.Context(), statements); err != nil {
		tb.Fatal(err)
	}
}

// Table returns the name of a table with the prefix.
func (f *Fake) Table(name string) string { return f.Prefix + name }

// Exec runs a statement and returns how many rows it changed.
func (f *Fake) Exec(ctx context.Context, statement string, args ...any) (int64, error) {
	if f.Fail != nil {
		return 0, f.Fail
	}
	result, err := f.db.ExecContext(ctx, statement, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// Rows runs a query.
func (f *Fake) Rows(ctx context.Context, query string, args ...any) (out []*phparray.Array, err error) {
	if f.Fail != nil {
		return nil, f.Fail
	}
	query, answer := f.translated(query)
	if answer != nil {
		return answer, nil
	}
	rows, err := f.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() {
		if failed := rows.Close(); err == nil {
			err = failed
		}
	}()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		row, err := scan(rows, columns)
		if err != nil {
			return nil, err
		}
		out = append(out, row)
	}
	return out, rows.Err()
}

func scan(rows *sql.Rows, columns []string) (*phparray.Array, error) {
	values, targets := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		targets[i] = &values[i]
	}
	if err := rows.Scan(targets...); err != nil {
		return nil, err
	}
	row := phparray.New()
	for i, name := range columns {
		row.Set(name, plain(values[i]))
	}
	return row, nil
}

func plain(v any) any {
	switch v := v.(type) {
	case int64:
		return int(v)
	case []byte:
		return string(v)
	case nil, string, float64:
		return v
	default:
		return fmt.Sprint(v)
	}
}

var showVariables = regexp.MustCompile(`(?i)^show variables like ["']%?([\w]+)%?["']$`)

// translated turns MySQL's own statements into SQLite's, or answers them.
func (f *Fake) translated(query string) (string, []*phparray.Array) {
	query = strings.TrimSuffix(strings.TrimSpace(query), ";")
	version := f.Version
	if version == "" {
		version = "10.6.19-MariaDB-log"
	}
	switch lower := strings.ToLower(query); {
	case lower == "show tables":
		return `SELECT name AS "Tables_in_main" FROM sqlite_master WHERE type = 'table' ORDER BY name`, nil
	case lower == "select version()":
		return "", []*phparray.Array{phparray.Map("VERSION()", version)}
	case showVariables.MatchString(query):
		rows := []*phparray.Array{}
		for _, name := range []string{"version", "version_comment"} {
			if strings.Contains(name, strings.ToLower(showVariables.FindStringSubmatch(query)[1])) {
				rows = append(rows, phparray.Map("Variable_name", name, "Value", version))
			}
		}
		return "", rows
	}
	return query, nil
}
