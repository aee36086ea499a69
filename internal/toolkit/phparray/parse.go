package phparray

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxDepth bounds how deep arrays and brackets nest.
const maxDepth = 200

// SyntaxError says why a file cannot be read and where.
type SyntaxError struct {
	File         string
	Line, Column int // from 1; the column counts characters
	Message      string
	Hint         string // what to write instead; may be empty
}

// Error returns "file:line:column: message; hint".
func (e *SyntaxError) Error() string {
	text := fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
	if e.Hint != "" {
		text += "; " + e.Hint
	}
	return text
}

// mistake is a syntax error by its offset.
type mistake struct {
	at      int
	message string
	hint    string
}

// Parse reads a file that returns an array. The file's name is only for messages. A file
// without content or without "return" is an empty array, because PHP gives Magento nothing
// too. Errors are of type *SyntaxError.
func Parse(file string, src []byte) (*Array, error) {
	p := &parser{lexer: lexer{src: src}}
	a, m := p.file()
	if m == nil {
		return a, nil
	}
	before := src[:min(m.at, len(src))]
	line := bytes.Count(before, []byte("\n")) + 1
	column := utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1
	return nil, &SyntaxError{File: file, Line: line, Column: column, Message: m.message, Hint: m.hint}
}

// parser is a recursive descent over the tokens; tok is the one to look at.
type parser struct {
	lexer

	tok   token
	depth int
}

func (p *parser) advance() *mistake {
	var m *mistake
	p.tok, m = p.next()
	return m
}

// file reads "<?php … return …;".
func (p *parser) file() (*Array, *mistake) {
	p.at = len(p.src) - len(bytes.TrimPrefix(p.src, []byte("\xef\xbb\xbf")))
	if len(bytes.TrimSpace(p.src[p.at:])) == 0 {
		return New(), nil
	}
	if !bytes.HasPrefix(bytes.ToLower(p.src[p.at:min(len(p.src), p.at+5)]), []byte("<?php")) {
		return nil, &mistake{p.at, "the file does not begin with <?php", ""}
	}
	p.at += 5
	if m := p.advance(); m != nil {
		return nil, m
	}
	for p.keyword("declare") {
		if m := p.declare(); m != nil {
			return nil, m
		}
	}
	switch {
	case p.tok.kind == tokenEnd:
		return New(), nil
	case !p.keyword("return"):
		return nil, &mistake{p.tok.start, "the file does more than return an array", "keep only \"return [...];\""}
	}
	return p.returned()
}

// returned reads "return array;" and what may follow.
func (p *parser) returned() (*Array, *mistake) {
	start := p.tok.start
	if m := p.advance(); m != nil {
		return nil, m
	}
	if p.tok.kind == ";" {
		return New(), nil
	}
	v, m := p.expression()
	if m != nil {
		return nil, m
	}
	a, ok := v.(*Array)
	if !ok {
		return nil, &mistake{start, "the file does not return an array", ""}
	}
	if p.tok.kind != ";" && p.tok.kind != "?>" {
		return nil, p.unexpected("\";\"")
	}
	return a, nil // nothing behind a return runs
}

// declare reads "declare(strict_types=1);".
func (p *parser) declare() *mistake {
	for p.tok.kind != ";" {
		if p.tok.kind == tokenEnd {
			return p.unexpected("\";\"")
		}
		if m := p.advance(); m != nil {
			return m
		}
	}
	return p.advance()
}

func (p *parser) keyword(word string) bool {
	return p.tok.kind == tokenName && strings.EqualFold(p.tok.text, word)
}

// unexpected says what is there instead of what is wanted.
func (p *parser) unexpected(wanted string) *mistake {
	found := strconv.Quote(clip(p.tok.text))
	switch p.tok.kind {
	case tokenEnd:
		return &mistake{p.tok.start, "the file ends where " + wanted + " is needed", ""}
	case tokenVariable:
		return &mistake{p.tok.start, "the variable " + p.tok.text + " cannot be read", "write the value itself"}
	case tokenString:
		found = "a text"
	}
	return &mistake{p.tok.start, found + " is where " + wanted + " is needed", ""}
}

// expression reads terms joined by ".".
func (p *parser) expression() (any, *mistake) {
	if p.depth++; p.depth > maxDepth {
		return nil, &mistake{p.tok.start, fmt.Sprintf("arrays nest deeper than %d", maxDepth), ""}
	}
	defer func() { p.depth-- }()
	left, m := p.sum()
	if m != nil || p.tok.kind != "." {
		return left, m
	}
	var text strings.Builder // a chain of many pieces must not copy the whole each time
	for {
		piece, m := p.textOf(left)
		if m != nil {
			return nil, m
		}
		text.WriteString(piece)
		if p.tok.kind != "." {
			return text.String(), nil
		}
		if m := p.advance(); m != nil {
			return nil, m
		}
		if left, m = p.sum(); m != nil {
			return nil, m
		}
	}
}

func (p *parser) textOf(v any) (string, *mistake) {
	if _, ok := v.(*Array); ok {
		return "", &mistake{p.tok.start, "an array cannot be joined to a text", ""}
	}
	return String(v), nil
}

// sum reads factors joined by "+" and "-".
func (p *parser) sum() (any, *mistake) {
	left, m := p.product()
	for m == nil && (p.tok.kind == "+" || p.tok.kind == "-") {
		left, m = p.binary(left, p.product)
	}
	return left, m
}

// product reads values joined by "*".
func (p *parser) product() (any, *mistake) {
	left, m := p.unary()
	for m == nil && p.tok.kind == "*" {
		left, m = p.binary(left, p.unary)
	}
	return left, m
}

func (p *parser) binary(left any, operand func() (any, *mistake)) (any, *mistake) {
	op := p.tok
	if m := p.advance(); m != nil {
		return nil, m
	}
	right, m := operand()
	if m != nil {
		return nil, m
	}
	v, ok := calculate(op.kind, left, right)
	if !ok {
		return nil, &mistake{op.start, "only numbers can be calculated with", ""}
	}
	return v, nil
}
