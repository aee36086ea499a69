package phparray

import (
	"bytes"
	"strings"
)

// token is a word of PHP. kind is the class; for operators it is the operator itself.
type token struct {
	kind  string
	text  string // as written; of a string the content
	start int    // offset in the file
}

// The kinds of tokens that are not operators.
const (
	tokenEnd      = "end of file"
	tokenName     = "name"
	tokenInt      = "integer"
	tokenFloat    = "float"
	tokenString   = "string"
	tokenCast     = "cast"
	tokenVariable = "variable"
)

// lexer splits the text after "<?php" into tokens.
type lexer struct {
	src []byte
	at  int
}

// operators, longest first where one begins another.
func operators() []string {
	return []string{"=>", "::", "?>", "...", "(", ")", "[", "]", ",", ";", ".", "+", "-", "*", "/", "=", "{", "}", "?", ":", "&", "|", "<", ">", "!", "@", "%", "^", "~"}
}

// next returns the next token.
func (l *lexer) next() (token, *mistake) {
	if m := l.blank(); m != nil {
		return token{}, m
	}
	start := l.at
	if start >= len(l.src) {
		return token{kind: tokenEnd, start: start}, nil
	}
	c := l.src[start]
	switch {
	case c == '\'':
		return l.singleQuoted()
	case c == '"':
		return l.doubleQuoted()
	case c == '$':
		l.at++
		l.word()
		return token{kind: tokenVariable, text: string(l.src[start:l.at]), start: start}, nil
	case isWordStart(c) || c == '\\':
		return l.name(), nil
	case isDigit(c) || c == '.' && start+1 < len(l.src) && isDigit(l.src[start+1]):
		return l.number()
	case bytes.HasPrefix(l.src[start:], []byte("<<<")):
		return token{}, &mistake{start, "a heredoc cannot be read", "write the text in single quotes"}
	}
	if c == '(' {
		if t, ok := l.cast(); ok {
			return t, nil
		}
	}
	for _, op := range operators() {
		if bytes.HasPrefix(l.src[start:], []byte(op)) {
			l.at += len(op)
			return token{kind: op, text: op, start: start}, nil
		}
	}
	return token{}, &mistake{start, "unexpected character " + quoteByte(c), ""}
}

// blank skips white space and comments.
func (l *lexer) blank() *mistake {
	for l.at < len(l.src) {
		rest := l.src[l.at:]
		switch {
		case strings.IndexByte(" \t\r\n\v\f", rest[0]) >= 0:
			l.at++
		case bytes.HasPrefix(rest, []byte("/*")):
			end := bytes.Index(rest[2:], []byte("*/"))
			if end < 0 {
				return &mistake{l.at, "the comment has no end", "close it with */"}
			}
			l.at += end + 4
		case rest[0] == '#' && !bytes.HasPrefix(rest, []byte("#[")), bytes.HasPrefix(rest, []byte("//")):
			l.lineComment(rest)
		default:
			return nil
		}
	}
	return nil
}

// lineComment skips to the end of the line, or to "?>", which ends a comment too.
func (l *lexer) lineComment(rest []byte) {
	end := len(rest)
	for _, stop := range []string{"\n", "\r", "?>"} {
		if i := bytes.Index(rest[:end], []byte(stop)); i >= 0 {
			end = i
		}
	}
	l.at += end
}

func (l *lexer) word() {
	for l.at < len(l.src) && (isWordStart(l.src[l.at]) || isDigit(l.src[l.at])) {
		l.at++
	}
}

// name reads a name with its namespace.
func (l *lexer) name() token {
	start := l.at
	for l.at < len(l.src) && (l.src[l.at] == '\\' || isWordStart(l.src[l.at])) {
		l.at++
		l.word()
	}
	return token{kind: tokenName, text: string(l.src[start:l.at]), start: start}
}

// cast reads "( int )" and its kin.
func (l *lexer) cast() (token, bool) {
	end := bytes.IndexByte(l.src[l.at:], ')')
	if end < 0 || end > 40 {
		return token{}, false
	}
	word := strings.ToLower(strings.Trim(string(l.src[l.at+1:l.at+end]), " \t"))
	switch word {
	case "int", "integer", "bool", "boolean", "float", "double", "string", "array", "object":
		t := token{kind: tokenCast, text: word, start: l.at}
		l.at += end + 1
		return t, true
	}
	return token{}, false
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isWordStart(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

func quoteByte(c byte) string {
	if c < ' ' || c >= 0x7f {
		return "0x" + string("0123456789abcdef"[c>>4]) + string("0123456789abcdef"[c&15])
	}
	return "\"" + string(rune(c)) + "\""
}
