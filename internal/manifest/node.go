package manifest

import (
	"strconv"
	"strings"
)

// kind is what a value in a document is. Kinds are bits, so that a shape can accept several.
type kind uint8

const (
	kindNull kind = 1 << iota
	kindBool
	kindInt
	kindFloat
	kindText
	kindList
	kindMap

	kindScalar = kindBool | kindInt | kindFloat | kindText
)

// String names the kind as messages do.
func (k kind) String() string {
	switch k {
	case kindNull:
		return "nothing"
	case kindBool:
		return "a boolean"
	case kindInt:
		return "an integer"
	case kindFloat:
		return "a number"
	case kindText:
		return "text"
	case kindList:
		return "a list"
	default:
		return "a map"
	}
}

// node is one value of a document after aliases, merge keys and includes are resolved.
// Methods accept a nil node, which stands for a value that was not given.
type node struct {
	pos     Position
	kind    kind
	text    string // a scalar as written
	quoted  bool   // a scalar in quotes or in a block
	value   any    // of a scalar, decoded
	entries []entry
	items   []*node
	weight  int // values in the tree below, itself included
}

// entry is one key of a map, in file order.
type entry struct {
	key   string
	pos   Position
	value *node
	twice bool // the map has the key again; which value is meant is not known
}

// get returns the value of a key, or nil.
func (n *node) get(key string) *node {
	e := n.find(key)
	if e == nil {
		return nil
	}
	return e.value
}

// at follows keys downwards.
func (n *node) at(keys ...string) *node {
	for _, k := range keys {
		n = n.get(k)
	}
	return n
}

func (n *node) find(key string) *entry {
	if n == nil {
		return nil
	}
	for i := range n.entries {
		if n.entries[i].key == key {
			return &n.entries[i]
		}
	}
	return nil
}

// place is the position of a key's value, or of the key when there is none, or of the
// map itself.
func (n *node) place(key string) Position {
	switch e := n.find(key); {
	case e == nil && n == nil:
		return Position{}
	case e == nil:
		return n.pos
	case e.value.kind == kindNull:
		return e.pos
	default:
		return e.value.pos
	}
}

// given reports whether there is a value other than null.
func (n *node) given() bool { return n != nil && n.kind != kindNull }

// isMap reports whether the value is a map.
func (n *node) isMap() bool { return n != nil && n.kind == kindMap }

// str returns a scalar as text; empty when there is none.
func (n *node) str() string {
	if n == nil || n.kind&kindScalar == 0 {
		return ""
	}
	return n.text
}

// num returns an integer, also one in quotes.
func (n *node) num() (int, bool) {
	if n == nil {
		return 0, false
	}
	if v, ok := n.value.(int); ok {
		return v, true
	}
	v, err := strconv.Atoi(strings.TrimSpace(n.str()))
	return v, err == nil
}

// number returns an integer, or fallback.
func (n *node) number(fallback int) int {
	if v, ok := n.num(); ok {
		return v
	}
	return fallback
}

// truth returns a boolean, also in YAML 1.1's words and in quotes.
func (n *node) truth() (value, ok bool) {
	if n == nil {
		return false, false
	}
	if v, ok := n.value.(bool); ok {
		return v, true
	}
	switch strings.ToLower(n.str()) {
	case "true", "yes", "on":
		return true, true
	case "false", "no", "off":
		return false, true
	default:
		return false, false
	}
}

// flag returns a boolean, or nil when there is none.
func (n *node) flag() *bool {
	if v, ok := n.truth(); ok {
		return &v
	}
	return nil
}

// list returns the items of a list; a single value counts as a list of one.
func (n *node) list() []*node {
	switch {
	case !n.given() || n.kind == kindMap:
		return nil
	case n.kind == kindList:
		return n.items
	default:
		return []*node{n}
	}
}

// strings returns the scalars of a list as text.
func (n *node) strings() []string {
	var out []string
	for _, item := range n.list() {
		if item.kind&kindScalar != 0 {
			out = append(out, item.text)
		}
	}
	return out
}

// texts returns the scalars of a map as text; nil when there is no map.
func (n *node) texts() map[string]string {
	if !n.isMap() {
		return nil
	}
	out := make(map[string]string, len(n.entries))
	for _, e := range n.entries {
		if e.value.kind&kindScalar != 0 {
			out[e.key] = e.value.text
		}
	}
	return out
}

// any returns the value in the types that encoding/json has.
func (n *node) any() any {
	switch {
	case !n.given():
		return nil
	case n.kind == kindMap:
		return n.mapping()
	case n.kind == kindList:
		out := make([]any, 0, len(n.items))
		for _, item := range n.items {
			out = append(out, item.any())
		}
		return out
	default:
		return n.value
	}
}

// mapping returns a map in the types that encoding/json has; nil when there is no map.
func (n *node) mapping() map[string]any {
	if !n.isMap() {
		return nil
	}
	out := make(map[string]any, len(n.entries))
	for _, e := range n.entries {
		out[e.key] = e.value.any()
	}
	return out
}

// ordered returns the value as any does, but maps as Pairs.
func (n *node) ordered() any {
	switch {
	case !n.given():
		return nil
	case n.kind == kindMap:
		out := make(Pairs, 0, len(n.entries))
		for _, e := range n.entries {
			out = append(out, Pair{e.key, e.value.ordered()})
		}
		return out
	case n.kind == kindList:
		out := make([]any, 0, len(n.items))
		for _, item := range n.items {
			out = append(out, item.ordered())
		}
		return out
	default:
		return n.value
	}
}

// saysNothing reports whether a value asks for nothing: null, false, or only such values.
func (n *node) saysNothing() bool {
	switch {
	case !n.given():
		return true
	case n.kind == kindMap:
		for _, e := range n.entries {
			if !e.value.saysNothing() {
				return false
			}
		}
		return true
	case n.kind == kindList:
		return len(n.items) == 0
	default:
		return n.value == false
	}
}
