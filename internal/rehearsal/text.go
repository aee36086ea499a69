package rehearsal

import (
	"fmt"
	"strings"
)

// maxShown is how many entries of one kind a text or Markdown has; JSON has all.
const maxShown = 30

// Text writes the report for a terminal.
func Text(r Report) string {
	t := &text{}
	t.line("Rehearsal of %s (%s) on the data of %s: %s", short(r.Commit), r.From, r.Environment, verdict(r))
	t.line("  over release %s (%s), personal data %s, in %s", r.Base.Release, short(r.Base.Commit), r.PersonalData, took(r.Took))
	section(t, "Problems", r.Problems, func(p string) string { return p })
	if r.Met != "" {
		t.line("")
		t.line("Visitors would have met: %s", r.Met)
	}
	t.line("")
	t.line("Hold: %s", holdText(r.Hold))
	t.line("")
	t.line("Data: %s", dataText(r.Data))
	section(t, "Schema", r.Schema, func(c Table) string {
		return fmt.Sprintf("%s %s: %s", c.Name, c.Change, strings.Join(c.Details, "; "))
	})
	section(t, "Configuration", r.Config, func(k Key) string { return fmt.Sprintf("%s: %s %s %s", k.App, k.File, k.Key, k.Change) })
	section(t, "Pages", r.Pages, func(p Page) string {
		return fmt.Sprintf("%s: %s, %s (before %s)", p.Path, p.change(), took(p.After.Seconds), took(p.Before.Seconds))
	})
	section(t, "Checks", r.Checks, checkText)
	section(t, "Errors in logs", r.Logs, func(l Line) string { return fmt.Sprintf("%s, %s: %s", l.Log, times(l.Count), l.Text) })
	section(t, "Steps", r.Steps, func(s Step) string { return fmt.Sprintf("%-12s %s", s.Name, took(s.Seconds)) })
	section(t, "Notes", r.Notes, func(n string) string { return n })
	return t.String()
}

// text is a strings.Builder that knows lines.
type text struct{ strings.Builder }

func (t *text) line(format string, args ...any) {
	_, _ = fmt.Fprintf(t, format+"\n", args...) // never fails
}

// section writes a list below its title, and nothing for an empty one.
func section[T any](t *text, title string, list []T, say func(T) string) {
	if len(list) == 0 {
		return
	}
	t.line("")
	t.line("%s", title)
	for i, v := range list {
		if i == maxShown {
			t.line("  … and %d more (--format json has all)", len(list)-i)
			break
		}
		t.line("  %s", strings.ReplaceAll(say(v), "\n", "\n    "))
	}
}

func verdict(r Report) string {
	if r.Passed {
		return "passed"
	}
	return "failed, " + count(len(r.Problems), "problem")
}

func holdText(h Hold) string {
	if !h.Held {
		return "the deployment did not hold requests"
	}
	return fmt.Sprintf("visitors would have waited for up to %s (limit %s)", took(h.Seconds), took(h.Limit))
}

func dataText(d Data) string {
	if !d.Changed {
		return "its state stays as it is, so a rollback would be at once (" + d.After + ")"
	}
	return "its state changes, so a rollback would need the data of before\n  before: " + d.Before + "\n  after:  " + d.After
}

func checkText(c Check) string {
	outcome := "passed"
	switch {
	case c.Error != "":
		outcome = "could not be run: " + c.Error
	case c.Status != 0:
		outcome = fmt.Sprintf("failed with exit status %d", c.Status)
	}
	out := fmt.Sprintf("%s: %s %s in %s", c.App, c.Name, outcome, took(c.Seconds))
	if c.Output != "" {
		out += "\n| " + strings.ReplaceAll(c.Output, "\n", "\n| ")
	}
	return out
}
