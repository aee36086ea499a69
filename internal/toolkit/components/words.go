package components

import (
	"regexp"
	"strings"
)

// word is a token of PHP. Of a text the content is kept: as it is, or with its variables
// still in it.
type word struct {
	kind byte // n name, v variable, s text, t text with variables, # number, else punctuation
	text string
}

// token is what a file begins with: one token of PHP, or blank.
var token = regexp.MustCompile(`^(?:` +
	`(\s+|/\*[\s\S]*?(?:\*/|$)|//[^\n]*|#[^\[\n][^\n]*|#\n)` + // blank and comments
	`|(\\?[A-Za-z_\x80-\xff][\w\x80-\xff]*(?:\\[A-Za-z_\x80-\xff][\w\x80-\xff]*)*)` + // names
	`|(\$[A-Za-z_\x80-\xff][\w\x80-\xff]*)` + // variables
	`|'((?:[^'\\]|\\[\s\S])*)'|"((?:[^"\\]|\\[\s\S])*)"` + // texts
	`|(\d[\w.]*)|(=>|->|::))`) // numbers and operators

// words splits a file into tokens and drops comments and what is outside <?php. It takes
// any input; what it does not know becomes punctuation.
func words(src string) []word {
	var all []word
	for {
		_, rest, ok := strings.Cut(src, "<?php")
		if !ok {
			return all
		}
		for src = rest; src != ""; {
			if after, ok := strings.CutPrefix(src, "?>"); ok {
				src = after
				all = append(all, word{';', ";"})
				break
			}
			m := token.FindStringSubmatchIndex(src)
			if m == nil {
				all = append(all, word{src[0], src[:1]})
				src = src[1:]
				continue
			}
			if w, ok := wordOf(src, m); ok {
				all = append(all, w)
			}
			src = src[m[1]:]
		}
	}
}

// wordOf makes a token of what matched; ok is false for blank.
func wordOf(src string, m []int) (w word, ok bool) {
	group := func(i int) (string, bool) {
		if m[2*i] < 0 {
			return "", false
		}
		return src[m[2*i]:m[2*i+1]], true
	}
	for i, kind := range []byte("nvst#") {
		text, found := group(i + 2)
		switch {
		case !found:
		case kind == 's':
			return word{'s', strings.NewReplacer(`\\`, `\`, `\'`, `'`).Replace(text)}, true
		case kind == 't' && !strings.Contains(text, "$"):
			return word{'s', strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\/`, `/`).Replace(text)}, true
		default:
			return word{kind, text}, true
		}
	}
	if text, found := group(7); found {
		return word{text[0], text}, true
	}
	return word{}, false
}
