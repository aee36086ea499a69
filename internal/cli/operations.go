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

func (c *program) environmentActivate() *cobra.Command {
	var wait waitOptions
	cmd := &cobra.Command{
		Use:     "environment:activate",
		Aliases: []string{"activate"},
		Short:   "Activate an environment: deploy its branch",
		Args:    positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.operate(cmd.Context(), apiv1.Activate, nil, wait)
		},
	}
	wait.addFlags(cmd)
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
