package cli

import (
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice/apiv1"
)

func (c *program) tokenCreate() *cobra.Command {
	var (
		req     apiv1.TokenCreate
		expires time.Duration
	)
	cmd := &cobra.Command{
		Use:   "token:create NAME",
		Short: "Create an API token and print it",
		Long: "Creates an API token of yours and prints it; it is never shown again. It gives what you may do, and with scopes no more than those. A scope is PROJECT:admin, PROJECT:viewer or " +
			"PROJECT:TYPE=ROLE,..., where the types are production, staging and development and the roles admin, contributor and viewer. " +
			"The project * is every project.",
		Example: "  sluice token:create ci --scope shop:development=contributor --expires 2160h\n  sluice token:create olga --scope shop:admin",
		Args:    positional(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			req.Name, req.ExpiresIn = args[0], expires.Seconds()
			t, err := client.CreateToken(cmd.Context(), req)
			if err != nil {
				return err
			}
			c.note("Created the token %s (%s). It is shown only now:", t.Name, strings.Join(t.Scopes, " "))
			return writeText(c.out, t.Token+"\n")
		},
	}
	cmd.Flags().StringArrayVar(&req.Scopes, "scope", nil, "what the token may do (default: what you may do); may be repeated")
	cmd.Flags().DurationVar(&expires, "expires", 0, "how long it is valid, such as 720h (default: without end)")
	return cmd
}

func (c *program) tokenList() *cobra.Command {
	var opts tableOptions
	cmd := &cobra.Command{
		Use:     "token:list",
		Aliases: []string{"tokens"},
		Short:   "List the API tokens that you can manage",
		Args:    positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			tokens, err := client.Tokens(cmd.Context())
			if err != nil {
				return err
			}
			return printTable(c, opts, []column[apiv1.Token]{
				{name: "id", title: "ID", hidden: true, value: func(t apiv1.Token) string { return t.ID }},
				{name: "name", title: "Name", value: func(t apiv1.Token) string { return t.Name }},
				{name: "user", title: "User", hidden: true, value: func(t apiv1.Token) string { return t.User }},
				{name: "scopes", title: "Scopes", value: func(t apiv1.Token) string { return strings.Join(t.Scopes, " ") }},
				{name: "created_at", title: "Created", value: func(t apiv1.Token) string { return when(t.CreatedAt) }},
				{name: "created_by", title: "Created by", hidden: true, value: func(t apiv1.Token) string { return string(t.CreatedBy) }},
				{name: "expires_at", title: "Expires", value: func(t apiv1.Token) string { return firstOf(when(t.ExpiresAt), "never") }},
				{name: "last_used_at", title: "Last used", value: func(t apiv1.Token) string { return firstOf(when(t.LastUsedAt), "never") }},
			}, tokens)
		},
	}
	opts.addFlags(cmd)
	return cmd
}

func (c *program) tokenRevoke() *cobra.Command {
	return &cobra.Command{
		Use:     "token:revoke NAME|ID",
		Aliases: []string{"token:delete"},
		Short:   "Revoke an API token",
		Args:    positional(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			if err := c.confirm("This revokes the token %s: programs and people that use it lose access.", args[0]); err != nil {
				return err
			}
			if err := client.RevokeToken(cmd.Context(), args[0]); err != nil {
				return err
			}
			c.note("Revoked the token %s.", args[0])
			return nil
		},
	}
}

func (c *program) audit() *cobra.Command {
	var (
		opts   tableOptions
		all    bool
		before int64
		limit  int
	)
	cmd := &cobra.Command{
		Use:     "project:audit",
		Aliases: []string{"audit"},
		Short:   "Show who ran commands, changed settings or deleted data",
		Long: "Shows the audit log of the project, newest first: commands that were run, changes of tokens, variables, domains, certificates, " +
			"settings and access, and deletions of data. Deployments are activities: `sluice activity:list`.",
		Args: positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var s selection
			var err error
			if all {
				s.Client, err = c.client()
			} else {
				s, err = c.selectProject(cmd.Context())
			}
			if err != nil {
				return err
			}
			entries, err := s.Audit(cmd.Context(), s.project, before, limit)
			if err != nil {
				return err
			}
			return printTable(c, opts, auditColumns(), entries)
		},
	}
	opts.addFlags(cmd)
	cmd.Flags().BoolVar(&all, "all", false, "show the log of the whole installation")
	cmd.Flags().Int64Var(&before, "before", 0, "show only entries with a lower ID")
	cmd.Flags().IntVar(&limit, "limit", 50, "maximum number of entries")
	return cmd
}

func auditColumns() []column[apiv1.AuditEntry] {
	return []column[apiv1.AuditEntry]{
		{name: "id", title: "ID", value: func(e apiv1.AuditEntry) string { return strconv.FormatInt(e.ID, 10) }},
		{name: "created_at", title: "Time", value: func(e apiv1.AuditEntry) string { return when(e.CreatedAt) }},
		{name: "user", title: "User", value: func(e apiv1.AuditEntry) string { return e.User }},
		{name: "action", title: "Action", value: func(e apiv1.AuditEntry) string { return e.Action }},
		{name: "project", title: "Project", value: func(e apiv1.AuditEntry) string { return string(e.Project) }},
		{name: "environment", title: "Environment", value: func(e apiv1.AuditEntry) string { return string(e.Environment) }},
		{name: "detail", title: "Detail", value: func(e apiv1.AuditEntry) string { return e.Detail }},
	}
}
