package phpdecl

import (
	"slices"
	"strings"
)

// Names returns the full names of all classes, interfaces, traits and enums of a file, also
// those in blocks and bodies, in their order: what Composer puts into a class map. ok is
// false when the file cannot be followed.
func Names(src []byte) (names []string, ok bool) {
	tokens, ok := tokenize(src)
	if !ok {
		return nil, false
	}
	r := &reader{src: src, tokens: tokens}
	for i := range tokens {
		switch {
		case r.is(i, "namespace") && !r.member(i):
			r.namespace = ""
			if r.isWord(i + 1) {
				r.namespace = r.text(i+1) + `\`
			}
		case r.isKeywordOfClass(i) && r.isWord(i+1) && !r.member(i) && !r.is(i+1, "extends") && !r.is(i+1, "implements"):
			names = append(names, r.namespace+r.text(i+1))
		}
	}
	return names, true
}

func (r *reader) isKeywordOfClass(i int) bool {
	return r.isWord(i) && slices.Contains([]string{"class", "interface", "trait", "enum"}, strings.ToLower(r.text(i)))
}
