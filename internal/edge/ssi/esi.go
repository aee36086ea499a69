package ssi

import (
	"bytes"
	"html"
	"strings"
)

// Edge side includes, as far as Magento uses them: <esi:include src="URL"/>, and
// <esi:remove>…</esi:remove>, whose content is for who does not know the rest. What cannot be
// read is text, and an include that fails is nothing, as with Varnish.
const (
	esiOpening   = "<esi:"
	esiInclude   = "<esi:include"
	esiRemove    = "<esi:remove>"
	esiRemoveEnd = "</esi:remove>"
)

// HasESI reports whether a document has edge side includes.
func HasESI(doc []byte) bool { return bytes.Contains(doc, []byte(esiOpening)) }

// ExpandESI returns the document with its edge side includes carried out. include returns
// what is at a src, as it is written. The only error is ErrTooLarge.
func ExpandESI(doc []byte, include func(src string) ([]byte, error)) ([]byte, error) {
	out := make([]byte, 0, len(doc))
	for failed := 0; failed < maxEndless; {
		i := bytes.Index(doc, []byte(esiOpening))
		if i < 0 {
			break
		}
		out = append(out, doc[:i]...)
		doc = doc[i:]
		if rest, ok := cutRemoved(doc); ok {
			doc = rest
			continue
		}
		src, rest, ok := cutInclude(doc)
		if !ok {
			failed++
			out = append(out, esiOpening...)
			doc = doc[len(esiOpening):]
			continue
		}
		doc = rest
		text, err := include(src)
		if err != nil {
			continue
		}
		if out = append(out, text...); len(out) > MaxOutput {
			return nil, ErrTooLarge
		}
	}
	if out = append(out, doc...); len(out) > MaxOutput {
		return nil, ErrTooLarge
	}
	return out, nil
}

// cutRemoved returns what is behind an <esi:remove> at the beginning of doc.
func cutRemoved(doc []byte) (rest []byte, ok bool) {
	if !bytes.HasPrefix(doc, []byte(esiRemove)) {
		return nil, false
	}
	_, rest, ok = bytes.Cut(doc, []byte(esiRemoveEnd))
	return rest, ok
}

// cutInclude reads an <esi:include> at the beginning of doc, and its end tag if it has one.
func cutInclude(doc []byte) (src string, rest []byte, ok bool) {
	body, ok := bytes.CutPrefix(doc, []byte(esiInclude))
	if !ok || len(body) == 0 || !strings.ContainsRune(" \t\r\n", rune(body[0])) {
		return "", nil, false
	}
	n := tagEnd(body)
	if n < 0 {
		return "", nil, false
	}
	rest = body[n+1:]
	attributes := strings.TrimSuffix(string(body[:n]), "/")
	if len(attributes) == n {
		rest = bytes.TrimPrefix(rest, []byte("</esi:include>"))
	}
	d := parseDirective("include " + attributes)
	src, given := d.get("src")
	return html.UnescapeString(src), rest, given && !d.broken
}

// tagEnd returns where a tag's ">" is; one in quotes is part of a value. It is negative when
// there is none within the bounds of a directive.
func tagEnd(body []byte) int {
	quote := byte(0)
	for i := 0; i < len(body) && i < maxDirective; i++ {
		switch c := body[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			return i
		}
	}
	return -1
}
