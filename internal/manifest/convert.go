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
	if n := c.shared[y.Alias]; n != nil {
		return n
	}
	pos := c.place(y.Line, y.Column)
	c.mistake(pos, "alias-cycle", fmt.Sprintf("alias *%s is inside the value it stands for", y.Value), "", "")
	return &node{pos: pos, kind: kindNull, weight: 1}
}

func (c *converter) value(y *yaml.Node, depth int) *node {
	pos := c.place(y.Line, y.Column)
	if depth > maxDepth {
		c.mistake(pos, "nesting-too-deep", fmt.Sprintf("maps and lists nest deeper than %d", maxDepth), "", "")
		return &node{pos: pos, kind: kindNull, weight: 1}
	}
	switch {
	case y.Tag == "!include" || y.Tag == "!archive":
		return c.include(y, pos)
	case strings.HasPrefix(y.Tag, "!") && !strings.HasPrefix(y.Tag, "!!"):
		c.mistake(pos, "unknown-tag", "unknown tag "+show(y.Tag), "", didYouMean(y.Tag, []string{"!include", "!archive"}))
	}
	n := &node{pos: pos, weight: 1}
	switch y.Kind {
	case yaml.MappingNode:
		c.mapping(n, y, depth)
	case yaml.SequenceNode:
		n.kind = kindList
		for _, child := range y.Content {
			item := c.convert(child, depth+1)
			n.items = append(n.items, item)
			n.weight += item.weight
		}
	default:
		c.scalar(n, y)
	}
	return c.bounded(n)
}

// bounded replaces a tree that aliases have made too large.
func (c *converter) bounded(n *node) *node {
	if n.weight <= maxValues {
		return n
	}
	c.mistake(n.pos, "too-many-values", fmt.Sprintf("the document has more than %d values", maxValues), "aliases count as often as they are used", "")
	return &node{pos: n.pos, kind: kindNull, weight: 1}
}

func (c *converter) mapping(n *node, y *yaml.Node, depth int) {
	n.kind = kindMap
	lines := make(map[string]int, len(y.Content)/2)
	var merges []*yaml.Node
	for i := 0; i+1 < len(y.Content); i += 2 {
		if y.Content[i].Tag == "!!merge" {
			merges = append(merges, y.Content[i+1])
			continue
		}
		e, ok := c.entry(y.Content[i], y.Content[i+1], depth)
		if !ok {
			continue
		}
		n.weight += e.value.weight + 1
		if first, found := lines[e.key]; found {
			c.mistake(e.pos, "duplicate-key", fmt.Sprintf("duplicate key %s, first on line %d", show(e.key), first),
				"only one of the values would count", fmt.Sprintf("remove line %d or line %d, or put both values under one key", first, e.pos.Line))
			continue
		}
		lines[e.key] = e.pos.Line
		n.entries = append(n.entries, e)
	}
	for _, m := range merges {
		c.merge(n, m, lines, depth)
	}
}

func (c *converter) entry(key, value *yaml.Node, depth int) (entry, bool) {
	if key.Kind == yaml.AliasNode {
		key = key.Alias
	}
	pos := c.place(key.Line, key.Column)
	if key.Kind != yaml.ScalarNode {
		c.mistake(pos, "complex-key", "a key must be a word", "maps and lists cannot be keys", "")
		return entry{}, false
	}
	return entry{key: c.unmark(key.Value), pos: pos, value: c.convert(value, depth+1)}, true
}

// merge adds the entries of a "<<" value that the map does not have itself.
func (c *converter) merge(n *node, y *yaml.Node, lines map[string]int, depth int) {
	from := c.convert(y, depth+1)
	switch {
	case from.kind == kindMap:
		for _, e := range from.entries {
			if _, own := lines[e.key]; !own {
				lines[e.key] = e.pos.Line
				n.entries = append(n.entries, e)
				n.weight += e.value.weight + 1
			}
		}
	case from.kind == kindList && y.Kind == yaml.SequenceNode:
		for _, item := range y.Content {
			c.merge(n, item, lines, depth+1)
		}
	case from.kind != kindNull:
		c.mistake(c.place(y.Line, y.Column), "merge-key", "\"<<\" needs a map or a list of maps", "", "write \"<<: *anchor\" with an anchor on a map")
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
	case "!!float":
		var v float64
		if y.Decode(&v) == nil && !math.IsInf(v, 0) && !math.IsNaN(v) {
			n.kind, n.value = kindFloat, v
		}
	}
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
