package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sluice/internal/manifest"
	"sluice/internal/plan"
)

func (c *program) printPlan(p plan.Plan, format string) error {
	switch format {
	case "json":
		return printJSON(c.out, p)
	case "table":
		return c.writePlan(p)
	default:
		return usageError("use table or json", "unknown format %q", format)
	}
}

// writePlan prints a plan for people.
func (c *program) writePlan(p plan.Plan) error {
	if err := writeText(c.out, planTitle(p)); err != nil {
		return err
	}
	if err := writeDiagnostics(c.out, "text", p.Findings); err != nil {
		return err
	}
	if rows := planRows(p); len(rows) > 0 {
		if err := c.planTable([]string{"What", "Name", "Action", "Details"}, rows); err != nil {
			return err
		}
	}
	if len(p.Steps) == 0 {
		return nil
	}
	if err := c.planTable([]string{"Phase", "Step", "", "What it does"}, stepRows(p.Steps)); err != nil {
		return err
	}
	text := "\n" + holdText(p.Hold) + "\n"
	if p.Rehearsal != nil {
		text += "Rehearsal: the same files were " + p.Rehearsal.String() + "\n"
	}
	return writeText(c.out, text)
}

// planTable writes a table below an empty line. Nothing is cut: what a plan says matters
// to its end.
func (c *program) planTable(titles []string, rows [][]string) error {
	if err := writeText(c.out, "\n"); err != nil {
		return err
	}
	return writeAligned(c.out, 0, tableOptions{}, titles, rows)
}

func planTitle(p plan.Plan) string {
	where := "A first deployment"
	if p.Environment != "" {
		where = fmt.Sprintf("A push to environment %s of %s", p.Environment, p.Project)
	}
	switch p.Verdict {
	case plan.Refused:
		return where + " would be refused.\n"
	case plan.Stored:
		return where + " would be stored and not built: the environment is inactive. Its activation would do this.\n"
	default:
		if p.Release != "" {
			return where + " would be deployed over release " + p.Release + ".\n"
		}
		if unknownToCatalog(p.Findings) {
			where += ", on an installation whose catalog has what this one lacks,"
		}
		return where + " would do this.\n"
	}
}

func planRows(p plan.Plan) [][]string {
	var rows [][]string
	for _, a := range p.Applications {
		about := a.Type
		switch a.Slug {
		case plan.SlugReused:
			about += "; the slug is reused"
		case plan.SlugBuilt:
			about += "; it is built: " + strings.Join(a.Reasons, ", ")
		case plan.SlugUnknown:
			about += "; " + strings.Join(a.Reasons, ", ")
		}
		rows = append(rows, []string{"application", a.Name, string(a.Action), about})
		for _, step := range a.BuildSteps {
			rows = append(rows, buildStepRow(step))
		}
	}
	several := len(p.Applications) > 1
	for _, part := range []struct {
		what    string
		changes []plan.Change
	}{
		{"service", p.Services}, {"mount", p.Mounts}, {"route", p.Routes}, {"worker", p.Workers}, {"cron", p.Crons},
	} {
		for _, ch := range part.changes {
			name := ch.Name
			if several && ch.App != "" {
				name = ch.App + ": " + name
			}
			rows = append(rows, []string{part.what, name, string(ch.Action), strings.Join(ch.Details, "; ")})
		}
	}
	return rows
}

// buildStepRow says what becomes of a step of a build.
func buildStepRow(step plan.BuildStep) []string {
	const shown = 3
	if len(step.Changed) == 0 {
		return []string{"build step", step.Name, "reuse", "nothing that it reads changes; it runs if no build has kept its result"}
	}
	more := ""
	if n := len(step.Changed); n > shown {
		more = fmt.Sprintf(" and %d more", n-shown)
	}
	return []string{"build step", step.Name, "run", strings.Join(step.Changed[:min(shown, len(step.Changed))], ", ") + more}
}

func stepRows(steps []plan.Step) [][]string {
	rows := make([][]string, 0, len(steps))
	for _, s := range steps {
		runs := "runs"
		if !s.Runs {
			runs = "skipped"
		}
		rows = append(rows, []string{s.Phase, s.Name, runs, s.What})
	}
	return rows
}

// holdText says what the hold would be, and what that is judged by.
func holdText(h plan.Hold) string {
	if h.Deployments == 0 {
		return "Hold: " + cmp.Or(h.Note, "not known")
	}
	text := fmt.Sprintf("Hold: about %s s", number(h.Seconds))
	switch h.Deployments {
	case 1:
		text += ", as in the last deployment"
	default:
		text += fmt.Sprintf(", %s to %s s in the last %d deployments", number(h.Shortest), number(h.Longest), h.Deployments)
	}
	if h.Note != "" {
		text += "; " + h.Note
	}
	return text
}

func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// unknownToCatalog reports whether the plan has types or versions that were let pass with
// --allow-unknown-versions: a push is refused for them.
func unknownToCatalog(found manifest.Diagnostics) bool {
	return slices.ContainsFunc(found, manifest.Diagnostic.NotInCatalog)
}
