package cli

import (
	"context"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"sluice/apiv1"
)

func (c *program) environmentList() *cobra.Command {
	var (
		opts     tableOptions
		pipe     bool
		inactive bool
	)
	cmd := &cobra.Command{
		Use:     "environment:list",
		Aliases: []string{"environments", "env"},
		Short:   "List the environments of a project",
		Args:    positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := c.selectProject(cmd.Context())
			if err != nil {
				return err
			}
			envs, err := s.Environments(cmd.Context(), s.project)
			if err != nil {
				return err
			}
			if inactive {
				envs = withoutInactive(envs)
			}
			if pipe {
				return printIDs(c, envs, func(e apiv1.Environment) string { return e.ID })
			}
			return printTable(c, opts, environmentColumns(), envs)
		},
	}
	opts.addFlags(cmd)
	cmd.Flags().BoolVar(&pipe, "pipe", false, "print the IDs only")
	cmd.Flags().BoolVarP(&inactive, "no-inactive", "I", false, "leave out inactive environments")
	return cmd
}

func withoutInactive(envs []apiv1.Environment) []apiv1.Environment {
	var active []apiv1.Environment
	for _, e := range envs {
		if e.Status != "inactive" {
			active = append(active, e)
		}
	}
	return active
}

// environmentStatus names a state that the API's statuses do not have.
func environmentStatus(e apiv1.Environment) string {
	if e.Unfinished {
		return "dirty"
	}
	return e.Status
}

func environmentColumns() []column[apiv1.Environment] {
	type env = apiv1.Environment
	return []column[env]{
		{name: "id", title: "ID", value: func(e env) string { return e.ID }},
		{name: "title", title: "Title", value: func(e env) string { return e.Title }},
		{name: "status", title: "Status", value: environmentStatus},
		{name: "type", title: "Type", value: func(e env) string { return e.Type }},
		{name: "deployed", title: "Deployed", value: func(e env) string { return when(e.DeploymentState.LastDeploymentAt) }},
		{name: "parent", title: "Parent", hidden: true, value: func(e env) string { return string(e.Parent) }},
		{name: "machine_name", title: "Machine name", hidden: true, value: func(e env) string { return e.MachineName }},
		{name: "commit", title: "Commit", hidden: true, value: func(e env) string { return string(e.HeadCommit) }},
		{name: "release", title: "Release", hidden: true, value: func(e env) string { return string(e.Release) }},
		{name: "created", title: "Created", hidden: true, value: func(e env) string { return when(e.CreatedAt) }},
		{name: "updated", title: "Updated", hidden: true, value: func(e env) string { return when(e.UpdatedAt) }},
	}
}

func (c *program) environmentInfo() *cobra.Command {
	var opts infoOptions
	cmd := &cobra.Command{
		Use:   "environment:info [PROPERTY [VALUE]]",
		Short: "Show an environment, or set a property of it",
		Long: "Shows an environment, or one property of it, or sets one. A change applies at once, without a deployment;\n" +
			"limits of the hold, inherited variables and the type apply to the next one.\n\n" +
			"  title              a text\n" +
			"  parent             the environment that this one belongs below; - for none\n" +
			"  type               staging or development\n" +
			"  restrict_robots    true or false: tell search engines not to index the sites\n" +
			"  hold_max_wait      how long requests may wait in a deployment, in seconds; 0 for the server's limit\n" +
			"  hold_max_requests  how many may wait at once; 0 for the default\n" +
			"  bypass_addresses   addresses and networks that a hold does not stop, with commas; - for none",
		Example: "  sluice environment:info hold_max_wait 60",
		Args:    positional(cobra.MaximumNArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := c.selectEnvironment(cmd.Context())
			if err != nil {
				return err
			}
			if len(args) == 2 {
				return c.setProperty(cmd.Context(), s, args[0], args[1])
			}
			if len(args) == 1 {
				opts.property = args[0]
			}
			e, err := s.Environment(cmd.Context(), s.project, s.env)
			if err != nil {
				return err
			}
			var shown struct {
				apiv1.Environment

				Disk *apiv1.DiskUsage `json:"disk,omitempty"`
			}
			shown.Environment = e
			if opts.property == "" || strings.HasPrefix(opts.property, "disk") { // it takes a while
				usage, err := s.DiskUsage(cmd.Context(), s.project, s.env)
				if err != nil {
					return err
				}
				shown.Disk = &usage
			}
			return printInfo(c, opts, shown, append([]property{
				{"id", e.ID},
				{"title", e.Title},
				{"machine_name", e.MachineName},
				{"type", e.Type},
				{"status", environmentStatus(e)},
				{"parent", string(e.Parent)},
				{"head_commit", string(e.HeadCommit)},
				{"release", string(e.Release)},
				{"url", e.Links.Href("public-url")},
				{"restrict_robots", strconv.FormatBool(e.RestrictRobots)},
				{"hold_max_wait", strconv.FormatFloat(e.HoldMaxWait, 'g', -1, 64)},
				{"hold_max_requests", strconv.Itoa(e.HoldMaxRequests)},
				{"bypass_addresses", strings.Join(e.BypassAddresses, ",")},
				{"deployed_at", when(e.DeploymentState.LastDeploymentAt)},
				{"created_at", when(e.CreatedAt)},
				{"updated_at", when(e.UpdatedAt)},
			}, diskProperties(shown.Disk)...))
		},
	}
	opts.addFlags(cmd)
	return cmd
}

// diskProperties say what an environment's data takes; d is nil when that was not measured.
func diskProperties(d *apiv1.DiskUsage) []property {
	if d == nil {
		return nil
	}
	var parts []string
	for _, p := range d.Parts {
		parts = append(parts, p.Name+" "+megabytes(p.Size)+" MB")
	}
	return []property{
		{"disk.data", megabytes(d.Data) + " MB"},
		{"disk.parts", strings.Join(parts, ", ")},
		{"disk.snapshots", strconv.Itoa(len(d.Snapshots))},
		{"disk.disk", megabytes(d.Disk) + " MB"},
		{"disk.free", megabytes(d.Free) + " MB of " + megabytes(d.Total) + " MB"},
	}
}

func (c *program) environmentURL() *cobra.Command {
	var primary, pipe bool
	cmd := &cobra.Command{
		Use:     "environment:url",
		Aliases: []string{"url"},
		Short:   "Show the URLs of an environment, the primary one first",
		Args:    positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := c.selectEnvironment(cmd.Context())
			if err != nil {
				return err
			}
			routes, err := s.Routes(cmd.Context(), s.project, s.env)
			if err != nil {
				return err
			}
			if len(routes) == 0 {
				return fail(ExitFailure, "push to it first", "environment %s has no URL; nothing is deployed", s.env)
			}
			if primary {
				routes = routes[:1]
			}
			return printIDs(c, routes, func(r apiv1.Route) string { return r.URL })
		},
	}
	cmd.Flags().BoolVarP(&primary, "primary", "1", false, "the primary URL only")
	cmd.Flags().BoolVar(&pipe, "pipe", false, "print the URLs only, as always")
	return cmd
}

func (c *program) environmentRelationships() *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:     "environment:relationships",
		Aliases: []string{"relationships", "rel"},
		Short:   "Show what an application is connected to, with credentials",
		Example: "  sluice rel -P database.0.port",
		Args:    positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := c.selectEnvironment(cmd.Context())
			if err != nil {
				return err
			}
			rels, err := s.Relationships(cmd.Context(), s.project, s.env, c.app)
			if err != nil {
				return err
			}
			if path != "" {
				return printProperty(c, rels, path)
			}
			return printJSON(c.out, rels)
		},
	}
	cmd.Flags().StringVarP(&path, "property", "P", "", "show one property, such as database.0.host")
	return cmd
}

// logType returns the log that was asked for, or the only one; it lists several and
// returns "".
func (c *program) logType(ctx context.Context, s selection, args []string) (string, error) {
	if len(args) == 1 {
		return args[0], nil
	}
	names, err := s.LogTypes(ctx, s.project, s.env, c.app)
	if err != nil || len(names) == 1 {
		return strings.Join(names, ""), err
	}
	if len(names) == 0 {
		c.note("No logs yet.")
		return "", nil
	}
	c.note("Choose a log: sluice logs TYPE")
	return "", printIDs(c, names, printable)
}

func (c *program) environmentLogs() *cobra.Command {
	var lines int
	var raw bool
	cmd := &cobra.Command{
		Use:     "environment:logs [TYPE]",
		Aliases: []string{"logs", "log"},
		Short:   "Show the last lines of an application's log",
		Long: "Shows the last lines of a log of an application: access, error, app, cron, deploy, post-deploy, and Magento's own as " +
			"magento/system, magento/exception, ..., with its newest error report as magento/report. Without TYPE it lists the logs. " +
			"With -A and the name of a service or a worker it shows what that printed.",
		Args: positional(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if lines < 0 {
				return usageError("", "--lines must be 0 (all) or more, not %s", strconv.Itoa(lines))
			}
			s, err := c.selectEnvironment(cmd.Context())
			if err != nil {
				return err
			}
			kind, err := c.logType(cmd.Context(), s, args)
			if err != nil || kind == "" {
				return err
			}
			body, err := s.Logs(cmd.Context(), s.project, s.env, c.app, kind, lines)
			if err != nil {
				return err
			}
			defer func() { _ = body.Close() }()
			out := c.shown(raw)
			if _, err := io.Copy(out, body); err != nil {
				return &apiv1.ConnectionError{URL: s.Server(), Err: err}
			}
			return out.Close()
		},
	}
	cmd.Flags().IntVar(&lines, "lines", 100, "how many lines; 0 for all")
	addRawFlag(cmd, &raw)
	return cmd
}
