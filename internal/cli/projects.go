package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"sluice/apiv1"
)

func (c *program) projectCreate() *cobra.Command {
	var (
		req       apiv1.ProjectCreate
		setRemote bool
		pipe      bool
	)
	cmd := &cobra.Command{
		Use:     "project:create [ID]",
		Aliases: []string{"create"},
		Short:   "Create a project",
		Example: "  sluice project:create myshop --title 'My shop' --set-remote",
		Args:    positional(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				req.ID = args[0] // else the server chooses one
			}
			client, err := c.client()
			if err != nil {
				return err
			}
			p, err := client.CreateProject(cmd.Context(), req)
			if err != nil {
				return err
			}
			if pipe {
				return writeText(c.out, p.ID+"\n")
			}
			c.note("Created the project %s.", p.ID)
			if strings.Contains(p.ID, "-") {
				c.note("Stock clients cannot select it with -p, as its ID has a hyphen.")
			}
			if setRemote {
				return c.setRemote(cmd.Context(), p)
			}
			c.note("Push to it: sluice project:set-remote %s, then git push %s %s", p.ID, remoteName, p.DefaultBranch)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&req.Title, "title", "", "title for people (default: the ID)")
	f.StringVar(&req.DefaultBranch, "default-branch", "", "branch of the production environment (default: main)")
	f.BoolVar(&setRemote, "set-remote", false, "make this checkout push to the project")
	f.BoolVar(&pipe, "pipe", false, "print the ID only")
	return cmd
}

func (c *program) projectList() *cobra.Command {
	var (
		opts tableOptions
		pipe bool
	)
	cmd := &cobra.Command{
		Use:     "project:list",
		Aliases: []string{"projects"},
		Short:   "List the projects",
		Args:    positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			projects, err := client.Projects(cmd.Context())
			if err != nil {
				return err
			}
			if pipe {
				return printIDs(c, projects, func(p apiv1.Project) string { return p.ID })
			}
			if len(projects) == 0 {
				c.note("No projects yet; create one with: sluice project:create ID")
			}
			return printTable(c, opts, projectColumns(), projects)
		},
	}
	opts.addFlags(cmd)
	cmd.Flags().BoolVar(&pipe, "pipe", false, "print the IDs only")
	return cmd
}

func projectColumns() []column[apiv1.Project] {
	return []column[apiv1.Project]{
		{name: "id", title: "ID", value: func(p apiv1.Project) string { return p.ID }},
		{name: "title", title: "Title", value: func(p apiv1.Project) string { return p.Title }},
		{name: "branch", title: "Default branch", value: func(p apiv1.Project) string { return p.DefaultBranch }},
		{name: "created", title: "Created", value: func(p apiv1.Project) string { return when(p.CreatedAt) }},
		{name: "git", title: "Repository", hidden: true, value: func(p apiv1.Project) string { return p.Repository.URL }},
	}
}

// when shows a time to the second, in UTC.
func when(t apiv1.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05Z")
}

// printIDs is what --pipe prints.
func printIDs[T any](c *program, rows []T, id func(T) string) error {
	for _, row := range rows {
		if err := writeText(c.out, id(row)+"\n"); err != nil {
			return err
		}
	}
	return nil
}

func (c *program) projectInfo() *cobra.Command {
	var opts infoOptions
	cmd := &cobra.Command{
		Use:   "project:info [PROPERTY]",
		Short: "Show a project",
		Args:  positional(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := c.selectProject(cmd.Context())
			if err != nil {
				return err
			}
			if len(args) == 1 {
				opts.property = args[0]
			}
			p, err := s.Project(cmd.Context(), s.project)
			if err != nil {
				return err
			}
			return printInfo(c, opts, p, []property{
				{"id", p.ID},
				{"title", p.Title},
				{"default_branch", p.DefaultBranch},
				{"repository.url", p.Repository.URL},
				{"created_at", when(p.CreatedAt)},
				{"updated_at", when(p.UpdatedAt)},
			})
		},
	}
	opts.addFlags(cmd)
	return cmd
}

func (c *program) projectDelete() *cobra.Command {
	return &cobra.Command{
		Use:   "project:delete [ID]",
		Short: "Delete a project with its environments, their data and its code",
		Args:  positional(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				c.project = args[0]
			}
			s, err := c.selectProject(cmd.Context())
			if err != nil {
				return err
			}
			p, err := s.Project(cmd.Context(), s.project)
			if err != nil {
				return err
			}
			err = c.confirm("This deletes the project %s (%s) with all its environments, their data and its code, for good.", p.ID, p.Title)
			if err != nil {
				return err
			}
			if err := s.DeleteProject(cmd.Context(), p.ID); err != nil {
				return err
			}
			c.note("Deleted the project %s.", p.ID)
			return nil
		},
	}
}

func (c *program) projectSetRemote() *cobra.Command {
	return &cobra.Command{
		Use:     "project:set-remote ID",
		Aliases: []string{"set-remote"},
		Short:   "Make this checkout push to a project",
		Long: "Sets the git remote \"" + remoteName + "\" of the current directory to the project's repository, and tells git " +
			"to ask this program for the token. Plain `git push " + remoteName + " BRANCH` works from then on.",
		Args: positional(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c.project = args[0]
			s, err := c.selectProject(cmd.Context())
			if err != nil {
				return err
			}
			p, err := s.Project(cmd.Context(), s.project)
			if err != nil {
				return err
			}
			return c.setRemote(cmd.Context(), p)
		},
	}
}

func (c *program) setRemote(ctx context.Context, p apiv1.Project) error {
	if _, err := c.git(ctx, "rev-parse", "--git-dir"); err != nil {
		return usageError("run `git init` first", "not a git repository")
	}
	helper, err := credentialHelper()
	if err != nil {
		return err
	}
	verb := "add"
	if _, err := c.git(ctx, "config", "--get", "remote."+remoteName+".url"); err == nil {
		verb = "set-url"
	}
	if _, err := c.git(ctx, "remote", verb, remoteName, p.Repository.HTTPURL); err != nil {
		return err
	}
	host := hostOf(p.Repository.HTTPURL)
	if host == "" {
		return fmt.Errorf("the server returned an invalid repository URL %q", p.Repository.HTTPURL)
	}
	if _, err := c.git(ctx, "config", "credential."+host+".helper", helper); err != nil {
		return err
	}
	if err := c.trustGitHost(host); err != nil {
		return err
	}
	c.note("The git remote %q is now %s", remoteName, p.Repository.HTTPURL)
	return nil
}
