package ssi

import (
	"bytes"
	"errors"
)

// Limits of one document and what it includes.
const (
	MaxDocument = 4 << 20 // of the text with the directives
	MaxOutput   = 16 << 20
	MaxIncludes = 128 // of a page, with those of what it includes
	MaxDepth    = 8   // of included documents that include others

	maxVariables = 256
	maxValue     = 64 << 10 // of a variable
)

// ErrTooLarge says that the expanded document has more than MaxOutput bytes.
var ErrTooLarge = errors.New("the expanded document is too large")

// defaultMessage is what nginx writes where a directive failed.
const defaultMessage = "[an error occurred while processing the directive]"

// Source gives a document what it does not have itself.
type Source struct {
	// Include returns what is at a path with query on the same site. An error becomes the
	// document's error message in its place.
	Include func(uri string) ([]byte, error)
	// Variable returns the value of a request's variable, such as "arg_x" or "host".
	Variable func(name string) (string, bool)
	// Path is the document's own, which includes are relative to.
	Path string
}

// Expand returns the document with its directives carried out. The only error is
// ErrTooLarge.
func Expand(doc []byte, from Source) ([]byte, error) {
	m := &machine{from: from, message: defaultMessage, vars: map[string]string{}, blocks: map[string][]byte{}}
	m.out = &m.page
	r := reader{doc: doc}
	for {
		text, d := r.next()
		m.text(text)
		if d == nil {
			break
		}
		m.carryOut(d)
		if m.total > MaxOutput {
			return nil, ErrTooLarge
		}
	}
	if m.total > MaxOutput {
		return nil, ErrTooLarge
	}
	return m.page.Bytes(), nil
}

// machine is a document being expanded.
type machine struct {
	from    Source
	message string
	vars    map[string]string
	blocks  map[string][]byte

	page  bytes.Buffer
	out   *bytes.Buffer // page, or the block that is being read
	block string        // its name
	total int

	branch branch // of the condition that is being read
}

// branch is where a document is in a condition.
type branch int

const (
	outside branch = iota
	taken          // this branch's text counts
	waiting        // no branch counted yet
	done           // one has; the rest is skipped
)

func (m *machine) skips() bool { return m.branch == waiting || m.branch == done }

func (m *machine) text(b []byte) {
	if m.skips() {
		return
	}
	m.total += len(b)
	if m.total <= MaxOutput {
		m.out.Write(b)
	}
}

func (m *machine) fail() { m.text([]byte(m.message)) }

func (m *machine) carryOut(d *directive) {
	switch d.name {
	case "if", "elif", "else", "endif":
		m.condition(d)
		return
	}
	switch {
	case m.skips():
	case d.broken:
		m.fail()
	default:
		m.plain(d)
	}
}

func (m *machine) plain(d *directive) {
	switch d.name {
	case "include":
		m.include(d)
	case "echo":
		m.echo(d)
	case "set":
		name, ok := d.get("var")
		value, given := d.get("value")
		if !ok || !given || !m.set(name, m.interpolate(value)) {
			m.fail()
		}
	case "config":
		if msg, ok := d.get("errmsg"); ok {
			m.message = msg
		}
	case "block":
		m.beginBlock(d)
	case "endblock":
		m.endBlock()
	default:
		m.fail()
	}
}

func (m *machine) set(name, value string) bool {
	if _, known := m.vars[name]; !known && len(m.vars) >= maxVariables {
		return false
	}
	if name == "" || len(value) > maxValue {
		return false
	}
	m.vars[name] = value
	return true
}

func (m *machine) include(d *directive) {
	uri, ok := d.get("virtual")
	if !ok {
		uri, ok = d.get("file")
	}
	uri, local := resolve(m.interpolate(uri), m.from.Path)
	if !ok || !local {
		m.fail()
		return
	}
	body, err := m.from.Include(uri)
	into, isSet := d.get("set")
	stub, hasStub := d.get("stub")
	switch {
	case err != nil && hasStub:
		m.text(m.blocks[stub])
	case err != nil:
		m.fail()
	case isSet:
		if !m.set(into, string(body)) {
			m.fail()
		}
	case len(bytes.TrimSpace(body)) == 0 && hasStub:
		m.text(m.blocks[stub])
	default:
		m.text(body)
	}
}

func (m *machine) echo(d *directive) {
	name, ok := d.get("var")
	if !ok {
		m.fail()
		return
	}
	value, known := m.variable(name)
	if !known {
		if value, ok = d.get("default"); !ok {
			value = "(none)"
		}
	}
	encoding, given := d.get("encoding")
	if !given {
		encoding = "entity"
	}
	if value, ok = encode(encoding, value); !ok {
		m.fail()
		return
	}
	m.text([]byte(value))
}

// beginBlock begins text that is kept for a stub and is not part of the page.
func (m *machine) beginBlock(d *directive) {
	name, ok := d.get("name")
	if !ok || m.block != "" || len(m.blocks) >= maxVariables {
		m.fail()
		return
	}
	m.block, m.out = name, &bytes.Buffer{}
}

func (m *machine) endBlock() {
	if m.block == "" {
		m.fail()
		return
	}
	m.blocks[m.block] = m.out.Bytes()
	m.block, m.out = "", &m.page
}
