package rehearsal

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// Table is a table of a database whose definition changed.
type Table struct {
	Name    string   `json:"name"`   // "service/schema.table"
	Change  string   `json:"change"` // Added, Removed or Changed
	Details []string `json:"details"`
}

// How something changed.
const (
	Added   = "added"
	Removed = "removed"
	Changed = "changed"
)

// Schema is the definitions of databases' columns and indexes.
type Schema map[Object]string

// Object is a column or an index.
type Object struct {
	Table string // "service/schema.table"
	Kind  string // "column" or "index"
	Name  string
}

// CompareSchemas lists the tables that differ, by name.
func CompareSchemas(before, after Schema) []Table {
	tables := []Table{}
	had, has := tablesOf(before), tablesOf(after)
	names := slices.Sorted(maps.Keys(joined(had, has)))
	for _, name := range names {
		switch {
		case !had[name]:
			tables = append(tables, Table{Name: Printable(name), Change: Added, Details: []string{count(columns(after, name), "column")}})
		case !has[name]:
			tables = append(tables, Table{Name: Printable(name), Change: Removed, Details: []string{count(columns(before, name), "column")}})
		default:
			if details := differences(before, after, name); len(details) > 0 {
				tables = append(tables, Table{Name: Printable(name), Change: Changed, Details: details})
			}
		}
	}
	return tables
}

func tablesOf(s Schema) map[string]bool {
	out := map[string]bool{}
	for o := range s {
		out[o.Table] = true
	}
	return out
}

func joined(a, b map[string]bool) map[string]bool {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

func columns(s Schema, table string) int {
	n := 0
	for o := range s {
		if o.Table == table && o.Kind == "column" {
			n++
		}
	}
	return n
}

// differences lists what changed of a table that both have.
func differences(before, after Schema, table string) []string {
	var objects []Object
	for _, s := range []Schema{before, after} {
		for o := range s {
			if o.Table == table && before[o] != after[o] {
				objects = append(objects, o)
			}
		}
	}
	slices.SortFunc(objects, func(a, b Object) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name)) })
	details := []string{}
	for _, o := range slices.Compact(objects) {
		was, had := before[o]
		is, has := after[o]
		text := o.Kind + " " + o.Name + " "
		switch {
		case !had:
			text += Added + ": " + is
		case !has:
			text += Removed + ": " + was
		default:
			text += Changed + ": " + was + " → " + is
		}
		details = append(details, Printable(text))
	}
	return details
}

// definition joins the parts of a definition that say anything.
func definition(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), " ")
}

// AddColumn adds a row of information_schema.columns.
func (s Schema) AddColumn(table, name, kind, nullable, fallback string) {
	if nullable == "NO" {
		nullable = "not null"
	} else {
		nullable = ""
	}
	if fallback != "" {
		fallback = "default " + fallback
	}
	s[Object{Table: table, Kind: "column", Name: name}] = definition(kind, nullable, fallback)
}

// AddIndex adds a row of information_schema.statistics, grouped by index.
func (s Schema) AddIndex(table, name, notUnique, columns string) {
	unique := ""
	if notUnique == "0" {
		unique = "unique"
	}
	s[Object{Table: table, Kind: "index", Name: name}] = definition(unique, "("+columns+")")
}
