package scenario

import (
	"strconv"
	"strings"
)

// Parse reads one scenario file. path is for messages.
func Parse(path string, text []byte) (*Definition, error) {
	root, err := readXML(path, text)
	if err != nil {
		return nil, err
	}
	r := &reader{def: &Definition{}}
	for _, child := range root.children {
		if err := r.top(root, child); err != nil {
			return nil, err
		}
	}
	if len(r.def.Steps) == 0 {
		return nil, &FileError{At: root.pos.String(), Message: `Steps aren't exist in "` + path + `" file`}
	}
	return r.def, nil
}

type reader struct{ def *Definition }

func (r *reader) top(root, e *element) error {
	switch {
	case root.name != "scenario":
		r.warn(root, "the root element is not scenario")
		return nil
	case e.name == "step":
		entry, err := r.entry(e)
		if err != nil {
			return err
		}
		r.def.Steps = append(r.def.Steps, entry)
	case e.name == "onFail":
		for _, child := range e.children {
			if child.name != "action" {
				r.warn(child, "onFail has only action elements")
				continue
			}
			entry, err := r.entry(child)
			if err != nil {
				return err
			}
			r.def.Actions = append(r.def.Actions, entry)
		}
	default:
		r.warn(e, "a scenario has only step and onFail elements")
	}
	return nil
}

// entry reads a step or an action.
func (r *reader) entry(e *element) (*Entry, error) {
	skip := r.skip(e)
	required := []string{"name", "priority", "type"}
	if skip {
		required = required[:1]
	}
	if missing := missing(e, required...); missing != "" {
		return nil, e.pos.errorf("Argument(s) %q are missed from item", missing)
	}
	entry := &Entry{Name: e.attrs["name"], Type: strings.TrimSpace(e.attrs["type"]), Skip: skip, From: e.pos.String()}
	var err error
	if entry.Priority, entry.HasPriority, err = priority(e); err != nil {
		return nil, err
	}
	for _, child := range e.children {
		if child.name != "arguments" {
			r.warn(child, "it is not read here")
			continue
		}
		for _, a := range child.children {
			if a.name != "argument" {
				r.warn(a, "arguments has only argument elements")
				continue
			}
			arg, err := r.argument(e.attrs["name"], a)
			if err != nil {
				return nil, err
			}
			entry.Arguments = overlay(entry.Arguments, arg)
		}
	}
	return entry, nil
}

func (r *reader) argument(step string, e *element) (*Param, error) {
	if missing := missing(e, "name", "xsi:type"); missing != "" {
		return nil, e.pos.errorf("Argument(s) %q are missed from argument in step %q", missing, step)
	}
	kind := e.attrs["xsi:type"]
	switch kind {
	case kindObject, kindString, kindArray:
	default:
		return nil, e.pos.errorf("xsi:type %q not allowed in argument %q", kind, e.attrs["name"])
	}
	return r.param(e)
}

func (r *reader) param(e *element) (*Param, error) {
	p := &Param{Name: e.attrs["name"], Kind: e.attrs["xsi:type"], Text: content(e), Priority: lastPriority, Skip: r.skip(e), pos: e.pos}
	if n, given, err := priority(e); err != nil {
		return nil, err
	} else if given {
		p.Priority = n
	}
	for _, child := range e.children {
		if child.name != "item" {
			r.warn(child, "an array has only item elements")
			continue
		}
		if missing := missing(child, "name", "xsi:type"); missing != "" {
			return nil, child.pos.errorf("Argument(s) %q are missed from item %q", missing, child.attrs["name"])
		}
		item, err := r.param(child)
		if err != nil {
			return nil, err
		}
		p.Items = overlay(p.Items, item)
	}
	return p, nil
}

// content returns the text of an argument or item; a string keeps its spaces unless it has
// nothing else.
func content(e *element) string {
	trimmed := strings.TrimSpace(e.text)
	if trimmed != "" && e.attrs["xsi:type"] == kindString {
		return e.text
	}
	return trimmed
}

// skip reads the skip attribute: only the exact text true counts.
func (r *reader) skip(e *element) bool {
	text, given := e.attrs["skip"]
	if given && text != "true" && text != "false" {
		r.warn(e, `skip="`+text+`" does not skip; only skip="true" does`)
	}
	return text == "true"
}

func (r *reader) warn(e *element, why string) {
	r.def.Warnings = append(r.def.Warnings, e.pos.String()+": element <"+e.name+">: "+why)
}

// missing returns the attributes that an element lacks, as the messages list them.
func missing(e *element, attrs ...string) string {
	var out []string
	for _, a := range attrs {
		if !e.has(a) {
			out = append(out, "@"+a)
		}
	}
	return strings.Join(out, ", ")
}

func priority(e *element) (n int, given bool, err error) {
	text, given := e.attrs["priority"]
	if !given {
		return 0, false, nil
	}
	n, err = strconv.Atoi(strings.TrimSpace(text))
	if err != nil {
		return 0, false, e.pos.errorf("priority %q of %s %q is not an integer", text, e.name, e.attrs["name"])
	}
	return n, true, nil
}
