package configcmd

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phparray"
)

// The widths of the two columns.
const (
	nameWidth  = 40
	valueWidth = 60
)

// section is one of the platform's variables that env:config:show knows.
type section struct {
	name, title, header string
	grouped             bool // every entry is an array of its own
	of                  func(*kit.Platform) *phparray.Array
}

func sections() []section {
	return []section{
		{"services", "Magento Cloud Services:", "Service configuration", true, func(p *kit.Platform) *phparray.Array { return p.Relationships }},
		{"routes", "Magento Cloud Routes:", "Route configuration", true, func(p *kit.Platform) *phparray.Array { return p.Routes }},
		{"variables", "Magento Cloud Environment Variables:", "Variable name", false, func(p *kit.Platform) *phparray.Array { return p.Variables }},
	}
}

// Show prints tables of what the platform says: services, routes and variables, or those
// of them that are named. An unknown name is reported and is not an error. Credentials are shown:
// anyone who can run this in the container can read them anyway.
func Show(w io.Writer, p *kit.Platform, names []string) error {
	all := sections()
	var unknown []string
	for _, name := range names {
		if !slices.ContainsFunc(all, func(s section) bool { return s.name == name }) {
			unknown = append(unknown, name)
		}
	}
	var b strings.Builder
	if len(unknown) > 0 {
		b.WriteString("Unknown variable(s): " + strings.Join(unknown, ",") + "\n")
	}
	for _, s := range all {
		if len(names) == 0 || slices.Contains(names, s.name) {
			s.write(&b, s.of(p))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (s section) write(b *strings.Builder, values *phparray.Array) {
	b.WriteString("\n" + s.title + "\n")
	rule(b)
	row(b, s.header, "Value")
	rule(b)
	for key, v := range values.All() {
		if !s.grouped {
			rows(b, key.String(), v, 0)
			continue
		}
		spanning(b, key.String()+":")
		rule(b)
		if list, ok := v.(*phparray.Array); ok {
			for below, v := range groupOf(list).All() {
				rows(b, below.String(), v, 0)
			}
		}
		rule(b)
	}
	if !s.grouped {
		rule(b)
	}
}

// groupOf returns the entries to show of a service or route: a service with one endpoint,
// which most have, is shown without the list around it.
func groupOf(list *phparray.Array) *phparray.Array {
	if only := list.Sub("0"); list.Len() == 1 && only != nil {
		return only
	}
	return list
}

// rows writes a value; a nested one below its key, a dash and a space deeper for each level.
func rows(b *strings.Builder, name string, v any, depth int) {
	label := name
	if depth > 0 {
		label = strings.Repeat(" ", depth) + "-" + name
	}
	nested, ok := v.(*phparray.Array)
	if !ok {
		row(b, label, word(v))
		return
	}
	row(b, label, "")
	for key, below := range nested.All() {
		rows(b, key.String(), below, depth+1)
	}
}

// word writes null, true and false as words.
func word(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return strconv.FormatBool(v)
	}
	return phparray.String(v)
}

func rule(b *strings.Builder) {
	b.WriteString("+" + strings.Repeat("-", nameWidth+2) + "+" + strings.Repeat("-", valueWidth+2) + "+\n")
}

// row writes a line of the table, and further ones for what does not fit into a column.
func row(b *strings.Builder, name, value string) {
	left, right := wrap(name, nameWidth), wrap(value, valueWidth)
	for i := range max(len(left), len(right)) {
		fmt.Fprintf(b, "| %s | %s |\n", padded(left, i, nameWidth), padded(right, i, valueWidth))
	}
}

func spanning(b *strings.Builder, text string) {
	width := nameWidth + valueWidth + 3
	for _, line := range wrap(text, width) {
		b.WriteString("| " + line + strings.Repeat(" ", width-utf8.RuneCountInString(line)) + " |\n")
	}
}

func padded(lines []string, i, width int) string {
	line := ""
	if i < len(lines) {
		line = lines[i]
	}
	return line + strings.Repeat(" ", width-utf8.RuneCountInString(line))
}

// wrap cuts a text into lines of at most width characters; control characters, which could
// write over the terminal, become spaces.
func wrap(text string, width int) []string {
	runes := []rune(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text))
	var lines []string
	for len(runes) > width {
		lines = append(lines, string(runes[:width]))
		runes = runes[width:]
	}
	return append(lines, string(runes))
}
