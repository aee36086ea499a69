package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// matches reports whether a document is what a query wants. A query it does not know is
// an error, never a guess.
func matches(query object, d document) (bool, error) {
	if len(query) != 1 {
		return false, fmt.Errorf("a query has %d kinds, not one", len(query))
	}
	for kind, body := range query {
		switch kind {
		case "match_all":
			return true, nil
		case "bool":
			return matchesBool(object2(body), d)
		case "constant_score", "function_score", "nested":
			inner := object2(body)
			return matches(object2(cmp.Or[any](inner["filter"], inner["query"])), d)
		case "ids":
			return slices.ContainsFunc(values(object2(body)["values"]), func(v any) bool { return fmt.Sprint(v) == d.id }), nil
		case "exists":
			return len(d.values(fmt.Sprint(object2(body)["field"]))) > 0, nil
		case "multi_match":
			return matchesFields(object2(body), d), nil
		case "term", "terms", "range", "match", "match_phrase", "match_phrase_prefix", "prefix", "wildcard":
			return matchesField(kind, object2(body), d)
		default:
			return false, fmt.Errorf("unknown query %q", kind)
		}
	}
	return false, nil
}

func object2(v any) object {
	o, _ := v.(object) // anything else has no keys
	return o
}

func matchesBool(body object, d document) (bool, error) {
	count := func(clause string) (met, all int, err error) {
		for _, q := range values(body[clause]) {
			ok, err := matches(object2(q), d)
			if err != nil {
				return 0, 0, err
			}
			if ok {
				met++
			}
			all++
		}
		return met, all, nil
	}
	required := 0
	for _, clause := range []string{"must", "filter"} {
		met, all, err := count(clause)
		if err != nil || met < all {
			return false, err
		}
		required += all
	}
	if met, _, err := count("must_not"); err != nil || met > 0 {
		return false, err
	}
	met, all, err := count("should")
	least := 0
	if all > 0 && required == 0 {
		least = 1
	}
	if given, ok := body["minimum_should_match"]; ok && all > 0 {
		if n, ok := number(given); ok {
			least = int(n)
		}
	}
	return met >= least, err
}

// matchesField answers the queries that name one field: {FIELD: VALUE or {...}}.
func matchesField(kind string, body object, d document) (bool, error) {
	for field, want := range body {
		if field == "boost" || field == "minimum_should_match" {
			continue
		}
		if kind == "range" {
			return inRange(object2(want), d.values(field))
		}
		if kind == "terms" {
			return slices.ContainsFunc(values(want), func(w any) bool { return containsValue(d.values(field), w) }), nil
		}
		if o, ok := want.(object); ok {
			want = cmp.Or[any](o["value"], o["query"])
		}
		if kind == "term" {
			return containsValue(d.values(field), want), nil
		}
		return containsText(d.values(field), fmt.Sprint(want)), nil
	}
	return false, nil
}

func matchesFields(body object, d document) bool {
	for _, f := range values(body["fields"]) {
		field, _, _ := strings.Cut(fmt.Sprint(f), "^")
		if containsText(d.values(field), fmt.Sprint(body["query"])) {
			return true
		}
	}
	return false
}

// values returns the values of a field. "_search" is where Magento's mapping copies all
// searchable text.
func (d document) values(field string) []any {
	switch field {
	case "_id":
		return []any{d.id}
	case "_search":
		var all []any
		for _, name := range slices.Sorted(maps.Keys(d.fields)) {
			all = append(all, values(d.fields[name])...)
		}
		return all
	}
	if v, ok := d.fields[field]; ok {
		return values(v)
	}
	parent, _, ok := strings.Cut(field, ".") // a sub-field such as name.sort_name
	if !ok {
		return nil
	}
	return values(d.fields[parent])
}

func containsValue(have []any, want any) bool {
	return slices.ContainsFunc(have, func(h any) bool { return equal(h, want) })
}

func equal(a, b any) bool {
	x, okX := number(a)
	y, okY := number(b)
	if okX && okY {
		return x == y
	}
	return fmt.Sprint(a) == fmt.Sprint(b)
}

// containsText reports whether one of the words is at the start of a word of the text.
func containsText(have []any, want string) bool {
	words := strings.Fields(strings.ToLower(strings.Trim(want, "*%")))
	for _, h := range have {
		text := " " + strings.ToLower(fmt.Sprint(h))
		for _, word := range words {
			if strings.Contains(text, " "+word) {
				return true
			}
		}
	}
	return false
}

func inRange(limits object, have []any) (bool, error) {
	for name := range limits {
		if !slices.Contains([]string{"gte", "gt", "lte", "lt", "boost", "format"}, name) {
			return false, fmt.Errorf("unknown limit %q", name)
		}
	}
	return slices.ContainsFunc(have, func(h any) bool {
		for name, limit := range limits {
			c := compare(h, limit)
			if name == "gte" && c < 0 || name == "gt" && c <= 0 || name == "lte" && c > 0 || name == "lt" && c >= 0 {
				return false
			}
		}
		return true
	}), nil
}

// compare orders numbers as numbers and anything else as text.
func compare(a, b any) int {
	x, okX := number(a)
	y, okY := number(b)
	if okX && okY {
		return cmp.Compare(x, y)
	}
	return strings.Compare(text(a), text(b))
}

func text(v any) string {
	if n, ok := v.(float64); ok {
		return strconv.FormatFloat(n, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}
