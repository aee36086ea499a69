package sanitize

import (
	"context"
	"maps"
	"slices"
	"strings"

	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phparray"
)

// column is one column of a table.
type column struct {
	name      string
	kind      string // its data type, lower case: varchar, int, ...
	length    int    // in characters; 0 when it has no limit worth minding
	nullable  bool
	generated bool
	onUpdate  bool // the server sets it when a row changes
}

func (c column) text() bool {
	return slices.Contains([]string{"char", "varchar", "tinytext", "text", "mediumtext", "longtext", "blob", "mediumblob", "longblob", "tinyblob", "varbinary", "binary", "json"}, c.kind)
}

func (c column) date() bool {
	return slices.Contains([]string{"date", "datetime", "timestamp"}, c.kind)
}

func (c column) size() int {
	if c.length == 0 {
		return 64
	}
	return c.length
}

// reference is a foreign key of one column, seen from the table that has it.
type reference struct {
	table, column string // that refer
	to            string // the table referred to
}

// trigger is one of a table.
type trigger struct{ name, table, timing, event, mode, body string }

// table is a base table.
type table struct {
	name    string // without the prefix
	rows    int    // the server's estimate
	columns []column
	key     string // the primary key, when it is one integer column
}

func (t *table) column(name string) (column, bool) {
	i := slices.IndexFunc(t.columns, func(c column) bool { return strings.EqualFold(c.name, name) })
	if i < 0 {
		return column{}, false
	}
	return t.columns[i], true
}

// schema is what a database has.
type schema struct {
	prefix     string
	tables     map[string]*table
	references []reference
	triggers   []trigger
	seen       map[string][]suspect // unknown tables whose values look personal
}

// names returns the tables in order.
func (s *schema) names() []string { return slices.Sorted(maps.Keys(s.tables)) }

// readSchema asks the server for the tables of its database that begin with the prefix. Views are left out.
func readSchema(ctx context.Context, db kit.Database) (*schema, error) {
	s := &schema{prefix: db.Table(""), tables: map[string]*table{}, seen: map[string][]suspect{}}
	for _, read := range []func(context.Context, kit.Database) error{s.readTables, s.readColumns, s.readKeys, s.readReferences, s.readTriggers} {
		if err := read(ctx, db); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *schema) own(name string) (string, bool) { return strings.CutPrefix(name, s.prefix) }

func (s *schema) readTables(ctx context.Context, db kit.Database) error {
	rows, err := db.Rows(ctx, "SELECT TABLE_NAME AS t, COALESCE(TABLE_ROWS, 0) AS n FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'BASE TABLE'")
	for _, row := range rows {
		if name, ok := s.own(row.Text("t")); ok && !strings.HasPrefix(name, stateTable) {
			s.tables[name] = &table{name: name, rows: number(row, "n")}
		}
	}
	return err
}

func (s *schema) readColumns(ctx context.Context, db kit.Database) error {
	rows, err := db.Rows(ctx, "SELECT TABLE_NAME AS t, COLUMN_NAME AS c, DATA_TYPE AS d, COALESCE(CHARACTER_MAXIMUM_LENGTH, 0) AS l, IS_NULLABLE AS n, EXTRA AS e FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME, ORDINAL_POSITION")
	for _, row := range rows {
		name, _ := s.own(row.Text("t"))
		t := s.tables[name]
		if t == nil {
			continue
		}
		extra := strings.ToLower(row.Text("e"))
		c := column{
			name: row.Text("c"), kind: strings.ToLower(row.Text("d")), nullable: row.Text("n") == "YES",
			generated: strings.Contains(extra, "generated") && !strings.Contains(extra, "default_generated"), onUpdate: strings.Contains(extra, "on update"),
		}
		if c.kind == "char" || c.kind == "varchar" || c.kind == "varbinary" || c.kind == "binary" {
			c.length = number(row, "l")
		}
		t.columns = append(t.columns, c)
	}
	return err
}

func (s *schema) readKeys(ctx context.Context, db kit.Database) error {
	rows, err := db.Rows(ctx, "SELECT TABLE_NAME AS t, MIN(COLUMN_NAME) AS c FROM information_schema.KEY_COLUMN_USAGE WHERE TABLE_SCHEMA = DATABASE() AND CONSTRAINT_NAME = 'PRIMARY' GROUP BY TABLE_NAME HAVING COUNT(*) = 1")
	for _, row := range rows {
		name, _ := s.own(row.Text("t"))
		if t := s.tables[name]; t != nil {
			if c, ok := t.column(row.Text("c")); ok && strings.HasSuffix(c.kind, "int") {
				t.key = c.name
			}
		}
	}
	return err
}

func (s *schema) readReferences(ctx context.Context, db kit.Database) error {
	rows, err := db.Rows(ctx, "SELECT TABLE_NAME AS t, COLUMN_NAME AS c, REFERENCED_TABLE_NAME AS r FROM information_schema.KEY_COLUMN_USAGE WHERE TABLE_SCHEMA = DATABASE() AND REFERENCED_TABLE_NAME IS NOT NULL ORDER BY TABLE_NAME, COLUMN_NAME, REFERENCED_TABLE_NAME")
	for _, row := range rows {
		from, ok := s.own(row.Text("t"))
		if to, both := s.own(row.Text("r")); ok && both && s.tables[from] != nil {
			s.references = append(s.references, reference{from, row.Text("c"), to})
		}
	}
	return err
}

func (s *schema) readTriggers(ctx context.Context, db kit.Database) error {
	rows, err := db.Rows(ctx, "SELECT TRIGGER_NAME AS n, EVENT_OBJECT_TABLE AS t, ACTION_TIMING AS w, EVENT_MANIPULATION AS e, SQL_MODE AS m, ACTION_STATEMENT AS b FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE() ORDER BY EVENT_OBJECT_TABLE, ACTION_TIMING, EVENT_MANIPULATION, ACTION_ORDER")
	for _, row := range rows {
		if name, ok := s.own(row.Text("t")); ok {
			s.triggers = append(s.triggers, trigger{row.Text("n"), name, row.Text("w"), row.Text("e"), row.Text("m"), row.Text("b")})
		}
	}
	return err
}

// number is a column that is a number, also when the server gives it as a text.
func number(row *phparray.Array, name string) int { return phparray.Number(row.Get(name)) }
