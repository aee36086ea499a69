package cli

import (
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"sluice/apiv1"
)

// integrationOptions are what an integration is added or changed with.
type integrationOptions struct {
	url, sharedKey                         string
	events, states, environments, excluded []string
}

func (o *integrationOptions) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.url, "url", "", "address that events are sent to")
	f.StringVar(&o.sharedKey, "shared-key", "", "key that signs them, in the header field X-JWS-Signature; empty for none")
	f.StringSliceVar(&o.events, "events", nil, "types of activities, such as environment.push; * stands for any text at the end (default: all)")
	f.StringSliceVar(&o.states, "states", nil, "states of activities: pending, in_progress, complete, cancelled (default: complete)")
	f.StringSliceVar(&o.environments, "environments", nil, "environments that activities are about (default: all)")
	f.StringSliceVar(&o.excluded, "excluded-environments", nil, "environments whose activities are left out")
}

// change returns what the user gave.
func (o *integrationOptions) change(cmd *cobra.Command) apiv1.IntegrationChange {
	return apiv1.IntegrationChange{
		URL: given(cmd, "url", &o.url), SharedKey: given(cmd, "shared-key", &o.sharedKey),
		Events: given(cmd, "events", &o.events), States: given(cmd, "states", &o.states),
		Environments: given(cmd, "environments", &o.environments), ExcludedEnvironments: given(cmd, "excluded-environments", &o.excluded),
	}
}

// given returns an option, or nil when the user did not give it.
func given[T any](cmd *cobra.Command, name string, value *T) *T {
	if cmd.Flags().Changed(name) {
		return value
	}
	return nil
}

func (c *program) integrationAdd() *cobra.Command {
	var opts integrationOptions
	var kind string
	cmd := &cobra.Command{
		Use:   "integration:add --type webhook --url URL",
		Short: "Send the events of the project's activities to a URL",
		Long: "Adds an integration: when an activity reaches one of the states, it is sent to the URL as JSON, in a POST request that is repeated " +
			"when the receiver fails. Only addresses on the internet can be reached, unless the operator allows others.",
		Example: "  sluice integration:add --type webhook --url https://hooks.example.com/deployed --events environment.push --shared-key s3cret",
		Args:    positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := c.selectProject(cmd.Context())
			if err != nil {
				return err
			}
			change := opts.change(cmd)
			change.Type = kind
			i, err := s.AddIntegration(cmd.Context(), s.project, change)
			if err != nil {
				return err
			}
			c.note("Added the integration %s. Connect to its receiver with: sluice integration:validate %s", i.ID, i.ID)
			return nil
		},
	}
	opts.addFlags(cmd)
	cmd.Flags().StringVar(&kind, "type", "webhook", "type of the integration: webhook")
	return cmd
}

func (c *program) integrationUpdate() *cobra.Command {
	var opts integrationOptions
	cmd := &cobra.Command{
		Use:   "integration:update ID",
		Short: "Change an integration",
		Args:  positional(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			change := opts.change(cmd)
			if change == (apiv1.IntegrationChange{}) {
				return usageError("`sluice integration:update --help` shows the options", "nothing to change")
			}
			s, err := c.selectProject(cmd.Context())
			if err != nil {
				return err
			}
			i, err := s.UpdateIntegration(cmd.Context(), s.project, args[0], change)
			if err != nil {
				return err
			}
			c.note("Changed the integration %s.", i.ID)
			return nil
		},
	}
	opts.addFlags(cmd)
	return cmd
}

func (c *program) integrationList() *cobra.Command {
	var opts tableOptions
	cmd := &cobra.Command{
		Use:     "integration:list",
		Aliases: []string{"integrations"},
		Short:   "List the project's integrations",
		Args:    positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := c.selectProject(cmd.Context())
			if err != nil {
				return err
			}
			list, err := s.Integrations(cmd.Context(), s.project)
			if err != nil {
				return err
			}
			if len(list) == 0 {
				c.note("The project has no integrations; add one with: sluice integration:add --type webhook --url URL")
			}
			return printTable(c, opts, []column[apiv1.Integration]{
				{name: "id", title: "ID", value: func(i apiv1.Integration) string { return i.ID }},
				{name: "type", title: "Type", value: func(i apiv1.Integration) string { return i.Type }},
				{name: "url", title: "URL", value: func(i apiv1.Integration) string { return i.URL }},
				{name: "events", title: "Events", value: func(i apiv1.Integration) string { return strings.Join(i.Events, ",") }},
				{name: "states", title: "States", hidden: true, value: func(i apiv1.Integration) string { return strings.Join(i.States, ",") }},
				{name: "environments", title: "Environments", hidden: true, value: func(i apiv1.Integration) string { return strings.Join(i.Environments, ",") }},
			}, list)
		},
	}
	opts.addFlags(cmd)
	return cmd
}

func (c *program) integrationGet() *cobra.Command {
	var opts infoOptions
	cmd := &cobra.Command{
		Use:   "integration:get ID",
		Short: "Show an integration",
		Args:  positional(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := c.selectProject(cmd.Context())
			if err != nil {
				return err
			}
			i, err := s.Integration(cmd.Context(), s.project, args[0])
			if err != nil {
				return err
			}
			return printInfo(c, opts, i, []property{
				{"id", i.ID},
				{"type", i.Type},
				{"url", i.URL},
				{"signed", strconv.FormatBool(i.Signed)},
				{"events", strings.Join(i.Events, ", ")},
				{"states", strings.Join(i.States, ", ")},
				{"environments", strings.Join(i.Environments, ", ")},
				{"excluded_environments", strings.Join(i.ExcludedEnvironments, ", ")},
				{"created_at", when(i.CreatedAt)},
				{"updated_at", when(i.UpdatedAt)},
			})
		},
	}
	opts.addFlags(cmd)
	return cmd
}

func (c *program) integrationDelete() *cobra.Command {
	return &cobra.Command{
		Use:   "integration:delete ID",
		Short: "Remove an integration",
		Args:  positional(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := c.selectProject(cmd.Context())
			if err != nil {
				return err
			}
			if err := c.confirm("This removes the integration %s of the project %s, with the record of what was sent.", args[0], s.project); err != nil {
				return err
			}
			if err := s.DeleteIntegration(cmd.Context(), s.project, args[0]); err != nil {
				return err
			}
			c.note("Removed the integration %s.", args[0])
			return nil
		},
	}
}

func (c *program) integrationValidate() *cobra.Command {
	return &cobra.Command{
		Use:   "integration:validate ID",
		Short: "Connect to an integration's receiver; nothing is sent",
		Args:  positional(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := c.selectProject(cmd.Context())
			if err != nil {
				return err
			}
			if err := s.ValidateIntegration(cmd.Context(), s.project, args[0]); err != nil {
				return err
			}
			c.note("The integration %s is valid.", args[0])
			return nil
		},
	}
}

func (c *program) integrationActivityList() *cobra.Command {
	var opts tableOptions
	cmd := &cobra.Command{
		Use:     "integration:activity:list ID",
		Aliases: []string{"integration:activities"},
		Short:   "List what was sent to an integration, newest first",
		Args:    positional(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := c.selectProject(cmd.Context())
			if err != nil {
				return err
			}
			list, err := s.Deliveries(cmd.Context(), s.project, args[0])
			if err != nil {
				return err
			}
			return printTable(c, opts, append(activityColumns(),
				column[apiv1.Activity]{name: "reason", title: "Reason", value: func(a apiv1.Activity) string { return a.Reason }}), list)
		},
	}
	opts.addFlags(cmd)
	return cmd
}
