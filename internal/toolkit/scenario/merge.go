package scenario

import (
	"cmp"
	"slices"
)

// Merge puts later files over earlier ones, the first being the lowest, and sorts the
// result. The arguments are not used afterwards.
//
// Where the original merges arguments by their position they are merged by their name
// here, and an entry that is only skipped needs no earlier one (ADR 0025).
func Merge(files ...*Definition) *Definition {
	out := &Definition{}
	for _, f := range files {
		for _, step := range f.Steps {
			out.Steps = overlayEntry(out.Steps, step)
		}
		for _, action := range f.Actions {
			out.Actions = overlayEntry(out.Actions, action)
		}
		out.Warnings = append(out.Warnings, f.Warnings...)
	}
	sortEntries(out.Steps)
	sortEntries(out.Actions)
	for _, e := range slices.Concat(out.Steps, out.Actions) {
		sortArguments(e.Arguments)
	}
	return out
}

// overlayEntry puts a later step or action over that of the same name or at the end. The
// type is always replaced, the priority only when it is given.
func overlayEntry(entries []*Entry, later *Entry) []*Entry {
	i := slices.IndexFunc(entries, func(e *Entry) bool { return e.Name == later.Name })
	if i < 0 {
		return append(entries, later)
	}
	e := entries[i]
	e.changed = e.changed || later.Type != "" && e.Type != "" && later.Type != e.Type
	e.Type, e.Skip, e.From = later.Type, later.Skip, later.From
	if later.HasPriority {
		e.Priority, e.HasPriority = later.Priority, true
	}
	for _, arg := range later.Arguments {
		e.Arguments = overlay(e.Arguments, arg)
	}
	return entries
}

// overlay puts a later argument or item over that of the same name or at the end. An item
// without priority moves to the end; an object without a class
// keeps the one it had.
func overlay(params []*Param, later *Param) []*Param {
	i := slices.IndexFunc(params, func(p *Param) bool { return p.Name == later.Name })
	if i < 0 {
		return append(params, later)
	}
	p := params[i]
	if later.Text != "" || later.Kind != kindObject || later.Kind != p.Kind {
		p.Text = later.Text
	}
	p.Kind, p.Priority, p.Skip, p.pos = later.Kind, later.Priority, later.Skip, later.pos
	for _, item := range later.Items {
		p.Items = overlay(p.Items, item)
	}
	return params
}

func sortEntries(entries []*Entry) {
	for _, e := range entries {
		if !e.HasPriority {
			e.Priority = lastPriority
		}
	}
	slices.SortStableFunc(entries, func(a, b *Entry) int { return cmp.Compare(a.Priority, b.Priority) })
}

// sortArguments sorts the items of the argument steps and the validators of each level;
// all other arrays keep their order, whatever their priorities.
func sortArguments(args []*Param) {
	for _, arg := range args {
		switch arg.Name {
		case "steps":
			sortItems(arg.Items)
		case "validators":
			for _, level := range arg.Items {
				sortItems(level.Items)
			}
		}
	}
}

func sortItems(items []*Param) {
	slices.SortStableFunc(items, func(a, b *Param) int { return cmp.Compare(a.Priority, b.Priority) })
}
