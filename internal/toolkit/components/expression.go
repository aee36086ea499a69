package components

import (
	"path"
	"strconv"
	"strings"
)

// expression evaluates terms joined by dots. next is where it ended; ok is false for what
// it cannot evaluate.
func (r *run) expression(i int) (v any, next int, ok bool) {
	if r.nested++; r.nested > maxDepth {
		r.nested--
		return nil, i, false
	}
	defer func() { r.nested-- }()
	v, i, ok = r.term(i)
	for ok && r.mark(i, ".") {
		more, after, fine := r.term(i + 1)
		left, isText := v.(string)
		right, alsoText := more.(string)
		if !fine || !isText || !alsoText {
			return nil, after, false
		}
		v, i = left+right, after
	}
	return v, i, ok
}

func (r *run) term(i int) (v any, next int, ok bool) {
	switch w := r.at(i); w.kind {
	case 's', '#':
		return w.text, i + 1, true
	case 't':
		text, ok := r.interpolate(w.text)
		return text, i + 1, ok
	case 'v':
		v, ok := r.vars[w.text]
		return v, i + 1, ok
	case '(':
		v, i, ok := r.expression(i + 1)
		return v, i + 1, ok && r.mark(i, ")")
	case '[':
		return r.list(i+1, "]")
	case 'n':
		return r.named(i)
	}
	return nil, i + 1, false
}

// named evaluates what begins with a name: a constant or a call.
func (r *run) named(i int) (v any, next int, ok bool) {
	name := strings.TrimPrefix(r.at(i).text, `\`)
	switch {
	case r.mark(i+1, "::") && r.at(i+2).kind == 'n':
		kind, ok := componentKind(r.at(i + 2).text)
		return kind, i + 3, ok
	case r.mark(i+1, "("):
		return r.call(strings.ToLower(name), i+2)
	}
	switch strings.ToUpper(name) {
	case "__DIR__":
		return path.Dir(r.file), i + 1, true
	case "__FILE__":
		return r.file, i + 1, true
	case "DIRECTORY_SEPARATOR", "DS":
		return "/", i + 1, true
	case "GLOB_ONLYDIR", "GLOB_NOSORT":
		return "", i + 1, true
	}
	v, ok = r.consts[name]
	return v, i + 1, ok
}

// call evaluates the few functions that registrations use.
func (r *run) call(name string, i int) (v any, next int, ok bool) {
	if name == "array" {
		return r.list(i, ")")
	}
	args, next, ok := r.list(i, ")")
	list, _ := args.([]any)
	if !ok || len(list) == 0 {
		return nil, next, false
	}
	var texts []string
	for _, v := range list {
		p, _ := v.(pair)
		text, isText := p.value.(string)
		if !isText {
			return nil, next, false
		}
		texts = append(texts, text)
	}
	switch name {
	case "dirname":
		dir := path.Dir(texts[0])
		for range levels(texts) - 1 {
			dir = path.Dir(dir)
		}
		return dir, next, true
	case "basename":
		return path.Base(texts[0]), next, true
	case "realpath":
		return path.Clean(texts[0]), next, true
	case "glob":
		return r.glob(texts[0]), next, true
	}
	return nil, next, false
}

// list evaluates the entries of an array, or the arguments of a call.
func (r *run) list(i int, end string) (v any, next int, ok bool) {
	list := []any{}
	for !r.mark(i, end) {
		var p pair
		if p.value, i, ok = r.expression(i); !ok {
			return nil, i, false
		}
		if r.mark(i, "=>") {
			p.key = p.value
			if p.value, i, ok = r.expression(i + 1); !ok {
				return nil, i, false
			}
		}
		list = append(list, p)
		if r.mark(i, ",") {
			i++
		} else if !r.mark(i, end) {
			return nil, i, false
		}
	}
	return list, i + 1, true
}

// levels is the second argument of dirname.
func levels(args []string) int {
	if len(args) < 2 {
		return 1
	}
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return 1
	}
	return min(n, maxDepth)
}
