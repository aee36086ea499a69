package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"sluice/apiv1"
	"sluice/internal/rehearsal"
)

// The type of the activities, and the forms of their report.
const (
	rehearseType = "environment.rehearse"
	formatText   = "text"
)

func (c *program) environmentRehearse() *cobra.Command {
	var (
		wait   waitOptions
		wanted apiv1.Rehearse
		show   bool
		format string
	)
	cmd := &cobra.Command{
		Use:     "environment:rehearse [ENVIRONMENT | ACTIVITY]",
		Aliases: []string{"rehearse"},
		Short:   "Rehearse the deployment of an environment's code to production, and report what would happen",
		Long: "Deploys the head of an environment to a copy of production that is removed afterwards, and reports how long visitors\n" +
			"would have waited, what changed in schema and configuration, which pages respond differently, what the project's\n" +
			"checks and the logs say. Production goes on and is not touched. The exit status is 0 when the rehearsal passed.\n\n" +
			"Production's personal data is taken out of the copy. The copy reaches nothing, and nobody reaches it.\n" +
			"`git push -o sluice.rehearse=true` does the same for the pushed commit; a push to production is deployed\n" +
			"only if it passed. With --show, the report of an earlier rehearsal is shown: of ACTIVITY, or the last one.",
		Example: "  sluice environment:rehearse new-checkout\n" +
			"  sluice environment:rehearse -e new-checkout --page /checkout --format markdown >report.md\n" +
			"  sluice environment:rehearse --show",
		Args: positional(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !slices.Contains([]string{"", formatText, "json", "markdown"}, format) {
				return usageError("use text, json or markdown", "unknown format %q", format)
			}
			if show {
				return c.showRehearsal(cmd.Context(), args, format)
			}
			if len(args) == 1 {
				c.environment = args[0]
			}
			return c.rehearse(cmd.Context(), wanted, format, wait)
		},
	}
	wait.addFlags(cmd)
	addKeepFlag(cmd, &wanted.KeepPersonalData)
	cmd.Flags().StringArrayVar(&wanted.Pages, "page", nil, "a page to compare, beside those of WARM_UP_PAGES and .sluice.yaml; may be repeated")
	cmd.Flags().StringVar(&format, "format", "", "print the report to standard output: text, json or markdown")
	cmd.Flags().BoolVar(&show, "show", false, "show the report of an earlier rehearsal instead")
	return cmd
}

func (c *program) rehearse(ctx context.Context, wanted apiv1.Rehearse, format string, wait waitOptions) error {
	s, err := c.selectEnvironment(ctx)
	if err != nil {
		return err
	}
	activities, err := s.RehearseEnvironment(ctx, s.project, s.env, wanted)
	if err != nil {
		return err
	}
	outcome := c.finish(ctx, s, activities, wait)
	if format == "" || wait.noWait || !wait.wait || ctx.Err() != nil {
		return outcome
	}
	for _, a := range activities {
		if err := c.printRehearsal(ctx, s.Client, a.ID, format); err != nil && outcome == nil {
			return err // without a report the outcome says why
		}
	}
	return outcome
}

// showRehearsal prints the report of an activity, or of the last rehearsal.
func (c *program) showRehearsal(ctx context.Context, args []string, format string) error {
	if format == "" {
		format = formatText
	}
	if len(args) == 1 {
		client, err := c.client()
		if err != nil {
			return err
		}
		return c.printRehearsal(ctx, client, args[0], format)
	}
	s, err := c.selectProject(ctx)
	if err != nil {
		return err
	}
	last, err := s.Activities(ctx, apiv1.ActivityQuery{Project: s.project, Types: []string{rehearseType}, States: []string{apiv1.StateComplete}, Count: 1})
	if err != nil {
		return err
	}
	if len(last) == 0 {
		return fail(ExitFailure, "sluice environment:rehearse -e ENVIRONMENT", "nothing of the project %s was rehearsed yet", s.project)
	}
	return c.printRehearsal(ctx, s.Client, last[0].ID, format)
}

func (c *program) printRehearsal(ctx context.Context, client *apiv1.Client, activity, format string) error {
	data, err := client.Rehearsal(ctx, activity)
	if err != nil {
		return err
	}
	var r rehearsal.Report
	if err := json.Unmarshal(data, &r); err != nil {
		return fmt.Errorf("read the report: %w", err)
	}
	switch format {
	case "json":
		return printJSON(c.out, r)
	case "markdown":
		return writeText(c.out, rehearsal.Markdown(r))
	default:
		return writeText(c.out, rehearsal.Text(r))
	}
}
