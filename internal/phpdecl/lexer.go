package phpdecl

import (
	"bytes"
	"strings"
)

// kind is the kind of a token.
type kind uint8

const (
	markup   kind = iota // outside of PHP, with the tag that ends it
	word                 // a name, qualified or not, or a keyword
	variable             // $name
	number
	text // a whole string literal, heredocs and interpolation included
	sign // one operator or bracket
	attribute
	docBlock // /** */
)

// token is a piece of a file, from start up to end. Brackets know their partner.
type token struct {
	kind       kind
	start, end int
	partner    int // index of the other bracket
}

// lexer splits a file into tokens. White space and comments are no tokens.
type lexer struct {
	src    []byte
	at     int
	tokens []token
	failed bool // something that this lexer does not know
}

// tokenize returns the tokens of a file. ok is false for what the lexer does not follow:
// strings and comments without an end, brackets without a partner, short tags, which only
// some configurations of PHP know, and data behind __halt_compiler.
func tokenize(src []byte) (tokens []token, ok bool) {
	l := &lexer{src: src, tokens: make([]token, 0, len(src)/5)}
	l.outside()
	for l.at < len(src) && !l.failed {
		l.next()
	}
	if l.failed {
		return nil, false
	}
	return l.tokens, pair(src, l.tokens)
}

func (l *lexer) add(k kind, start int) {
	l.tokens = append(l.tokens, token{kind: k, start: start, end: l.at})
}

// outside passes text up to the next opening tag.
func (l *lexer) outside() {
	start := l.at
	for l.at < len(l.src) {
		i := bytes.Index(l.src[l.at:], []byte("<?"))
		if i < 0 {
			l.at = len(l.src)
			break
		}
		l.at += i + 2
		rest := l.src[l.at:]
		switch {
		case bytes.HasPrefix(rest, []byte("=")):
			l.at++
		case len(rest) >= 3 && bytes.EqualFold(rest[:3], []byte("php")) && (len(rest) == 3 || rest[3] <= ' '):
			l.at += 3
		case len(rest) >= 3 && bytes.EqualFold(rest[:3], []byte("xml")):
			continue
		default:
			l.failed = true
		}
		break
	}
	if l.at > start {
		l.add(markup, start)
	}
}

// next reads one token, or passes white space and comments.
func (l *lexer) next() {
	start, c := l.at, l.src[l.at]
	switch {
	case c <= ' ':
		l.at++
	case l.has("?>"):
		l.at += 2
		l.add(sign, start)
		l.outside()
	case l.has("#["):
		l.at += 2
		l.add(attribute, start)
	case c == '#' || l.has("//"):
		l.lineComment()
	case l.has("/*"):
		l.blockComment()
	case c == '$' && isStart(l.peek(1)):
		l.at++
		l.name()
		l.add(variable, start)
	case isStart(c), c == '\\' && isStart(l.peek(1)):
		l.qualified()
		l.add(word, start)
		l.failed = l.failed || strings.EqualFold(string(l.src[start:l.at]), "__halt_compiler")
	case isDigit(c), c == '.' && isDigit(l.peek(1)):
		l.number()
		l.add(number, start)
	case c == '\'' || c == '"' || c == '`':
		l.quoted(c)
		l.add(text, start)
	case l.has("<<<") && l.heredoc():
		l.add(text, start)
	default:
		l.at++
		l.add(sign, start)
	}
}

func (l *lexer) has(prefix string) bool { return bytes.HasPrefix(l.src[l.at:], []byte(prefix)) }

// peek returns the byte n places ahead; 0 at the end.
func (l *lexer) peek(n int) byte {
	if l.at+n < len(l.src) {
		return l.src[l.at+n]
	}
	return 0
}

func isStart(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= 0x80
}
func isDigit(c byte) bool { return c >= '0' && c <= '9' }
func isName(c byte) bool  { return isStart(c) || isDigit(c) }

// notName reports whether a character ends a name; all beyond ASCII are parts of names.
func notName(r rune) bool { return r < 0x80 && !isName(byte(r&0x7f)) }

func (l *lexer) name() {
	for isName(l.peek(0)) {
		l.at++
	}
}

func (l *lexer) qualified() {
	for l.at < len(l.src) && (isName(l.src[l.at]) || l.src[l.at] == '\\' && isStart(l.peek(1))) {
		l.at++
	}
}

// number passes digits, letters and points; the sign of an exponent is a token of its own.
func (l *lexer) number() {
	for isName(l.peek(0)) || l.peek(0) == '.' && l.peek(1) != '.' {
		l.at++
	}
}

// lineComment passes a comment up to the end of its line, or to the tag that ends PHP.
func (l *lexer) lineComment() {
	for l.at < len(l.src) && l.src[l.at] != '\n' && l.src[l.at] != '\r' && !l.has("?>") {
		l.at++
	}
}

func (l *lexer) blockComment() {
	start := l.at
	i := bytes.Index(l.src[start+2:], []byte("*/"))
	if i < 0 {
		l.failed = true
		return
	}
	l.at = start + 2 + i + 2
	if l.at-start > 4 && l.src[start+2] == '*' && l.src[start+3] <= ' ' {
		l.add(docBlock, start)
	}
}

// quoted passes a string in the given quotes; what is interpolated into it may hold strings
// of its own.
func (l *lexer) quoted(quote byte) {
	l.at++
	for l.at < len(l.src) {
		switch c := l.src[l.at]; {
		case c == '\\':
			l.at += 2
		case c == quote:
			l.at++
			return
		case quote != '\'' && (l.has("{$") || l.has("${")):
			l.interpolated()
		default:
			l.at++
		}
		if l.failed {
			return
		}
	}
	l.failed = true
}

// interpolated passes an expression in braces within a string.
func (l *lexer) interpolated() {
	before := len(l.tokens)
	if l.src[l.at] == '$' {
		l.at++
	}
	depth := 0
	for l.at < len(l.src) && !l.failed {
		switch l.src[l.at] {
		case '{':
			depth++
		case '}':
			depth--
		}
		if depth == 0 {
			l.at++
			l.tokens = l.tokens[:before]
			return
		}
		if c := l.src[l.at]; c == '{' || c == '}' {
			l.at++
		} else {
			l.next()
		}
	}
	l.failed = true
}

// heredoc passes a heredoc or nowdoc; false when "<<<" begins none.
func (l *lexer) heredoc() bool {
	rest := l.src[l.at+3:]
	head, body, ok := bytes.Cut(rest, []byte("\n"))
	label := bytes.Trim(head, " \t\r")
	raw := false
	if n := len(label); n > 2 && (label[0] == '\'' || label[0] == '"') && label[n-1] == label[0] {
		raw = label[0] == '\''
		label = label[1 : n-1]
	}
	if !ok || len(label) == 0 || !isStart(label[0]) || bytes.ContainsFunc(label, notName) {
		return false
	}
	l.at = len(l.src) - len(body)
	for l.at < len(l.src) {
		if l.endsHeredoc(label) {
			return true
		}
		l.heredocLine(raw)
		if l.failed {
			return true
		}
	}
	l.failed = true
	return true
}

// endsHeredoc passes the label that ends a heredoc, if the line begins with it.
func (l *lexer) endsHeredoc(label []byte) bool {
	line := bytes.TrimLeft(l.src[l.at:], " \t")
	if !bytes.HasPrefix(line, label) || len(line) > len(label) && isName(line[len(label)]) {
		return false
	}
	l.at = len(l.src) - len(line) + len(label)
	return true
}

func (l *lexer) heredocLine(raw bool) {
	for l.at < len(l.src) {
		switch c := l.src[l.at]; {
		case c == '\n':
			l.at++
			return
		case raw:
			l.at++
		case c == '\\':
			l.at++
			if l.peek(0) != '\n' {
				l.at++
			}
		case l.has("{$") || l.has("${"):
			l.interpolated()
			if l.failed {
				return
			}
		default:
			l.at++
		}
	}
}

// pair tells each bracket its partner and reports whether all have one.
func pair(src []byte, tokens []token) bool {
	var open []int
	for i := range tokens {
		c := src[tokens[i].start]
		switch {
		case tokens[i].kind == attribute, tokens[i].kind == sign && (c == '(' || c == '[' || c == '{'):
			open = append(open, i)
		case tokens[i].kind == sign && (c == ')' || c == ']' || c == '}'):
			if len(open) == 0 {
				return false
			}
			last := open[len(open)-1]
			open = open[:len(open)-1]
			if want := map[byte]byte{'(': ')', '[': ']', '{': '}', '#': ']'}[src[tokens[last].start]]; c != want {
				return false
			}
			tokens[i].partner, tokens[last].partner = last, i
		}
	}
	return len(open) == 0
}
