package sanitize

import (
	_ "embed"
	"fmt"
	"path"
	"slices"
	"strings"
)

//go:embed tables.txt
var tablesText string

// treatment is what is done with a table.
type treatment string

// The treatments of tables.txt.
const (
	rewriteColumns treatment = "update"
	empty          treatment = "clear"
	derive         treatment = "derive"
	keep           treatment = "keep"
)

// tableRule is what is done with one table. The zero value is that of an unknown table.
type tableRule struct {
	treatment treatment
	own       string            // see tables.txt; "" when rows belong to no customer or user
	columns   map[string]string // rule by column
}

// rules are tables.txt.
type rules struct {
	tables   map[string]tableRule
	patterns []string        // names with *, all of them kept
	strip    map[string]bool // emptied in mode strip too
	plain    map[string]bool // TABLE.COLUMN
	classes  []class         // of columns that no line names
}

// parseRules reads tables.txt.
func parseRules(text string) (*rules, error) {
	r := &rules{tables: map[string]tableRule{}, strip: map[string]bool{}, plain: map[string]bool{}, classes: classes()}
	return r, eachLine("tables.txt", text, r.add)
}

// eachLine gives the words of every line but comments to a function; an error names the line.
func eachLine(name, text string, do func(verb string, words []string) error) error {
	n := 0
	for line := range strings.Lines(text) {
		n++
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		if err := do(words[0], words[1:]); err != nil {
			return fmt.Errorf("%s:%d: %w", name, n, err)
		}
	}
	return nil
}

func (r *rules) add(verb string, words []string) error {
	switch verb {
	case "strip", "plain":
		set := map[string]map[string]bool{"strip": r.strip, "plain": r.plain}[verb]
		for _, w := range words {
			set[w] = true
		}
		return nil
	case "clear", "keep", "derive":
		for _, w := range words {
			if strings.Contains(w, "*") {
				r.patterns = append(r.patterns, w)
			} else if err := r.set(w, tableRule{treatment: treatment(verb)}); err != nil {
				return err
			}
		}
		return nil
	case "update":
		return r.addUpdate(words)
	}
	return fmt.Errorf("unknown verb %q", verb)
}

func (r *rules) addUpdate(words []string) error {
	rule := tableRule{treatment: rewriteColumns, columns: map[string]string{}}
	for _, w := range words[1:] {
		names, kind, _ := strings.Cut(w, "=")
		if names == "own" {
			rule.own = kind
			continue
		}
		if !slices.Contains(columnRules(), kind) {
			return fmt.Errorf("unknown rule %q", kind)
		}
		for name := range strings.SplitSeq(names, ",") {
			rule.columns[name] = kind
		}
	}
	for name := range strings.SplitSeq(words[0], ",") {
		if err := r.set(name, rule); err != nil {
			return err
		}
	}
	return nil
}

func (r *rules) set(name string, rule tableRule) error {
	if _, twice := r.tables[name]; twice {
		return fmt.Errorf("%s is there twice", name)
	}
	r.tables[name] = rule
	return nil
}

// of returns the rule of a table, by its name without prefix; ok is false for a table that
// tables.txt does not name.
func (r *rules) of(name string) (rule tableRule, ok bool) {
	if rule, ok := r.tables[name]; ok {
		return rule, true
	}
	for _, p := range r.patterns {
		if match, err := path.Match(p, name); err == nil && match {
			return tableRule{treatment: keep}, true
		}
	}
	return tableRule{}, false
}
