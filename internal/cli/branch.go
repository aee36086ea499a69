package cli

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sluice/apiv1"
)

// cloneOptions say with which data an environment begins.
type cloneOptions struct {
	noClone bool
	keep    bool
}

func (o *cloneOptions) addFlags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&o.noClone, "no-clone-parent", false, "begin with empty data, not with a copy of the parent's")
	addKeepFlag(cmd, &o.keep)
}

// addKeepFlag is for commands that take data to another environment.
func addKeepFlag(cmd *cobra.Command, keep *bool) {
	cmd.Flags().BoolVar(keep, "keep-personal-data", false, "do not sanitize production's data; needs the role admin there, and is recorded")
}

func (o *cloneOptions) clone() apiv1.Clone {
	c := apiv1.Clone{KeepPersonalData: o.keep}
	if o.noClone {
		c.CloneParent = new(false)
	}
	return c
}

func (c *program) environmentBranch() *cobra.Command {
	var (
		wait   waitOptions
		clone  cloneOptions
		wanted apiv1.Branch
	)
	cmd := &cobra.Command{
		Use:     "environment:branch NAME [PARENT]",
		Aliases: []string{"branch"},
		Short:   "Make an environment from another one, with its code and a copy of its data",
		Long: "Makes a branch where the parent's is, and an environment of it: with the parent's code, which is not built again,\n" +
			"and a copy of its data. The parent is the selected environment unless it is named. Production's personal data\n" +
			"is taken out of the copy before the environment opens.",
		Example: "  sluice environment:branch new-checkout main",
		Args:    positional(cobra.RangeArgs(1, 2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 2 {
				c.environment = args[1]
			}
			s, err := c.selectEnvironment(cmd.Context())
			if err != nil {
				return err
			}
			wanted.Name, wanted.Clone = args[0], clone.clone()
			activities, err := s.BranchEnvironment(cmd.Context(), s.project, s.env, wanted)
			if err != nil {
				return err
			}
			return c.finish(cmd.Context(), s, activities, wait)
		},
	}
	wait.addFlags(cmd)
	clone.addFlags(cmd)
	cmd.Flags().StringVar(&wanted.Title, "title", "", "a title for people")
	cmd.Flags().StringVar(&wanted.Type, "type", "", "staging or development (the default)")
	return cmd
}

func (c *program) environmentActivate() *cobra.Command {
	var (
		wait  waitOptions
		clone cloneOptions
	)
	cmd := &cobra.Command{
		Use:     "environment:activate",
		Aliases: []string{"activate"},
		Short:   "Activate an environment: deploy its branch with a copy of the parent's data",
		Args:    positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := c.selectEnvironment(cmd.Context())
			if err != nil {
				return err
			}
			activities, err := s.ActivateEnvironment(cmd.Context(), s.project, s.env, clone.clone())
			if err != nil {
				return err
			}
			return c.finish(cmd.Context(), s, activities, wait)
		},
	}
	wait.addFlags(cmd)
	clone.addFlags(cmd)
	return cmd
}

func (c *program) environmentMerge() *cobra.Command {
	var wait waitOptions
	cmd := &cobra.Command{
		Use:     "environment:merge [ENVIRONMENT]",
		Aliases: []string{"merge"},
		Short:   "Merge an environment's code into its parent, and deploy that",
		Long: "Merges the branch of an environment into its parent's and deploys the parent. Data stays where it is.\n" +
			"When both changed the same places, neither branch is changed.",
		Args: positional(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				c.environment = args[0]
			}
			return c.operate(cmd.Context(), apiv1.Merge, nil, wait)
		},
	}
	wait.addFlags(cmd)
	return cmd
}

func (c *program) environmentSynchronize() *cobra.Command {
	var (
		wait   waitOptions
		wanted apiv1.Synchronize
	)
	cmd := &cobra.Command{
		Use:     "environment:synchronize code|data|both...",
		Aliases: []string{"synchronize", "sync"},
		Short:   "Bring the parent's code or data to an environment",
		Long: "Brings the parent's code, its data, or both to an environment and deploys it. Commits of its own are joined with\n" +
			"the parent's, or with --rebase put on top of them. Its own data is replaced; it is put back when the deployment fails.\n" +
			"Resources are in the configuration files and come with the code.",
		Example: "  sluice environment:synchronize data -e stage\n" +
			"  sluice sync code --rebase -e stage",
		Args: positional(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := chooseParts(&wanted, args); err != nil {
				return err
			}
			s, err := c.selectEnvironment(cmd.Context())
			if err != nil {
				return err
			}
			return c.synchronize(cmd.Context(), s, wanted, wait)
		},
	}
	wait.addFlags(cmd)
	cmd.Flags().BoolVar(&wanted.Rebase, "rebase", false, "put the environment's own commits on top of the parent's")
	addKeepFlag(cmd, &wanted.KeepPersonalData)
	return cmd
}

func chooseParts(wanted *apiv1.Synchronize, parts []string) error {
	for _, part := range parts {
		if !slices.Contains([]string{"code", "data", "both", "resources"}, part) {
			return usageError("", "synchronize code, data or both, not %q", part)
		}
		wanted.Code = wanted.Code || part == "code" || part == "both"
		wanted.Data = wanted.Data || part == "data" || part == "both"
		wanted.Resources = wanted.Resources || part == "resources"
	}
	if wanted.Rebase && !wanted.Code {
		return usageError("", "--rebase is about code, and only %s is to be synchronized", strings.Join(parts, " "))
	}
	return nil
}

func (c *program) synchronize(ctx context.Context, s selection, wanted apiv1.Synchronize, wait waitOptions) error {
	if wanted.Data {
		if err := c.confirm("This replaces the data of the environment %s of %s by its parent's.", s.env, s.project); err != nil {
			return err
		}
	}
	activities, err := s.SynchronizeEnvironment(ctx, s.project, s.env, wanted)
	if err != nil {
		return err
	}
	return c.finish(ctx, s, activities, wait)
}
