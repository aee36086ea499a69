package database

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"sluice/internal/toolkit/journal"
	"sluice/internal/toolkit/phparray"
)

// connection is one open database.
type connection struct {
	db     *sql.DB
	prefix string
	log    *journal.Logger
}

// Table returns the name of a table with the installation's prefix.
func (c *connection) Table(name string) string { return c.prefix + name }

// Exec runs a statement and returns how many rows it changed.
func (c *connection) Exec(ctx context.Context, statement string, args ...any) (int64, error) {
	c.note(statement, args)
	result, err := c.db.ExecContext(ctx, statement, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// Rows runs a query; each row maps its columns in order to null, integers, floats or texts.
func (c *connection) Rows(ctx context.Context, query string, args ...any) ([]*phparray.Array, error) {
	c.note(query, args)
	rows, err := c.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return collect(rows)
}

// collect reads all rows and closes them.
func collect(rows *sql.Rows) (out []*phparray.Array, err error) {
	defer func() {
		if failed := rows.Close(); err == nil {
			err = failed
		}
	}()
	columns, err := rows.ColumnTypes()
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

func (c *connection) note(statement string, args []any) {
	c.log.Debug("Query: " + statement)
	if len(args) == 0 {
		return
	}
	if text, err := json.Marshal(args); err == nil {
		c.log.Debug("Query bindings: " + string(text))
	}
}

func scan(rows *sql.Rows, columns []*sql.ColumnType) (*phparray.Array, error) {
	values := make([]any, len(columns))
	targets := make([]any, len(columns))
	for i := range values {
		targets[i] = &values[i]
	}
	if err := rows.Scan(targets...); err != nil {
		return nil, err
	}
	row := phparray.New()
	for i, column := range columns {
		row.Set(column.Name(), plain(values[i], column.DatabaseTypeName()))
	}
	return row, nil
}

// plain makes a value of what the driver gives: with arguments numbers are numbers, without
// them everything is text, which must make no difference.
func plain(v any, kind string) any {
	switch v := v.(type) {
	case int64:
		return int(v)
	case float32:
		return float64(v)
	case []byte:
		return number(string(v), kind)
	case string:
		return number(v, kind)
	case nil, float64:
		return v
	default:
		return fmt.Sprint(v)
	}
}

func number(text, kind string) any {
	switch {
	case strings.Contains(kind, "INT") || kind == "YEAR":
		if n, err := strconv.Atoi(text); err == nil {
			return n
		}
	case kind == "FLOAT" || kind == "DOUBLE":
		if f, err := strconv.ParseFloat(text, 64); err == nil {
			return f
		}
	}
	return text
}
