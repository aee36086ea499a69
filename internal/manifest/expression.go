package manifest

import (
	"fmt"
	"regexp"
)

// wrongExpression says what certainly is a mistake in a PCRE, or "". The expressions are
// run by nginx, whose dialect no Go library has in full, so whatever is not certainly
// wrong passes: look-around, named groups, atomic groups, back references, \Q..\E.
func wrongExpression(s string) string {
	if len(s) > maxExpression {
		return fmt.Sprintf("it is longer than %d bytes", maxExpression)
	}
	if _, err := regexp.Compile(s); err == nil {
		return ""
	}
	e := expression{text: s}
	return e.scan()
}

// expression walks over a PCRE and tracks only what decides where groups and classes end.
type expression struct {
	text  string
	at    int
	open  []int // offsets of "(" without their ")"
	quant bool  // the last element can be repeated
}

func (e *expression) scan() string {
	for e.at < len(e.text) {
		var wrong string
		switch c := e.text[e.at]; c {
		case '\\':
			wrong = e.escape()
		case '[':
			wrong = e.class()
		case '(':
			e.open = append(e.open, e.at)
			e.quant = false
			e.at++
		case ')':
			if len(e.open) == 0 {
				return fmt.Sprintf("the \")\" at character %d closes no group", e.at+1)
			}
			e.open = e.open[:len(e.open)-1]
			e.quant = true
			e.at++
		case '*', '+', '?':
			wrong = e.repeat(c)
		default:
			e.quant = c != '|' && c != '^'
			e.at++
		}
		if wrong != "" {
			return wrong
		}
	}
	if n := len(e.open); n > 0 {
		return fmt.Sprintf("the \"(\" at character %d is not closed", e.open[n-1]+1)
	}
	return ""
}

func (e *expression) escape() string {
	if e.at+1 >= len(e.text) {
		return "it ends in a backslash"
	}
	e.quant = true
	if e.text[e.at+1] != 'Q' {
		e.at += 2
		return ""
	}
	for e.at += 2; e.at < len(e.text); e.at++ { // \Q...\E is literal
		if e.text[e.at] == '\\' && e.at+1 < len(e.text) && e.text[e.at+1] == 'E' {
			e.at += 2
			return ""
		}
	}
	return ""
}

func (e *expression) class() string {
	start := e.at
	e.at++
	if e.at < len(e.text) && e.text[e.at] == '^' {
		e.at++
	}
	if e.at < len(e.text) && e.text[e.at] == ']' {
		e.at++ // a "]" that comes first is literal
	}
	for e.at < len(e.text) {
		switch {
		case e.text[e.at] == '\\':
			e.at += 2
		case e.text[e.at] == '[' && e.at+1 < len(e.text) && e.text[e.at+1] == ':':
			e.at += 2 // [:alpha:]; its "]" is found below or ends the class early, which is as good
			for e.at < len(e.text) && e.text[e.at] != ']' {
				e.at++
			}
			e.at++
		case e.text[e.at] == ']':
			e.at++
			e.quant = true
			return ""
		default:
			e.at++
		}
	}
	return fmt.Sprintf("the \"[\" at character %d is not closed", start+1)
}

func (e *expression) repeat(c byte) string {
	switch previous := e.before(); {
	case e.quant:
		e.quant = false
	case previous == '*' || previous == '+' || previous == '?' || previous == '}':
		// lazy, possessive
	case previous == '(' && (c == '?' || c == '*'):
		// (?...) and (*VERB)
	default:
		return fmt.Sprintf("the %q at character %d repeats nothing", string(c), e.at+1)
	}
	e.at++
	return ""
}

func (e *expression) before() byte {
	if e.at == 0 {
		return 0
	}
	return e.text[e.at-1]
}
