package ssi

import (
	"bytes"
	"strings"
)

const (
	opening = "<!--#"
	closing = "-->"

	// maxDirective bounds one directive. What is longer is text.
	maxDirective = 8 << 10
	maxParams    = 16
)

// directive is one "<!--# name param="value" -->".
type directive struct {
	name   string
	params []param
	broken bool // it could not be read
}

type param struct{ name, value string }

func (d *directive) get(name string) (string, bool) {
	for _, p := range d.params {
		if p.name == name {
			return p.value, true
		}
	}
	return "", false
}

// Has reports whether a document has directives.
func Has(doc []byte) bool { return bytes.Contains(doc, []byte(opening)) }

// maxEndless bounds how often the end of a directive is looked for in vain. From then on
// the document is text.
const maxEndless = 256

// reader reads a document from front to back.
type reader struct {
	doc     []byte
	endless int
}

// next returns the text before the next directive, and the directive; nil at the end of
// the document.
func (r *reader) next() (text []byte, d *directive) {
	doc, from := r.doc, 0
	for r.endless < maxEndless {
		i := bytes.Index(doc[from:], []byte(opening))
		if i < 0 {
			break
		}
		start := from + i
		body := doc[start+len(opening):]
		if n, ok := end(body); ok {
			r.doc = body[n+len(closing):]
			return doc[:start], parseDirective(string(body[:n]))
		}
		r.endless++
		from = start + len(opening)
	}
	r.doc = nil
	return doc, nil
}

// end returns where the directive's "-->" is. One in quotes is part of a value.
func end(body []byte) (int, bool) {
	quote := byte(0)
	for i := 0; i < len(body) && i < maxDirective; i++ {
		switch c := body[i]; {
		case c == '\\' && quote != 0:
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '-' && bytes.HasPrefix(body[i:], []byte(closing)):
			return i, true
		}
	}
	return 0, false
}

func parseDirective(s string) *directive {
	s = strings.TrimSpace(s)
	i := strings.IndexAny(s, " \t\r\n")
	if i < 0 {
		return &directive{name: strings.ToLower(s)}
	}
	d := &directive{name: strings.ToLower(s[:i])}
	for s = strings.TrimSpace(s[i:]); s != ""; s = strings.TrimSpace(s) {
		var p param
		var ok bool
		if p, s, ok = parseParam(s); !ok || len(d.params) == maxParams {
			d.broken = true
			return d
		}
		d.params = append(d.params, p)
	}
	return d
}

// parseParam reads name="value" from the beginning of s.
func parseParam(s string) (p param, rest string, ok bool) {
	name, value, found := strings.Cut(s, "=")
	value = strings.TrimLeft(value, " \t\r\n")
	if !found || value == "" || (value[0] != '"' && value[0] != '\'') {
		return param{}, "", false
	}
	var b strings.Builder
	for i := 1; i < len(value); i++ {
		switch c := value[i]; {
		case c == '\\' && i+1 < len(value) && (value[i+1] == value[0] || value[i+1] == '\\'):
			i++
			b.WriteByte(value[i])
		case c == value[0]:
			return param{name: strings.ToLower(strings.TrimSpace(name)), value: b.String()}, value[i+1:], true
		default:
			b.WriteByte(c)
		}
	}
	return param{}, "", false
}
