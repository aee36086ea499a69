package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice/apiv1"
)

// activityOptions select activities.
type activityOptions struct {
	tableOptions
	query      apiv1.ActivityQuery
	incomplete bool
	all        bool
	start      string
	pipe       bool
}

func (o *activityOptions) addFlags(cmd *cobra.Command) {
	o.tableOptions.addFlags(cmd)
	f := cmd.Flags()
	f.StringSliceVarP(&o.query.Types, "type", "t", nil, "types of activities, such as push or '*cron'")
	f.StringSliceVar(&o.query.States, "state", nil, "pending, in_progress, complete or cancelled")
	f.StringVar(&o.query.Result, "result", "", "success or failure")
	f.IntVar(&o.query.Count, "limit", 10, "maximum number of activities")
	f.StringVar(&o.start, "start", "", "only activities created before this time, such as 2026-01-31T12:00:00Z")
	f.BoolVarP(&o.incomplete, "incomplete", "i", false, "only activities that have not finished")
	f.BoolVarP(&o.all, "all", "a", false, "activities of all environments")
	f.BoolVar(&o.pipe, "pipe", false, "print the IDs only")
}

// resolve turns the options into a query; env is the environment in use.
func (o *activityOptions) resolve(s selection) (apiv1.ActivityQuery, error) {
	q := o.query
	q.Project = s.project
	if !o.all {
		q.Environment = s.env
	}
	if o.incomplete {
		q.States = []string{apiv1.StatePending, apiv1.StateInProgress}
	}
	if o.start != "" {
		t, err := time.Parse(time.RFC3339Nano, o.start)
		if err != nil {
			return q, usageError("write it as 2026-01-31T12:00:00Z", "--start: cannot parse %q as a time", o.start)
		}
		q.StartsAt = apiv1.Time{Time: t}
	}
	return q, nil
}

func (c *program) activityList() *cobra.Command {
	var opts activityOptions
	cmd := &cobra.Command{
		Use:     "activity:list",
		Aliases: []string{"activities", "act"},
		Short:   "List activities, newest first",
		Args:    positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := c.maybeEnvironment(cmd.Context())
			if err != nil {
				return err
			}
			query, err := opts.resolve(s)
			if err != nil {
				return err
			}
			activities, err := s.Activities(cmd.Context(), query)
			if err != nil {
				return err
			}
			if opts.pipe {
				return printIDs(c, activities, func(a apiv1.Activity) string { return a.ID })
			}
			return printTable(c, opts.tableOptions, activityColumns(), activities)
		},
	}
	opts.addFlags(cmd)
	return cmd
}

func activityColumns() []column[apiv1.Activity] {
	type act = apiv1.Activity
	timing := func(name string, of func(apiv1.Timings) float64) column[act] {
		return column[act]{name: name, title: name, hidden: true, value: func(a act) string {
			return strconv.FormatFloat(of(a.Timings), 'f', 1, 64)
		}}
	}
	return []column[act]{
		{name: "id", title: "ID", value: func(a act) string { return a.ID }},
		{name: "created", title: "Created", value: func(a act) string { return when(a.CreatedAt) }},
		{name: "description", title: "Description", value: func(a act) string { return a.Text }},
		{name: "progress", title: "Progress", value: func(a act) string { return strconv.Itoa(a.CompletionPercent) + "%" }},
		{name: "state", title: "State", value: func(a act) string { return a.State }},
		{name: "result", title: "Result", value: func(a act) string { return string(a.Result) }},
		{name: "type", title: "Type", hidden: true, value: func(a act) string { return a.Type }},
		{name: "completed", title: "Completed", hidden: true, value: func(a act) string { return when(a.CompletedAt) }},
		{name: "environments", title: "Environments", hidden: true, value: func(a act) string { return strings.Join(a.Environments, ",") }},
		timing("time_wait", func(t apiv1.Timings) float64 { return t.Wait }),
		timing("time_build", func(t apiv1.Timings) float64 { return t.Build }),
		timing("time_deploy", func(t apiv1.Timings) float64 { return t.Deploy }),
		timing("time_execute", func(t apiv1.Timings) float64 { return t.Execute }),
	}
}

// chosen returns the activity that an argument names, or the newest one in one of the
// states, or in any when there are none.
func (c *program) chosen(cmd *cobra.Command, args []string, states ...string) (*apiv1.Client, apiv1.Activity, error) {
	if len(args) == 1 {
		client, err := c.client()
		if err != nil {
			return nil, apiv1.Activity{}, err
		}
		a, err := client.Activity(cmd.Context(), args[0])
		return client, a, err
	}
	s, err := c.maybeEnvironment(cmd.Context())
	if err != nil {
		return nil, apiv1.Activity{}, err
	}
	newest, err := s.Activities(cmd.Context(), apiv1.ActivityQuery{Project: s.project, Environment: s.env, States: states, Count: 1})
	if err != nil {
		return nil, apiv1.Activity{}, err
	}
	if len(newest) == 0 {
		return nil, apiv1.Activity{}, fail(ExitFailure, "`sluice activity:list -a` shows all activities", "no such activity")
	}
	return s.Client, newest[0], nil
}

func (c *program) activityGet() *cobra.Command {
	var opts infoOptions
	cmd := &cobra.Command{
		Use:   "activity:get [ID]",
		Short: "Show an activity (default: the newest)",
		Args:  positional(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			_, a, err := c.chosen(cmd, args)
			if err != nil {
				return err
			}
			return printInfo(c, opts, a, activityProperties(a))
		},
	}
	opts.addFlags(cmd)
	return cmd
}

func activityProperties(a apiv1.Activity) []property {
	properties := []property{
		{"id", a.ID},
		{"type", a.Type},
		{"description", a.Text},
		{"environments", strings.Join(a.Environments, ",")},
		{"user", a.Payload.User.DisplayName},
		{"commit", string(a.Payload.NewCommit)},
		{"state", a.State},
		{"result", string(a.Result)},
		{"phase", a.Phase},
		{"step", a.Step},
		{"release", string(a.Release)},
		{"reason", a.Reason},
		{"hint", a.Hint},
		{"created_at", when(a.CreatedAt)},
		{"started_at", when(a.StartedAt)},
		{"completed_at", when(a.CompletedAt)},
		{"time_wait", seconds(a.Timings.Wait)},
		{"time_build", seconds(a.Timings.Build)},
		{"time_deploy", seconds(a.Timings.Deploy)},
		{"time_post_deploy", seconds(a.Timings.PostDeploy)},
	}
	if a.Type == rehearseType && a.Final() {
		properties = append(properties, property{"rehearsal", "sluice environment:rehearse --show " + a.ID})
	}
	for _, cmd := range a.Commands {
		properties = append(properties, commandProperty(cmd))
	}
	if h := a.Hold; h != nil {
		properties = append(properties, property{"hold", fmt.Sprintf(
			"%s: %d held, longest %s, %d got the maintenance page, %d refused, %d disconnected", seconds(h.Duration), h.Held, seconds(h.LongestWait),
			h.TimedOut, h.Refused, h.Left)})
	}
	return properties
}

// commandProperty says how a hook ended. The time of a build includes what is not its hook's.
func commandProperty(cmd apiv1.Command) property {
	title, took := cmd.Type+" hook of "+cmd.App, seconds(cmd.Duration)
	if cmd.Type == "build" {
		title, took = "build of "+cmd.App, took+" with copying and packing"
	}
	return property{title, fmt.Sprintf("exit status %d, took %s", cmd.ExitCode, took)}
}

func (c *program) activityLog() *cobra.Command {
	var timestamps, noWait, raw bool
	cmd := &cobra.Command{
		Use:   "activity:log [ID]",
		Short: "Show the log of an activity and follow it until the end (default: the newest)",
		Args:  positional(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, a, err := c.chosen(cmd, args)
			if err != nil {
				return err
			}
			out := c.shown(raw)
			for item, err := range client.ActivityLog(cmd.Context(), a.ID, !noWait) {
				if err != nil {
					return err
				}
				text := item.Message
				if timestamps {
					text = "[" + item.Timestamp.UTC().Format("2006-01-02T15:04:05.000Z") + "] " + text
				}
				if err := writeText(out, text); err != nil {
					return err
				}
			}
			return out.Close()
		},
	}
	cmd.Flags().BoolVarP(&timestamps, "timestamps", "t", false, "prefix each line with its time")
	cmd.Flags().BoolVarP(&noWait, "no-wait", "W", false, "print the lines so far and exit")
	addRawFlag(cmd, &raw)
	return cmd
}

func (c *program) activityCancel() *cobra.Command {
	return &cobra.Command{
		Use:   "activity:cancel [ID]",
		Short: "Cancel an activity that does not hold requests yet (default: the one in progress)",
		Args:  positional(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, a, err := c.chosen(cmd, args, apiv1.StateInProgress, apiv1.StatePending)
			if err != nil {
				return err
			}
			if a.Final() {
				return fail(ExitFailure, "", "activity %s is already %s; nothing to cancel", a.ID, a.State)
			}
			if err := c.confirmUnless(len(args) == 1, "This cancels the activity %s: %s.", a.ID, a.Text); err != nil {
				return err
			}
			if _, err := client.CancelActivity(cmd.Context(), a.ID); err != nil {
				return err
			}
			c.note("Requested cancellation of activity %s.", a.ID)
			return nil
		},
	}
}

// confirmUnless asks about what the command line did not name.
func (c *program) confirmUnless(named bool, format string, args ...any) error {
	if named {
		return nil
	}
	return c.confirm(format, args...)
}
