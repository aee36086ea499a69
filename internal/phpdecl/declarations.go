package phpdecl

import (
	"bytes"
	"slices"
	"strings"
)

// File is what a PHP file declares.
type File struct {
	// Text holds the tokens of everything but the bodies of methods and unused imports,
	// one a line: equal texts declare the same. It is for digests, not for people.
	Text []byte
	// Classes are the full names of the classes, interfaces, traits and enums that the file
	// declares outside of all blocks, in their order.
	Classes []string
}

// Read returns the declarations of a file. ok is false when the file cannot be followed; its
// whole content has to count then.
//
// White space, comments and doc blocks are left out, but for doc blocks that stand for a type: of a
// constructor with an untyped parameter, and of getExtensionAttributes. Bodies that count:
//
//   - of constructors, and of all methods of a class whose constructor does more with its
//     object than to read and set properties;
//   - of console commands, lists of commands and lists of options of the installer, except
//     what runs the command: a compilation makes and configures them;
//   - bodies that declare a class or name one that Magento generates.
func Read(src []byte) (file File, ok bool) {
	tokens, ok := tokenize(src)
	if !ok {
		return File{}, false
	}
	r := &reader{src: src, tokens: tokens, dropped: make([]bool, len(tokens)), used: map[string]bool{}}
	r.block(0, len(tokens), false)
	if r.failed {
		return File{}, false
	}
	if r.namespaces > 1 {
		r.imports = nil // each is for its own namespace: they stay where they are
	} else {
		for _, s := range r.statements {
			r.drop(s[0], s[1])
		}
	}
	return File{Text: r.render(), Classes: r.classes}, true
}

// reader marks the tokens that do not count.
type reader struct {
	src        []byte
	tokens     []token
	dropped    []bool
	imports    []imported
	statements [][2]int        // the tokens of the use statements
	used       map[string]bool // words that are kept, in lower case
	namespaces int
	namespace  string
	classes    []string
	failed     bool
}

// imported is one name of a use statement.
type imported struct{ name, alias string }

func (r *reader) text(i int) string {
	if i < 0 || i >= len(r.tokens) {
		return ""
	}
	return string(r.src[r.tokens[i].start:r.tokens[i].end])
}

// is reports whether a token is a word, in any case, or a sign.
func (r *reader) is(i int, what string) bool {
	if i < 0 || i >= len(r.tokens) {
		return false
	}
	t := r.tokens[i]
	return (t.kind == word || t.kind == sign) && t.end-t.start == len(what) && strings.EqualFold(r.text(i), what)
}

func (r *reader) isWord(i int) bool {
	return i >= 0 && i < len(r.tokens) && r.tokens[i].kind == word
}

// member reports whether the word at i is the name of a member: after -> or ::.
func (r *reader) member(i int) bool {
	return r.is(i-1, ">") && r.is(i-2, "-") || r.is(i-1, ":") && r.is(i-2, ":")
}

// skip returns the index behind a token, or behind the bracket that it opens.
func (r *reader) skip(i int) int { return max(i, r.tokens[i].partner) + 1 }

// find returns the first of the signs from i up to end, outside of brackets; end when there
// is none.
func (r *reader) find(i, end int, signs string) int {
	for i < end && (r.tokens[i].kind != sign || strings.IndexByte(signs, r.src[r.tokens[i].start]) < 0) {
		i = r.skip(i)
	}
	return i
}

// block reads the statements of a file or of a namespace in braces.
func (r *reader) block(i, end int, inNamespace bool) {
	for i < end && !r.failed {
		switch {
		case r.is(i, "namespace") && !inNamespace && !r.member(i):
			i = r.enterNamespace(i, end)
		case r.is(i, "use") && r.isWord(i+1):
			i = r.useStatement(i, end)
		case r.declaresClass(i):
			i = r.class(i, end)
		default:
			i = r.skip(i)
		}
	}
}

func (r *reader) enterNamespace(i, end int) int {
	r.namespaces++
	r.namespace = ""
	if r.isWord(i + 1) {
		r.namespace = r.text(i+1) + `\`
	}
	to := r.find(i, end, ";{")
	if to < end && r.is(to, "{") {
		r.block(to+1, r.tokens[to].partner, true)
		return r.tokens[to].partner + 1
	}
	return to
}

// useStatement takes the names of an import.
func (r *reader) useStatement(i, end int) int {
	to := r.find(i, end, ";")
	kind, prefix := "", ""
	r.statements = append(r.statements, [2]int{i, min(to+1, end)})
	for k := i + 1; k < to; k++ {
		switch {
		case (r.is(k, "function") || r.is(k, "const")) && r.isWord(k+1):
			kind = strings.ToLower(r.text(k)) + " "
		case r.is(k, "as") && len(r.imports) > 0 && r.isWord(k+1):
			k++
			r.imports[len(r.imports)-1].alias = strings.ToLower(r.text(k))
		case r.isWord(k) && r.is(k+1, `\`) && r.is(k+2, "{"):
			prefix = r.text(k) + `\`
		case r.isWord(k):
			name := kind + strings.TrimPrefix(prefix+r.text(k), `\`)
			alias := strings.ToLower(name[strings.LastIndexAny(name, `\ `)+1:])
			r.imports = append(r.imports, imported{name: name, alias: alias})
		}
	}
	return to + 1
}

// declaresClass reports whether a class, an interface, a trait or an enum begins at i.
func (r *reader) declaresClass(i int) bool {
	if !r.isWord(i+1) || r.member(i) || r.is(i-1, "new") {
		return false
	}
	if r.is(i, "enum") {
		return r.is(i+2, "{") || r.is(i+2, ":") || r.is(i+2, "implements")
	}
	return r.is(i, "class") || r.is(i, "interface") || r.is(i, "trait")
}

func (r *reader) class(i, end int) int {
	open := r.find(i, end, "{;")
	if open >= end || !r.is(open, "{") {
		r.failed = true
		return end
	}
	r.classes = append(r.classes, r.namespace+r.text(i+1))
	methods := r.methods(open+1, r.tokens[open].partner)
	all := r.isMadeByCompilation(i, open) || slices.ContainsFunc(methods, func(m method) bool {
		return m.is("configure") || m.is("__construct") && r.usesItself(m.open, m.close, r.text(i+1))
	})
	for _, m := range methods {
		if m.is("getExtensionAttributes") || m.is("__construct") && m.untyped {
			r.keepDoc(m.doc)
		}
		if m.open == 0 || m.is("__construct") || all && !m.is("execute") && !m.is("interact") && !m.is("initialize") || r.namesClass(m.open, m.close) {
			continue
		}
		r.drop(m.open+1, m.close)
	}
	return r.tokens[open].partner + 1
}

func (r *reader) drop(i, end int) {
	for ; i < end; i++ {
		r.dropped[i] = true
	}
}

// method is a method of a class: where its body is (0, 0 for none) and its doc block (-1).
type method struct {
	name        string
	open, close int
	doc         int
	untyped     bool // it has a parameter without a type
}

func (m method) is(name string) bool { return strings.EqualFold(m.name, name) }

// methods returns the methods of a class whose members are the tokens from i up to end.
func (r *reader) methods(i, end int) []method {
	var all []method
	doc := -1
	for i < end {
		switch {
		case r.tokens[i].kind == docBlock:
			doc = i
			i++
		case r.is(i, "function") && !r.is(i-1, "const"):
			m, next := r.method(i, end)
			if next < 0 {
				r.failed = true
				return nil
			}
			m.doc = doc
			all = append(all, m)
			doc, i = -1, next
		case r.is(i, ";") || r.is(i, "{"):
			doc = -1
			i = r.skip(i)
		default:
			i = r.skip(i)
		}
	}
	return all
}

// method reads a method that begins at i; next is -1 when it is none.
func (r *reader) method(i, end int) (m method, next int) {
	name := i + 1
	for name < end && (r.is(name, "&") || r.tokens[name].kind == docBlock) {
		name++
	}
	params := name + 1
	if !r.isWord(name) || !r.is(params, "(") || params >= end {
		return method{}, -1
	}
	m.name = r.text(name)
	m.untyped = r.untyped(params+1, r.tokens[params].partner)
	to := r.find(r.tokens[params].partner+1, end, ";{")
	if to >= end {
		return method{}, -1
	}
	if r.is(to, "{") {
		m.open, m.close = to, r.tokens[to].partner
	}
	return m, r.skip(to)
}

// untyped reports whether a parameter has no type before its name.
func (r *reader) untyped(i, end int) bool {
	typed := false
	for i < end {
		switch {
		case r.tokens[i].kind == variable:
			if !typed {
				return true
			}
			i = r.find(i, end, ",")
			typed = false
		case r.isWord(i) && !slices.Contains([]string{"public", "protected", "private", "readonly"}, strings.ToLower(r.text(i))):
			typed = true
		}
		if i < end {
			i = r.skip(i)
		}
	}
	return false
}

// isMadeByCompilation reports whether the class between its keyword and its brace is made
// while Magento compiles, so that its methods may run.
func (r *reader) isMadeByCompilation(i, open int) bool {
	for k := i + 1; k < open; k++ {
		if !r.isWord(k) {
			continue
		}
		name := strings.ToLower(r.text(k))
		for _, im := range r.imports {
			if im.alias == name {
				name = strings.ToLower(im.name)
			}
		}
		for _, suffix := range []string{"command", "commandlist", "commandlistinterface", "configoptionslist", "configoptionslistinterface"} {
			if strings.HasSuffix(name, suffix) {
				return true
			}
		}
	}
	return false
}

// usesItself reports whether a constructor's body does more with its object than to read and
// set properties: other methods of the class may run then.
func (r *reader) usesItself(open, end int, class string) bool {
	for k := open; k < end; k++ {
		property := r.is(k+1, "-") && r.is(k+2, ">") && r.isWord(k+3) && !r.is(k+4, "(")
		if r.tokens[k].kind == variable && r.text(k) == "$this" && !property {
			return true
		}
		static := r.is(k+1, ":") && r.is(k+2, ":") && r.is(k+4, "(") && !r.is(k+3, "__construct")
		if own := r.is(k, "self") || r.is(k, "static") || r.is(k, "parent") || r.is(k, class); own && static {
			return true
		}
	}
	return false
}

// namesClass reports whether a body has what the scanners of Magento look for, or names a class
// that Magento would generate when the body runs during a compilation.
func (r *reader) namesClass(open, end int) bool {
	for k := open; k < end; k++ {
		name := strings.ToLower(r.text(k))
		switch {
		case r.tokens[k].kind == text, r.isWord(k) && r.is(k+1, ":") && r.is(k+2, ":") && r.is(k+3, "class"):
			if strings.Contains(name, "factory") || strings.Contains(name, "proxy") || strings.Contains(name, "interceptor") {
				return true
			}
		case r.isWord(k) && !r.member(k) && slices.Contains([]string{"class", "interface", "trait", "enum", "namespace"}, name):
			return true
		}
	}
	return false
}

func (r *reader) keepDoc(i int) {
	if i >= 0 {
		r.tokens[i].kind = text
	}
}

// render writes what counts.
func (r *reader) render() []byte {
	var body bytes.Buffer
	for i, t := range r.tokens {
		if r.dropped[i] || t.kind == docBlock {
			continue
		}
		if i > 0 && r.glued(i) {
			body.Truncate(body.Len() - 1)
		}
		body.Write(r.src[t.start:t.end])
		body.WriteByte('\n')
		r.use(t)
	}
	var out bytes.Buffer
	lines := make([]string, 0, len(r.imports))
	for _, im := range r.imports {
		if r.used[im.alias] {
			lines = append(lines, "use "+im.name+" as "+im.alias+"\n")
		}
	}
	slices.Sort(lines)
	for _, line := range slices.Compact(lines) {
		out.WriteString(line)
	}
	out.Write(body.Bytes())
	return out.Bytes()
}

// glued reports whether a sign stands right behind another one: "->" is not "- >".
func (r *reader) glued(i int) bool {
	operator := func(t token) bool {
		return t.kind == sign && strings.IndexByte("()[]{},;", r.src[t.start]) < 0
	}
	return !r.dropped[i-1] && r.tokens[i-1].end == r.tokens[i].start && operator(r.tokens[i-1]) && operator(r.tokens[i])
}

// use notes the words of a token that an import may be for.
func (r *reader) use(t token) {
	if t.kind != word && t.kind != text {
		return
	}
	for _, name := range strings.FieldsFunc(string(r.src[t.start:t.end]), notName) {
		r.used[strings.ToLower(name)] = true
	}
}
