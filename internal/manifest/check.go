package manifest

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// checker compares documents with shapes.
type checker struct {
	*findings

	opts     Options
	seen     map[visit]bool
	patterns int // redirects with an expression so far
}

// visit is one value checked against one shape. A value that aliases use ten times has
// its mistakes reported once.
type visit struct {
	value *node
	shape *shape
}

// matches checks a value and everything below it.
func (c *checker) matches(n *node, s *shape, path string) {
	if !n.given() || c.seen[visit{n, s}] {
		return
	}
	c.seen[visit{n, s}] = true
	form := c.form(n, s, path)
	if form == nil {
		return
	}
	if form.custom != nil {
		form.custom(c, n, path)
		return
	}
	c.bounded(n, form.limit, path)
	switch n.kind {
	case kindMap:
		c.mapMatches(n, form, path)
	case kindList:
		for i, item := range n.items {
			if form.values != nil {
				c.matches(item, form.values, fmt.Sprintf("%s[%d]", path, i))
			}
		}
	default:
		c.scalarMatches(n, form, path)
	}
	if form.check != nil {
		form.check(c, n, path)
	}
}

// form chooses the notation that a value is in. It returns nil and reports the type when
// there is none, and warns about a type that is almost right.
func (c *checker) form(n *node, s *shape, path string) *shape {
	for _, form := range s.forms() {
		if form.kinds&n.kind != 0 {
			return form
		}
	}
	for _, form := range s.forms() {
		switch _, number := n.num(); {
		case n.kind&kindScalar == 0:
		case form.kinds&kindText != 0:
			return form // a number where text is wanted is read as written
		case form.kinds&kindInt != 0 && number:
			c.warn(n.pos, "quoted-number", path+" is a number in quotes", "", "write "+n.text+" without quotes")
			return form
		case form.kinds&kindBool != 0 && n.flag() != nil:
			if n.quoted {
				c.warn(n.pos, "quoted-boolean", path+" is a boolean in quotes", "", "write "+n.text+" without quotes")
			}
			return form
		case form.kinds&kindList != 0 && form.values != nil:
			c.warn(n.pos, "single-value", path+" should be a list", "the value is read as its only item", "write ["+inList(n)+"]")
			c.matches(n, form.values, path)
			return nil
		}
	}
	c.fail(n.pos, "wrong-type", fmt.Sprintf("%s must be %s, not %s", orThis(path), s.wants(), n.describe()), "", s.example())
	return nil
}

// inList writes a scalar as an item of a list; text that could be something else is quoted.
func inList(n *node) string {
	if n.kind == kindText && (n.quoted || !plainWord.MatchString(n.text)) {
		return show(n.text)
	}
	return clip(n.text, 60)
}

var plainWord = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_./-]*$`)

// describe says what was found, "text "abc"" or "a list".
func (n *node) describe() string {
	if n.kind == kindText {
		return "text " + show(n.text)
	}
	if n.kind&kindScalar != 0 {
		return n.kind.String() + " (" + clip(n.text, 40) + ")"
	}
	return n.kind.String()
}

func (s *shape) example() string {
	switch {
	case len(s.allowed) > 0:
		return "use one of " + strings.Join(s.allowed, ", ")
	case s.kinds == kindBool:
		return "write true or false"
	case s.kinds == kindMap && len(s.props) > 0 && len(s.props) <= 8:
		return "write it as a map with " + join(propertyKeys(s.props), "or")
	default:
		return ""
	}
}

func (c *checker) scalarMatches(n *node, s *shape, path string) {
	if len(s.allowed) > 0 && !slices.Contains(s.allowed, n.text) {
		c.fail(n.pos, "unknown-value", fmt.Sprintf("%s cannot be %s", path, show(n.text)), "", didYouMean(n.text, s.allowed))
		return
	}
	if v, ok := n.num(); ok && s.kinds&kindInt != 0 {
		switch {
		case s.lowest != nil && v < *s.lowest:
			c.fail(n.pos, "out-of-range", fmt.Sprintf("%s is %d, less than %d", path, v, *s.lowest), "", "")
		case s.highest != nil && v > *s.highest:
			c.fail(n.pos, "out-of-range", fmt.Sprintf("%s is %d, more than %d", path, v, *s.highest), "", "")
		}
	}
	if s.format == nil {
		return
	}
	if why, fix := s.format.wrong(n.text); why != "" {
		c.fail(n.pos, "wrong-format", fmt.Sprintf("%s is not %s: %s", path, withArticle(s.format.name), show(n.text)), why, fix)
	}
}

func (c *checker) mapMatches(n *node, s *shape, path string) {
	if s.props != nil {
		c.properties(n, s, path)
		return
	}
	for _, e := range n.entries {
		if s.keys != nil {
			if why, fix := s.keys.wrong(e.key); why != "" {
				c.fail(e.pos, "wrong-name", fmt.Sprintf("%s is not a valid %s", show(e.key), s.keys.name), why, fix)
			}
		}
		if s.values != nil && !e.twice {
			c.matches(e.value, s.values, below(path, e.key))
		}
	}
}

// properties checks a map with fixed keys.
func (c *checker) properties(n *node, s *shape, path string) {
	for _, e := range n.entries {
		i := slices.IndexFunc(s.props, func(p property) bool { return p.key == e.key })
		if i < 0 {
			c.unknownKey(e, s, path)
			continue
		}
		c.property(e, s.props[i], below(path, e.key))
	}
	for _, p := range s.props {
		if p.required && !n.get(p.key).given() {
			c.fail(c.keyPlace(n, p.key), "missing-key", fmt.Sprintf("%s has no %q", orThis(path), p.key), "", fmt.Sprintf("add \"%s:\"", p.key))
		}
	}
}

func (c *checker) property(e entry, p property, path string) {
	if e.twice {
		return
	}
	switch {
	case p.status == StatusRefused && !e.value.saysNothing():
		c.fail(e.pos, "refused-key", path+" is not supported", p.note, "remove it")
	case p.status == StatusIgnored && !p.quiet && !e.value.saysNothing():
		c.add(Diagnostic{Pos: e.pos, Severity: SeverityNotice, Rule: "ignored-key", Message: path + " has no effect here", Why: p.note})
	}
	c.matches(e.value, p.shape, path)
}

func (c *checker) unknownKey(e entry, s *shape, path string) {
	if forAnchors(e.key) {
		return
	}
	d := Diagnostic{
		Pos: e.pos, Severity: SeverityError, Rule: "unknown-key",
		Message: "unknown key " + show(e.key), Fix: didYouMean(e.key, propertyKeys(s.props)),
	}
	key, home := s.homeOf(e.key)
	if s.nearly && home == "" && closest(e.key, propertyKeys(s.props)) == "" {
		return
	}
	if path != "" {
		d.Message += " in " + path
	}
	if s.unknown != "" {
		d.Severity, d.Why = SeverityWarning, s.unknown
	}
	if home != "" && closest(e.key, propertyKeys(s.props)) == "" {
		d.Fix = fmt.Sprintf("%q belongs in %s; check the indentation", key, home)
	}
	c.add(d)
}

// forAnchors reports whether a key is, by convention, a place for anchors.
func forAnchors(key string) bool {
	return strings.HasPrefix(key, "x-") || strings.HasPrefix(key, ".")
}

// homeOf says which key was meant and where it belongs, when it is found in the wrong place;
// the cause is usually the indentation.
func (s *shape) homeOf(key string) (meant, home string) {
	homes := s.homes
	if homes == nil && !s.nearly {
		homes = applicationHomes()
	}
	for _, candidate := range slices.Sorted(maps.Keys(homes)) {
		if squeeze(strings.ToLower(key)) == squeeze(candidate) {
			return candidate, homes[candidate]
		}
	}
	return "", ""
}

func applicationHomes() map[string]string {
	return map[string]string{
		"cmd": "crons.<name>", "spec": "crons.<name>", "shutdown_timeout": "crons.<name>",
		"deploy": "hooks", "post_deploy": "hooks",
		"extensions": "runtime", "disabled_extensions": "runtime",
		"locations": "web", "commands": "web",
		"passthru": locationHome, "root": locationHome, "index": locationHome, "expires": locationHome,
		"scripts": locationHome, "allow": locationHome, "rules": locationHome, "headers": locationHome,
		"flavor": "build", "cookies": "cache", "default_ttl": "cache", "paths": "redirects",
		"plugins": "configuration", "schemas": "configuration", "endpoints": "configuration",
		"stage": envFile,
	}
}

const locationHome = "web.locations.<path>"

// keyPlace is where to point for a key that is missing: the map, or the key that is null.
func (c *checker) keyPlace(n *node, key string) Position {
	if e := n.find(key); e != nil {
		return e.pos
	}
	return n.pos
}

func (c *checker) fail(pos Position, rule, message, why, fix string) {
	c.add(Diagnostic{Pos: pos, Severity: SeverityError, Rule: rule, Message: message, Why: why, Fix: fix})
}

func (c *checker) warn(pos Position, rule, message, why, fix string) {
	c.add(Diagnostic{Pos: pos, Severity: SeverityWarning, Rule: rule, Message: message, Why: why, Fix: fix})
}

func (c *checker) notice(pos Position, rule, message, why, fix string) {
	c.add(Diagnostic{Pos: pos, Severity: SeverityNotice, Rule: rule, Message: message, Why: why, Fix: fix})
}

func propertyKeys(props []property) []string {
	keys := make([]string, 0, len(props))
	for _, p := range props {
		if p.status != StatusRefused {
			keys = append(keys, p.key)
		}
	}
	return keys
}

// below extends a key path; keys that are not plain words are quoted.
func below(path, key string) string {
	if strings.ContainsAny(key, `. /:"'[]{}*\`) {
		key = show(key)
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

func withArticle(noun string) string {
	if strings.ContainsRune("aeiouI", rune(noun[0])) {
		return "an " + noun
	}
	return "a " + noun
}

func orThis(path string) string {
	if path == "" {
		return "the file"
	}
	return path
}

// join lists words for a sentence: "a, b or c".
func join(words []string, conjunction string) string {
	switch n := len(words); n {
	case 0:
		return ""
	case 1:
		return words[0]
	default:
		return strings.Join(words[:n-1], ", ") + " " + conjunction + " " + words[n-1]
	}
}
