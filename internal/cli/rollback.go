package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"sluice/apiv1"
)

func (c *program) environmentReleases() *cobra.Command {
	var (
		opts tableOptions
		pipe bool
	)
	cmd := &cobra.Command{
		Use:     "environment:releases",
		Aliases: []string{"releases"},
		Short:   "List the releases that served, and whether a rollback can go back to them",
		Args:    positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := c.selectEnvironment(cmd.Context())
			if err != nil {
				return err
			}
			releases, err := s.Releases(cmd.Context(), s.project, s.env)
			if err != nil {
				return err
			}
			if pipe {
				return printIDs(c, releases, func(r apiv1.Release) string { return r.ID })
			}
			return printTable(c, opts, releaseColumns(), releases)
		},
	}
	opts.addFlags(cmd)
	cmd.Flags().BoolVar(&pipe, "pipe", false, "print the IDs only")
	return cmd
}

func releaseColumns() []column[apiv1.Release] {
	type release = apiv1.Release
	return []column[release]{
		{name: "id", title: "ID", value: func(r release) string { return r.ID }},
		{name: "commit", title: "Commit", value: func(r release) string { return r.Commit[:min(len(r.Commit), 10)] }},
		{name: "live", title: "Live", value: func(r release) string { return when(r.LiveAt) }},
		{name: "rollback", title: "Rollback", value: rollbackText},
		{name: "data", title: "Data", hidden: true, value: func(r release) string { return r.Data }},
		{name: "activity", title: "Activity", hidden: true, value: func(r release) string { return r.Activity }},
	}
}

// rollbackText says what a rollback to a release would be.
func rollbackText(r apiv1.Release) string {
	switch {
	case r.Serves:
		return "serves now"
	case r.Rollback == apiv1.RollbackCode:
		return "at once"
	case r.Rollback == apiv1.RollbackChanged:
		return "the data has changed since"
	}
	return "not possible: " + string(r.Reason)
}

func (c *program) environmentRollback() *cobra.Command {
	var (
		wait               waitOptions
		codeOnly, withData bool
	)
	cmd := &cobra.Command{
		Use:     "environment:rollback [RELEASE]",
		Aliases: []string{"rollback"},
		Short:   "Deploy an earlier release again, without a build",
		Long: "Deploys a release that served before, with its code, variables, routes and crons of then, in seconds and\n" +
			"without a build. Without RELEASE it is the newest one that served before the one that serves now.\n\n" +
			"Data stays as it is. When its schema has changed since the release served, the release is refused:\n" +
			"its code may not work on the data of today. environment:releases shows which releases fit.\n" +
			"With --with-data the data goes back too: to the moment right before it was changed.",
		Example: "  sluice environment:rollback -e main\n" +
			"  sluice environment:rollback r12 -e main",
		Args: positional(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if withData && codeOnly {
				return usageError("", "--with-data and --code-only exclude each other")
			}
			params := map[string]string{}
			if len(args) == 1 {
				params["release"] = args[0]
			}
			if codeOnly {
				params["code_only"] = "true"
			}
			s, err := c.selectEnvironment(cmd.Context())
			if err != nil {
				return err
			}
			if withData {
				params["with_data"] = "true"
				if err := c.confirmLoss(cmd.Context(), s, params["release"]); err != nil {
					return err
				}
			}
			return c.start(cmd.Context(), s, apiv1.Rollback, params, wait)
		},
	}
	wait.addFlags(cmd)
	cmd.Flags().BoolVar(&withData, "with-data", false, "with the data on which the release served; what was written since is lost. RELEASE has to be named")
	cmd.Flags().BoolVar(&codeOnly, "code-only", false, "deploy the code although the data has changed since: you know that it works on it")
	return cmd
}

// confirmLoss says how much is lost with the data of today, and asks.
func (c *program) confirmLoss(ctx context.Context, s selection, release string) error {
	if release == "" {
		return usageError("`sluice environment:releases` lists them", "--with-data needs the release by its name")
	}
	releases, err := s.Releases(ctx, s.project, s.env)
	if err != nil {
		return err
	}
	for _, r := range releases {
		if r.ID != release || r.DataOf.IsZero() {
			continue
		}
		return c.confirm("The data goes back to %s: what was written in the %.0f seconds since is lost.", when(r.DataOf), time.Since(r.DataOf.Time).Seconds())
	}
	return nil // the server says why that is not possible
}
