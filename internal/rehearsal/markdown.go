package rehearsal

import (
	"strconv"
	"strings"
)

// Markdown writes the report for a pull request. Foreign text is in code spans, where it has
// no meaning: it can neither make links nor call people.
func Markdown(r Report) string {
	m := &text{}
	m.line("### Rehearsal of %s on the data of %s: %s", code(short(r.Commit)), code(r.Environment), verdict(r))
	m.line("")
	for _, p := range r.Problems {
		m.line("- %s", span(p))
	}
	if len(r.Problems) > 0 {
		m.line("")
	}
	m.line("| | |")
	m.line("|---|---|")
	m.line("| Hold | %s |", holdText(r.Hold))
	if r.Met != "" {
		m.line("| Visitors would have met | %s |", code(r.Met))
	}
	m.line("| Data | %s |", dataCell(r.Data))
	m.line("| Over | release %s (%s), personal data %s |", code(r.Base.Release), code(short(r.Base.Commit)), r.PersonalData)
	m.line("| Took | %s |", took(r.Took))
	table(m, "Schema", []string{"Table", "", "Details"}, r.Schema, func(c Table) []string {
		return []string{code(c.Name), c.Change, code(strings.Join(c.Details, "; "))}
	})
	table(m, "Configuration", []string{"File", "Key", ""}, r.Config, func(k Key) []string { return []string{code(k.File), code(k.Key), k.Change} })
	var differ []Page
	for _, p := range r.Pages {
		if p.differs() {
			differ = append(differ, p)
		}
	}
	table(m, "Pages that differ", []string{"Page", "Change", "Before", "After"}, differ, func(p Page) []string {
		return []string{code(p.Path), code(p.change()), took(p.Before.Seconds), took(p.After.Seconds)}
	})
	if same := len(r.Pages) - len(differ); same > 0 {
		m.line("")
		m.line("%s as before.", count(same, "page"))
	}
	table(m, "Checks", []string{"Check", "Outcome", "Time"}, r.Checks, func(c Check) []string {
		outcome := "passed"
		if !c.passed() {
			outcome = code(checkText(Check{App: c.App, Name: c.Name, Status: c.Status, Error: c.Error, Seconds: c.Seconds}))
		}
		return []string{code(c.Name), outcome, took(c.Seconds)}
	})
	table(m, "Errors in logs", []string{"Log", "Times", "Line"}, r.Logs, func(l Line) []string {
		return []string{code(l.Log), strconv.Itoa(l.Count), code(l.Text)}
	})
	folded(m, r)
	return m.String()
}

// folded holds what is looked at rarely.
func folded(m *text, r Report) {
	m.line("")
	m.line("<details><summary>Steps</summary>")
	table(m, "", []string{"Step", "Time"}, r.Steps, func(s Step) []string { return []string{s.Name, took(s.Seconds)} })
	m.line("")
	m.line("</details>")
	for _, n := range r.Notes {
		m.line("")
		m.line("%s", span(n))
	}
	m.line("")
	m.line("`sluice environment:rehearse --show %s` shows all of it.", r.Activity)
}

func dataCell(d Data) string {
	if !d.Changed {
		return "its state stays, so a rollback would be at once"
	}
	return "its state changes, so a rollback would need the data of before"
}

// table writes nothing for an empty list.
func table[T any](m *text, title string, head []string, rows []T, cells func(T) []string) {
	if len(rows) == 0 {
		return
	}
	m.line("")
	if title != "" {
		m.line("**%s**", title)
		m.line("")
	}
	m.line("| %s |", strings.Join(head, " | "))
	m.line("|%s", strings.Repeat("---|", len(head)))
	for i, row := range rows {
		if i == maxShown {
			m.line("| … and %d more |%s", len(rows)-i, strings.Repeat(" |", len(head)-1))
			break
		}
		m.line("| %s |", strings.Join(cells(row), " | "))
	}
}

// code makes a code span for a cell of a table, which a bar would end.
func code(s string) string { return strings.ReplaceAll(span(s), "|", `\|`) }

// span makes a code span of one line, with a fence that the text does not have.
func span(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if s == "" {
		return ""
	}
	fence := "`"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	if fence != "`" {
		s = " " + s + " "
	}
	return fence + s + fence
}
