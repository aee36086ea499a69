package scenario

import (
	"fmt"
	"io"
	"strings"
)

// Shown is what would run, for people and programs (ece-tools scenario:show). Priorities
// are those after merging.
type Shown struct {
	Steps    []ShownEntry `json:"steps"`
	OnFail   []ShownEntry `json:"onFail"`
	Warnings []string     `json:"warnings,omitempty"`
}

// ShownEntry is one step or action.
type ShownEntry struct {
	Name     string `json:"name"`
	Type     string `json:"type,omitempty"`
	Priority int    `json:"priority"`
	Skip     bool   `json:"skip,omitempty"`
	// Runs says what the type is: native, shell, php or unknown.
	Runs      string      `json:"runs"`
	From      string      `json:"from"` // file:line:column of the last file that names it
	Arguments []ShownItem `json:"arguments,omitempty"`
}

// ShownItem is one argument or item.
type ShownItem struct {
	Name  string `json:"name"`
	Kind  string `json:"kind"`
	Value string `json:"value,omitempty"`
	// Priority is that of an item that is sorted by it.
	Priority int         `json:"priority,omitempty"`
	Skip     bool        `json:"skip,omitempty"`
	Items    []ShownItem `json:"items,omitempty"`
}

// Show describes a merged definition. The registry says which types are native.
func Show(def *Definition, registry *Registry) Shown {
	s := Shown{Steps: []ShownEntry{}, OnFail: []ShownEntry{}, Warnings: def.Warnings}
	for _, e := range def.Steps {
		s.Steps = append(s.Steps, showEntry(e, registry))
	}
	for _, e := range def.Actions {
		s.OnFail = append(s.OnFail, showEntry(e, registry))
	}
	return s
}

func showEntry(e *Entry, registry *Registry) ShownEntry {
	shown := ShownEntry{Name: e.Name, Type: e.Type, Priority: e.Priority, Skip: e.Skip, From: e.From, Arguments: showParams(e.Arguments)}
	_, native := registry.Lookup(e.Type)
	switch {
	case e.Skip:
		shown.Runs = "skipped"
	case e.Type == kindShell:
		shown.Runs = "shell"
	case native:
		shown.Runs = "native"
	default:
		shown.Runs = "php"
	}
	return shown
}

func showParams(params []*Param) []ShownItem {
	var out []ShownItem
	for _, p := range params {
		item := ShownItem{Name: p.Name, Kind: p.Kind, Value: p.Text, Skip: p.Skip, Items: showParams(p.Items)}
		if p.Priority != lastPriority {
			item.Priority = p.Priority
		}
		out = append(out, item)
	}
	return out
}

// WriteTree prints what would run as an indented tree.
func (s Shown) WriteTree(w io.Writer) error {
	p := &printer{w: w}
	for _, e := range s.Steps {
		p.entry(e)
	}
	if len(s.OnFail) > 0 {
		p.line(0, "on failure")
		for _, e := range s.OnFail {
			p.entry(e)
		}
	}
	for _, warning := range s.Warnings {
		p.line(0, "warning: "+warning)
	}
	return p.err
}

type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(depth int, text string) {
	if p.err == nil {
		_, p.err = fmt.Fprintln(p.w, strings.Repeat("  ", depth)+text)
	}
}

func (p *printer) entry(e ShownEntry) {
	text := fmt.Sprintf("%5d %s", e.Priority, e.Name)
	switch {
	case e.Skip:
		text += " (skipped)"
	case e.Runs == "php":
		text += "  [php " + e.Type + "]"
	case e.Runs == "shell":
		text += "  [shell]"
	default:
		text += "  [" + strings.TrimPrefix(e.Type, prefix) + "]"
	}
	p.line(0, text)
	for _, a := range e.Arguments {
		if a.Kind == kindArray || e.Runs != "native" {
			p.item(a, 4)
		}
	}
}

func (p *printer) item(i ShownItem, depth int) {
	text := i.Name
	if i.Priority != 0 {
		text = fmt.Sprintf("%d %s", i.Priority, i.Name)
	}
	switch {
	case i.Skip:
		text += " (skipped)"
	case i.Kind == kindArray:
		text += ":"
	default:
		text += "  [" + strings.TrimPrefix(i.Value, prefix) + "]"
	}
	p.line(depth, text)
	for _, child := range i.Items {
		p.item(child, depth+1)
	}
}
