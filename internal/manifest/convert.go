package manifest

import (
	"fmt"
	"math"
	"strings"

	"go.yaml.in/yaml/v3"
)

// converter turns the library's tree of one file into ours: aliases, merge keys and
// includes resolved, duplicate keys found, size and depth bounded.
type converter struct {
	*source

	file      string
	base      string // directory that includes are relative to and may not leave
	includes  int    // files that include this one
	constants bool   // !php/const is allowed

	// shared holds the trees of anchors; nil while one is being made.
	shared map[*yaml.Node]*node
}

// convert returns the tree of a value, and keeps it when an alias may ask for it again.
func (c *converter) convert(y *yaml.Node, depth int) *node {
	if y.Kind == yaml.AliasNode {
		return c.alias(y)
	}
	if y.Anchor == "" {
		return c.value(y, depth)
	}
	if c.shared == nil {
		c.shared = map[*yaml.Node]*node{}
	}
	c.shared[y] = nil // an alias inside is a cycle
	n := c.value(y, depth)
	c.shared[y] = n
	return n
}

// alias returns its target's tree, the same one for every use.
func (c *converter) alias(y *yaml.Node) *node {
	pos := c.place(y.Line, y.Column)
	n := c.shared[y.Alias]
	if n == nil {
		c.mistake(pos, "alias-cycle", fmt.Sprintf("alias *%s is inside the value it stands for", y.Value), "", "")
		return nothing(pos)
	}
	if !c.spend(n.weight, pos) {
		return nothing(pos)
	}
	return n
}

func (c *converter) value(y *yaml.Node, depth int) *node {
	pos := c.place(y.Line, y.Column)
	cost := 1 + costOfText(y.Value)
	if !c.spend(cost, pos) {
		return nothing(pos)
	}
	if depth > maxDepth {
		c.mistake(pos, "nesting-too-deep", fmt.Sprintf("maps and lists nest deeper than %d", maxDepth), "", "")
		return nothing(pos)
	}
	switch {
	case y.Tag == "!include" || y.Tag == "!archive":
		return c.include(y, pos)
	case strings.HasPrefix(y.Tag, "!") && !strings.HasPrefix(y.Tag, "!!"):
		c.mistake(pos, "unknown-tag", "unknown tag "+show(y.Tag), "", didYouMean(y.Tag, []string{"!include", "!archive"}))
	}
	n := &node{pos: pos, weight: cost}
	switch y.Kind {
	case yaml.MappingNode:
		c.mapping(n, y, depth)
	case yaml.SequenceNode:
		n.kind = kindList
		for _, child := range y.Content {
			if c.budget.exceeded {
				break
			}
			item := c.convert(child, depth+1)
			n.items = append(n.items, item)
			n.weight += item.weight
		}
	default:
		c.scalar(n, y)
	}
	return n
}

func (c *converter) mapping(n *node, y *yaml.Node, depth int) {
	n.kind = kindMap
	lines := make(map[string]int, len(y.Content)/2)
	var merges []*yaml.Node
	for i := 0; i+1 < len(y.Content) && !c.budget.exceeded; i += 2 {
		if y.Content[i].Tag == "!!merge" {
			merges = append(merges, y.Content[i+1])
			continue
		}
		e, ok := c.entry(y.Content[i], y.Content[i+1], depth)
		if !ok {
			continue
		}
		if first, found := lines[e.key]; found {
			n.find(e.key).twice = true
			c.mistake(e.pos, "duplicate-key", fmt.Sprintf("duplicate key %s, first on line %d", show(e.key), first),
				"only one of the values would count", fmt.Sprintf("remove line %d or line %d, or put both values under one key", first, e.pos.Line))
			continue
		}
		n.add(e, lines)
	}
	for _, m := range merges {
		c.merge(n, m, lines, depth)
	}
}

// add appends an entry; lines holds the keys that the map has.
func (n *node) add(e entry, lines map[string]int) {
	lines[e.key] = e.pos.Line
	n.entries = append(n.entries, e)
	n.weight += e.cost() + e.value.weight
}

// cost is what the key costs.
func (e entry) cost() int { return 1 + costOfText(e.key) }

func (c *converter) entry(key, value *yaml.Node, depth int) (entry, bool) {
	if key.Kind == yaml.AliasNode {
		key = key.Alias
	}
	pos := c.place(key.Line, key.Column)
	if key.Kind != yaml.ScalarNode {
		c.mistake(pos, "complex-key", "a key must be a word", "maps and lists cannot be keys", "")
		return entry{}, false
	}
	e := entry{key: c.unmark(key.Value), pos: pos}
	if !c.spend(e.cost(), pos) {
		return entry{}, false
	}
	e.value = c.convert(value, depth+1)
	return e, true
}

// merge adds the entries of a "<<" value that the map does not have itself. The values are
// shared, and the alias that brings them has paid for them.
func (c *converter) merge(n *node, y *yaml.Node, lines map[string]int, depth int) {
	from := []*node{c.convert(y, depth+1)}
	if from[0].kind == kindList && y.Kind == yaml.SequenceNode {
		from = from[0].items
	}
	for _, m := range from {
		if m.kind&(kindMap|kindNull) == 0 {
			c.mistake(c.place(y.Line, y.Column), "merge-key", "\"<<\" needs a map or a list of maps", "", "write \"<<: *anchor\" with an anchor on a map")
			return
		}
		for _, e := range m.entries {
			if _, own := lines[e.key]; !own {
				n.add(e, lines)
			}
		}
	}
}

func (c *converter) scalar(n *node, y *yaml.Node) {
	const quotes = yaml.DoubleQuotedStyle | yaml.SingleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle
	n.text, n.quoted = c.unmark(y.Value), y.Style&quotes != 0
	n.kind, n.value = kindText, n.text
	switch y.ShortTag() {
	case "!!null":
		n.kind, n.value = kindNull, nil
	case "!!bool":
		var v bool
		if y.Decode(&v) == nil {
			n.kind, n.value = kindBool, v
		}
	case "!!int":
		var v int
		if y.Decode(&v) == nil {
			n.kind, n.value = kindInt, v
		}
		c.digits(n)
	case "!!float":
		if c.digits(n) {
			return
		}
		var v float64
		if y.Decode(&v) == nil && !math.IsInf(v, 0) && !math.IsNaN(v) {
			n.kind, n.value = kindFloat, v
		}
	}
}

// digits warns about a row of digits that readers of YAML take for different things, and
// reports whether it stays text. A number of YAML 1.1 has no leading zero, or it is octal;
// what does not fit into 64 bits would lose digits. The digits may be a password, so they
// are not repeated.
func (c *converter) digits(n *node) (text bool) {
	digits := strings.TrimLeft(n.text, "+-")
	if n.quoted || strings.Trim(digits, "0123456789") != "" {
		return false
	}
	fix := "put them in quotes"
	switch zero := len(digits) > 1 && digits[0] == '0'; {
	case n.kind == kindInt && zero:
		c.warn(n.pos, "digits", "digits that begin with 0 are an octal number", "", fix+", or write the number without the 0")
	case n.kind == kindInt:
	case zero:
		c.warn(n.pos, "digits", "digits that begin with 0 are text here", "other programs take them for a number without the 0", fix)
	default:
		c.warn(n.pos, "digits", "digits that are too long for a number are text here", "other programs round them", fix)
	}
	return n.kind == kindText
}

func (c *converter) warn(pos Position, rule, message, why, fix string) {
	c.add(Diagnostic{Pos: pos, Severity: SeverityWarning, Rule: rule, Message: message, Why: why, Fix: fix})
}

// unmark restores the tag of a PHP constant.
func (c *converter) unmark(s string) string {
	if rest, ok := strings.CutPrefix(s, constantMark); ok && c.constants {
		return constantTag + rest
	}
	return s
}

func (c *converter) mistake(pos Position, rule, message, why, fix string) {
	c.add(Diagnostic{Pos: pos, Severity: SeverityError, Rule: rule, Message: message, Why: why, Fix: fix})
}
