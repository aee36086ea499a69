package components

import (
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Bounds of one evaluation, so that hostile files end too.
const (
	maxFiles = 20_000
	maxSteps = 200_000 // words of one file, loops counted
	maxDepth = 50      // of expressions and of blocks in blocks
)

// evaluator runs the statements of registrations.
type evaluator struct {
	tree   fs.FS
	loaded map[string]bool // files, each once
	themes map[string]bool
	depth  int
}

var (
	mayRegister = regexp.MustCompile(`(?i)register\s*\(|require|include`)
	inText      = regexp.MustCompile(`\{\$(\w+)\}|\$\{(\w+)\}|\$(\w+)`) // a variable in double quotes
)

// load runs a file, once. One that cannot be read, as Composer lists files of packages that
// are not installed, registers nothing.
func (e *evaluator) load(name string) {
	if e.loaded[name] || len(e.loaded) >= maxFiles || e.depth >= maxDepth {
		return
	}
	e.loaded[name] = true
	text, err := read(e.tree, name)
	if err != nil || !mayRegister.MatchString(text) {
		return
	}
	e.depth++
	defer func() { e.depth-- }()
	r := &run{evaluator: e, file: name, words: words(text), vars: map[string]any{}, consts: map[string]any{}}
	r.statements(0, len(r.words))
}

// run is one file that is being evaluated. Values are texts and lists ([]any).
type run struct {
	*evaluator
	file   string
	words  []word
	vars   map[string]any
	consts map[string]any
	steps  int
	nested int
}

func (r *run) at(i int) word {
	if i < 0 || i >= len(r.words) {
		return word{}
	}
	return r.words[i]
}

// name reports whether there is a name, in any case.
func (r *run) name(i int, text string) bool {
	return r.at(i).kind == 'n' && strings.EqualFold(r.at(i).text, text)
}

// mark reports whether there is a punctuation mark.
func (r *run) mark(i int, text string) bool {
	return r.at(i).text == text && !strings.ContainsRune("nvst#", rune(r.at(i).kind))
}

// statements looks through the words from one to another for what matters: assignments,
// constants, loops, files that are loaded, and registrations. The bodies of conditions are
// taken to run.
func (r *run) statements(from, to int) {
	for i := from; i < to; {
		if r.steps++; r.steps > maxSteps {
			return
		}
		w := r.at(i)
		next := i + 1
		switch {
		case w.kind == 'v' && r.mark(i+1, "=") && !r.mark(i+2, "="):
			v, _, ok := r.expression(i + 2)
			r.set(w.text, v, ok)
			next = i + 2
		case w.kind == 'n' && strings.EqualFold(w.text, "const") && r.mark(i+2, "="):
			if v, _, ok := r.expression(i + 3); ok {
				r.consts[r.at(i+1).text] = v
			}
		case r.name(i, "foreach") && r.mark(i+1, "("):
			next = r.loop(i+2, to)
		case r.name(i, "require"), r.name(i, "require_once"), r.name(i, "include"), r.name(i, "include_once"):
			if v, _, ok := r.expression(i + 1); ok {
				r.loadValue(v)
			}
		case r.name(i, "register") && r.mark(i+1, "(") && (r.mark(i-1, "::") || r.mark(i-1, "->")):
			r.registration(i + 2)
		}
		i = next
	}
}

func (r *run) set(name string, v any, ok bool) {
	if ok {
		r.vars[name] = v
		return
	}
	delete(r.vars, name)
}

func (r *run) loadValue(v any) {
	name, ok := v.(string)
	if name = path.Clean(name); ok && fs.ValidPath(name) {
		r.load(name)
	}
}

func (r *run) registration(i int) {
	kind, i, ok := r.expression(i)
	if !ok || !r.mark(i, ",") {
		return
	}
	name, _, ok := r.expression(i + 1)
	kindText, isText := kind.(string)
	nameText, alsoText := name.(string)
	if ok && isText && alsoText {
		r.register(kindText, nameText)
	}
}

// loop runs the body of foreach (LIST as $key => $value), for every value. It returns where
// the body ends.
func (r *run) loop(i, to int) int {
	list, after, ok := r.expression(i)
	values, isList := list.([]any)
	if !ok || !isList || !r.name(after, "as") || r.nested >= maxDepth {
		return i
	}
	end := after + 1
	for end < to && !r.mark(end, ")") {
		end++
	}
	value, key := r.at(end-1).text, ""
	if r.mark(end-2, "=>") {
		key = r.at(end - 3).text
	}
	from, to := r.body(end+1, to)
	r.nested++
	defer func() { r.nested-- }()
	for _, v := range values {
		p, _ := v.(pair)
		r.vars[value] = p.value
		if key != "" {
			r.vars[key] = p.key
		}
		r.statements(from, to)
	}
	return to
}

// body returns the words of a block, or of one statement.
func (r *run) body(i, to int) (from, end int) {
	depth := 0
	for j := i; j < to; j++ {
		switch {
		case r.mark(j, "{"):
			depth++
		case r.mark(j, "}"):
			depth--
		}
		if depth == 0 && (r.mark(j, "}") || r.mark(j, ";")) {
			return i, j + 1
		}
	}
	return i, to
}

// pair is an entry of a list.
type pair struct{ key, value any }

// glob returns what a pattern finds, as PHP does.
func (r *run) glob(pattern string) []any {
	var list []any
	if strings.HasPrefix(pattern, "/") {
		return nil
	}
	names, err := fs.Glob(r.tree, path.Clean(pattern))
	if err != nil {
		return nil
	}
	for _, name := range names {
		list = append(list, pair{value: name})
	}
	return list
}

// interpolate puts variables into a text in double quotes.
func (r *run) interpolate(text string) (string, bool) {
	known := true
	text = inText.ReplaceAllStringFunc(text, func(found string) string {
		v, ok := r.vars["$"+strings.Trim(found, "{}$")].(string)
		known = known && ok
		return v
	})
	return strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(text), known
}

// componentKind returns the value of a constant of ComponentRegistrar.
func componentKind(constant string) (kind string, ok bool) {
	kinds := []string{"MODULE", "THEME", "LANGUAGE", "LIBRARY", "SETUP"}
	return strings.ToLower(constant), slices.Contains(kinds, constant)
}
