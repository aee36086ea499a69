package scenario

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

// maxDepth bounds the nesting of elements; scenario files have five levels.
const maxDepth = 64

// element is one XML element with what scenario files can have in it.
type element struct {
	name     string
	attrs    map[string]string // by local name; xsi:type is "xsi:type"
	text     string
	children []*element
	pos      position
}

// has reports whether an attribute exists.
func (e *element) has(attr string) bool {
	_, ok := e.attrs[attr]
	return ok
}

const instanceSpace = "http://www.w3.org/2001/XMLSchema-instance"

// readXML reads the one root element. Comments and processing instructions are ignored.
func readXML(path string, text []byte) (*element, error) {
	text, read := decoded(text)
	dec := xml.NewDecoder(bytes.NewReader(text))
	dec.CharsetReader = read
	var root *element
	var open []*element
	for {
		at := position{path: path}
		at.line, at.column = dec.InputPos()
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, syntaxError(path, dec, err)
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			e := newElement(tok, at)
			switch {
			case len(open) > maxDepth:
				return nil, at.errorf("elements nest deeper than %d", maxDepth)
			case len(open) > 0:
				parent := open[len(open)-1]
				parent.children = append(parent.children, e)
			default:
				root = e
			}
			open = append(open, e)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 {
				open[len(open)-1].text += string(tok)
			} else if root == nil && strings.TrimSpace(string(tok)) != "" {
				return nil, at.errorf("Start tag expected, '<' not found")
			}
		}
	}
	if root == nil {
		return nil, position{path, 1, 1}.errorf("Start tag expected, '<' not found")
	}
	return root, nil
}

func syntaxError(path string, dec *xml.Decoder, err error) error {
	at := position{path: path}
	at.line, at.column = dec.InputPos()
	if s, ok := errors.AsType[*xml.SyntaxError](err); ok {
		return at.errorf("%s", s.Msg)
	}
	return at.errorf("%s", err)
}

func newElement(tok xml.StartElement, at position) *element {
	e := &element{name: tok.Name.Local, attrs: map[string]string{}, pos: at}
	for _, a := range tok.Attr {
		name := a.Name.Local
		if a.Name.Space == instanceSpace || a.Name.Space == "xsi" {
			name = "xsi:" + name
		}
		e.attrs[name] = a.Value
	}
	return e
}
