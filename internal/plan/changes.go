package plan

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"sluice/internal/contract"
	"sluice/internal/manifest"
)

// item is something with a name that can be compared with its namesake.
type item struct {
	app, name string
	value     any    // a struct
	created   string // what to say when it is new; may be empty
	removed   string // what to say when it goes; may be empty
}

// compare matches items by application and name. Items that stay as they are are left out.
func compare(old, now []item) []Change {
	out := []Change{}
	for _, n := range now {
		o, ok := find(old, n)
		switch {
		case !ok:
			out = append(out, Change{App: n.app, Name: n.name, Action: Create, Details: details(n.created)})
		case !reflect.DeepEqual(o.value, n.value):
			if fields := differing(o.value, n.value); len(fields) > 0 {
				out = append(out, Change{App: n.app, Name: n.name, Action: Alter, Details: fields})
			}
		}
	}
	for _, o := range old {
		if _, ok := find(now, o); !ok {
			out = append(out, Change{App: o.app, Name: o.name, Action: Remove, Details: details(o.removed)})
		}
	}
	return out
}

func find(items []item, like item) (item, bool) {
	for _, i := range items {
		if i.app == like.app && i.name == like.name {
			return i, true
		}
	}
	return item{}, false
}

func details(text string) []string {
	if text == "" {
		return []string{}
	}
	return []string{text}
}

// differing names the fields in which two structs of one type differ; positions do not
// count.
func differing(old, now any) []string {
	var out []string
	a, b := reflect.ValueOf(old), reflect.ValueOf(now)
	for i := range a.NumField() {
		name := a.Type().Field(i).Name
		if name == "Pos" || equal(a.Field(i), b.Field(i)) {
			continue
		}
		text := words(name)
		if x, y := shown(a.Field(i)), shown(b.Field(i)); x != "" || y != "" {
			text = fmt.Sprintf("%s: %s becomes %s", text, orNothing(x), orNothing(y))
		}
		out = append(out, text)
	}
	return out
}

// equal compares two values, positions inside them left out.
func equal(a, b reflect.Value) bool {
	switch a.Kind() {
	case reflect.Struct:
		for i := range a.NumField() {
			if a.Type().Field(i).Name != "Pos" && !equal(a.Field(i), b.Field(i)) {
				return false
			}
		}
		return true
	case reflect.Slice:
		if a.Len() != b.Len() {
			return false
		}
		for i := range a.Len() {
			if !equal(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	case reflect.Pointer:
		if a.IsNil() || b.IsNil() {
			return a.IsNil() == b.IsNil()
		}
		return equal(a.Elem(), b.Elem())
	default:
		return reflect.DeepEqual(a.Interface(), b.Interface())
	}
}

// shown is a short value as text; empty for one that is not worth a word.
func shown(v reflect.Value) string {
	const longest = 60
	switch v.Kind() {
	case reflect.String, reflect.Bool, reflect.Int, reflect.Int64:
		text := fmt.Sprint(v.Interface())
		if len(text) > longest || strings.Contains(text, "\n") {
			return ""
		}
		return text
	default:
		return ""
	}
}

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

// words makes "SourcePath" read "source path".
func words(name string) string {
	if strings.ToUpper(name) == name {
		return strings.ToLower(name)
	}
	var b strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// beginning says what a new mount has at first. The toolkit copies what the build made of
// Magento's own directories into them.
func beginning(a *manifest.Application, m manifest.Mount) string {
	if contract.RunsToolkit(a.Hooks.Deploy) && slices.Contains([]string{"app/etc", "pub/media", "pub/static", "var"}, m.Path) {
		return "the toolkit fills it from the build"
	}
	return "it begins empty"
}

func mounts(old, now *manifest.Manifest) []Change {
	list := func(m *manifest.Manifest) []item {
		var out []item
		for _, a := range m.Apps {
			for _, mount := range a.Mounts {
				out = append(out, item{
					app: a.Name, name: mount.Path, value: mount,
					created: beginning(a, mount), removed: fmt.Sprintf("its files stay in %q", mount.SourcePath),
				})
			}
		}
		return out
	}
	return compare(list(old), list(now))
}

func routes(old, now *manifest.Manifest) []Change {
	list := func(m *manifest.Manifest) []item {
		var out []item
		for _, r := range m.Routes {
			to := r.Upstream
			if r.Type == "redirect" {
				to = r.To
			}
			out = append(out, item{name: r.URL, value: *r, created: r.Type + " to " + to})
		}
		return out
	}
	return compare(list(old), list(now))
}

func workers(old, now *manifest.Manifest) []Change {
	list := func(m *manifest.Manifest) []item {
		var out []item
		for _, a := range m.Apps {
			for _, w := range a.Workers {
				out = append(out, item{app: a.Name, name: w.Name, value: w})
			}
		}
		return out
	}
	return compare(list(old), list(now))
}

func crons(old, now *manifest.Manifest) []Change {
	list := func(m *manifest.Manifest) []item {
		var out []item
		for _, a := range m.Apps {
			for _, c := range a.Crons {
				out = append(out, item{app: a.Name, name: c.Name, value: c, created: c.Spec})
			}
		}
		return out
	}
	return compare(list(old), list(now))
}
