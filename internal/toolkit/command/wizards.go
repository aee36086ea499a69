package command

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"sluice/internal/toolkit/wizard"
)

// wizardCommands are the smart wizards; wizard:all is ours.
func wizardCommands(p Process) []*cobra.Command {
	var out []*cobra.Command
	for _, w := range wizard.Wizards() {
		out = append(out, newWizard(p, w.Name, w.Doc, func(ctx context.Context, s *session) ([]wizard.Report, error) {
			r, err := wizard.Ask(ctx, s.Kit, w.Name)
			return []wizard.Report{r}, err
		}))
	}
	all := "Asks every wizard and estimates what each finding adds to the hold"
	return append(out, newWizard(p, wizard.All, all, func(ctx context.Context, s *session) ([]wizard.Report, error) {
		return wizard.AskAll(ctx, s.Kit)
	}))
}

func newWizard(p Process, name, short string, ask func(context.Context, *session) ([]wizard.Report, error)) *cobra.Command {
	format := ""
	c := &cobra.Command{
		Use: name, Short: short, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if format != "text" && format != "json" {
				return fmt.Errorf("unknown format %q; use text or json", format)
			}
			return within(c.Context(), p, options{quiet: true}, func(ctx context.Context, s *session) error {
				reports, err := ask(ctx, s)
				if err != nil {
					return err
				}
				return answer(c, p, format, reports)
			})
		},
	}
	c.Flags().StringVar(&format, "format", "text", "text or json")
	return c
}

// answer prints reports and ends with the status of the first that has one.
func answer(c *cobra.Command, p Process, format string, reports []wizard.Report) error {
	if format == "json" {
		if err := wizard.PrintJSON(c.OutOrStdout(), reports...); err != nil {
			return err
		}
	} else {
		for i, r := range reports {
			if err := heading(c, i, r, len(reports)); err != nil {
				return err
			}
			if err := r.Print(c.OutOrStdout(), colours(c, p)); err != nil {
				return err
			}
		}
	}
	status := 0
	for _, r := range reports {
		if len(reports) == 1 || r.Wizard == wizard.IdealState {
			status = r.Status
		}
	}
	if status != 0 {
		return exit(status)
	}
	return nil
}

// heading names the wizard where several answer.
func heading(c *cobra.Command, i int, r wizard.Report, of int) error {
	if of == 1 {
		return nil
	}
	space := "\n"
	if i == 0 {
		space = ""
	}
	_, err := fmt.Fprintf(c.OutOrStdout(), "%s%s\n", space, r.Wizard)
	return err
}

// colours reports whether to print them: as asked, else on a terminal.
func colours(c *cobra.Command, p Process) bool {
	switch {
	case flag(c, "no-ansi"):
		return false
	case flag(c, "ansi"):
		return true
	}
	return p.Terminal
}
