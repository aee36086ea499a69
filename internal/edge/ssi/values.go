package ssi

import (
	"html"
	"net/url"
	"path"
	"regexp"
	"strings"
)

// condition carries out if, elif, else and endif. There is one level, as in nginx: an if
// within a branch is an error.
func (m *machine) condition(d *directive) {
	switch d.name {
	case "if":
		if m.branch != outside {
			m.fail()
			return
		}
		m.choose(d)
	case "elif":
		switch m.branch {
		case outside:
			m.fail()
		case taken:
			m.branch = done
		case waiting:
			m.choose(d)
		case done:
		}
	case "else":
		switch m.branch {
		case outside:
			m.fail()
		case taken:
			m.branch = done
		case waiting:
			m.branch = taken
		case done:
		}
	case "endif":
		if m.branch == outside {
			m.fail()
		}
		m.branch = outside
	}
}

// choose takes the branch if its expression is true. One that cannot be read is not true.
func (m *machine) choose(d *directive) {
	expr, ok := d.get("expr")
	m.branch = waiting
	if ok && !d.broken && m.truth(strings.TrimSpace(expr)) {
		m.branch = taken
	}
}

// truth evaluates "$name", "$name = text", "$name != text", "$name = /regex/".
func (m *machine) truth(expr string) bool {
	left, right, not, compared := comparison(expr)
	value := m.interpolate(left)
	if !compared {
		return value != ""
	}
	if len(right) > 1 && right[0] == '/' && right[len(right)-1] == '/' {
		re, err := regexp.Compile(right[1 : len(right)-1])
		if err != nil {
			return false
		}
		found := re.FindStringSubmatch(value)
		for i := 1; i < len(found) && i < 10; i++ {
			m.set(string(rune('0'+i)), found[i])
		}
		return (found != nil) != not
	}
	return (value == m.interpolate(right)) != not
}

func comparison(expr string) (left, right string, not, ok bool) {
	left, right, ok = strings.Cut(expr, "=")
	if !ok {
		return expr, "", false, false
	}
	left, not = strings.CutSuffix(left, "!")
	return strings.TrimSpace(left), strings.TrimSpace(right), not, true
}

// variable returns what was set in the document or, else, what the request has.
func (m *machine) variable(name string) (string, bool) {
	if v, ok := m.vars[name]; ok {
		return v, true
	}
	if m.from.Variable == nil {
		return "", false
	}
	return m.from.Variable(name)
}

// interpolate replaces $name and ${name}. A value is not looked at again.
func (m *machine) interpolate(s string) string {
	if !strings.Contains(s, "$") {
		return s
	}
	var b strings.Builder
	for b.Len() <= maxValue {
		i := strings.IndexByte(s, '$')
		if i < 0 {
			break
		}
		b.WriteString(s[:i])
		name, rest := variableName(s[i+1:])
		if name == "" {
			b.WriteByte('$')
		}
		value, _ := m.variable(name)
		b.WriteString(value)
		s = rest
	}
	b.WriteString(s)
	return b.String()
}

// variableName reads a name, with or without braces, from the beginning of s.
func variableName(s string) (name, rest string) {
	if strings.HasPrefix(s, "{") {
		if name, rest, ok := strings.Cut(s[1:], "}"); ok {
			return name, rest
		}
		return "", s
	}
	n := 0
	for n < len(s) && (s[n] == '_' || s[n] >= '0' && s[n] <= '9' || s[n] >= 'a' && s[n] <= 'z' || s[n] >= 'A' && s[n] <= 'Z') {
		n++
	}
	return s[:n], s[n:]
}

func encode(encoding, value string) (string, bool) {
	switch encoding {
	case "none":
		return value, true
	case "url":
		return url.PathEscape(value), true
	case "entity":
		return html.EscapeString(value), true
	}
	return "", false
}

// resolve returns the path and query that an include names. It is never another site's,
// and never leaves the tree by "..".
func resolve(uri, base string) (string, bool) {
	if uri == "" || strings.HasPrefix(uri, "//") || strings.ContainsAny(uri, "\r\n\x00\\") {
		return "", false
	}
	if uri[0] != '/' {
		uri = path.Dir("/"+strings.TrimPrefix(base, "/")+"x") + "/" + uri
		uri = "/" + strings.TrimLeft(uri, "/")
	}
	u, err := url.ParseRequestURI(uri)
	if err != nil || u.Scheme != "" || u.Host != "" {
		return "", false
	}
	for part := range strings.SplitSeq(u.Path, "/") {
		if part == ".." {
			return "", false
		}
	}
	return u.RequestURI(), true
}
