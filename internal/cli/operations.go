package cli

import (
	"context"

	"github.com/spf13/cobra"

	"sluice/apiv1"
)

// waitOptions say whether a command waits for what it started.
type waitOptions struct {
	wait   bool
	noWait bool
}

func (o *waitOptions) addFlags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&o.wait, "wait", true, "wait for the activity to finish and show its log")
	cmd.Flags().BoolVarP(&o.noWait, "no-wait", "W", false, "print the activity's ID and exit")
}

func (c *program) environmentRedeploy() *cobra.Command {
	var (
		wait    waitOptions
		options map[string]string
		rebuild bool
	)
	cmd := &cobra.Command{
		Use:     "environment:redeploy",
		Aliases: []string{"redeploy"},
		Short:   "Deploy an environment again",
		Args:    positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if rebuild {
				if options == nil {
					options = map[string]string{}
				}
				options["build.force"] = "true"
			}
			return c.operate(cmd.Context(), apiv1.Redeploy, options, wait)
		},
	}
	wait.addFlags(cmd)
	cmd.Flags().StringToStringVarP(&options, "option", "o", nil, "a push option, such as deploy.hold_max=60s")
	cmd.Flags().BoolVar(&rebuild, "force-build", false, "build even if nothing changed")
	return cmd
}

func (c *program) environmentDeactivate() *cobra.Command {
	var wait waitOptions
	cmd := &cobra.Command{
		Use:     "environment:deactivate",
		Aliases: []string{"deactivate"},
		Short:   "Deactivate an environment: delete its containers and data, keep the branch",
		Args:    positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := c.selectEnvironment(cmd.Context())
			if err != nil {
				return err
			}
			if err := c.confirm("This deletes the containers and the data of the environment %s of %s.", s.env, s.project); err != nil {
				return err
			}
			return c.start(cmd.Context(), s, apiv1.Deactivate, nil, wait)
		},
	}
	wait.addFlags(cmd)
	return cmd
}

func (c *program) environmentPause() *cobra.Command {
	var wait waitOptions
	cmd := &cobra.Command{
		Use:     "environment:pause",
		Aliases: []string{"pause"},
		Short:   "Pause an environment: remove its containers, keep its data",
		Long: "Removes the containers of an environment that is not production. Its data and its addresses stay;\n" +
			"visitors get a page that says that it is paused. A push, a redeployment or environment:resume starts it again.",
		Args: positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.operate(cmd.Context(), apiv1.Pause, nil, wait)
		},
	}
	wait.addFlags(cmd)
	return cmd
}

func (c *program) environmentResume() *cobra.Command {
	var wait waitOptions
	cmd := &cobra.Command{
		Use:     "environment:resume",
		Aliases: []string{"resume"},
		Short:   "Resume a paused environment",
		Args:    positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.operate(cmd.Context(), apiv1.Resume, nil, wait)
		},
	}
	wait.addFlags(cmd)
	return cmd
}

func (c *program) environmentDelete() *cobra.Command {
	var (
		wait   waitOptions
		branch bool
	)
	cmd := &cobra.Command{
		Use:     "environment:delete [ENVIRONMENT]",
		Aliases: []string{"delete"},
		Short:   "Delete an environment",
		Long: "Deletes an environment. An inactive one is deleted with its branch, its variables and its history.\n" +
			"Of one that has containers, those and its data are deleted, and with --delete-branch all of it.",
		Args: positional(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				c.environment = args[0]
			}
			s, err := c.selectEnvironment(cmd.Context())
			if err != nil {
				return err
			}
			return c.deleteEnvironment(cmd.Context(), s, branch, wait)
		},
	}
	wait.addFlags(cmd)
	cmd.Flags().BoolVar(&branch, "delete-branch", false, "delete the branch too, where the environment is not inactive")
	return cmd
}

func (c *program) deleteEnvironment(ctx context.Context, s selection, branch bool, wait waitOptions) error {
	env, err := s.Environment(ctx, s.project, s.env)
	if err != nil {
		return err
	}
	inactive := env.Status == "inactive"
	what := "the containers and the data"
	switch {
	case inactive:
		what = "the branch, the variables and the history"
	case branch:
		what = "the containers, the data, the branch, the variables and the history"
	}
	if err := c.confirm("This deletes %s of the environment %s of %s.", what, s.env, s.project); err != nil {
		return err
	}
	if !inactive && !branch {
		return c.start(ctx, s, apiv1.Deactivate, nil, wait)
	}
	activities, err := s.DeleteEnvironment(ctx, s.project, s.env, branch)
	if err != nil {
		return err
	}
	return c.finish(ctx, s, activities, wait)
}

func (c *program) operate(ctx context.Context, op apiv1.Operation, params map[string]string, wait waitOptions) error {
	s, err := c.selectEnvironment(ctx)
	if err != nil {
		return err
	}
	return c.start(ctx, s, op, params, wait)
}

// start starts an operation and waits for its activities, or prints their IDs.
func (c *program) start(ctx context.Context, s selection, op apiv1.Operation, params map[string]string, wait waitOptions) error {
	activities, err := s.Operate(ctx, s.project, s.env, op, params)
	if err != nil {
		return err
	}
	return c.finish(ctx, s, activities, wait)
}

// finish waits for activities that a change started, or prints their IDs.
func (c *program) finish(ctx context.Context, s selection, activities []apiv1.Activity, wait waitOptions) error {
	if wait.noWait || !wait.wait {
		return printIDs(c, activities, func(a apiv1.Activity) string { return a.ID })
	}
	for _, a := range activities {
		if err := c.await(ctx, s.Client, a.ID); err != nil {
			return err
		}
	}
	return nil
}
