package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"sluice/apiv1"
)

func (c *program) userList() *cobra.Command {
	var (
		opts tableOptions
		all  bool
	)
	cmd := &cobra.Command{
		Use:     "user:list",
		Aliases: []string{"users"},
		Short:   "List who has access to the project",
		Args:    positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if all {
				return c.listAllUsers(cmd.Context(), opts)
			}
			s, err := c.selectProject(cmd.Context())
			if err != nil {
				return err
			}
			members, err := s.Members(cmd.Context(), s.project)
			if err != nil {
				return err
			}
			return printTable(c, opts, []column[apiv1.Access]{
				{name: "email", title: "Email address", value: loginOf},
				{name: "name", title: "Name", value: func(a apiv1.Access) string { return userOf(a).DisplayName }},
				{name: "role", title: "Project role", value: func(a apiv1.Access) string { return a.Role }},
				{name: "id", title: "ID", value: func(a apiv1.Access) string { return a.ID }},
				{name: "permissions", title: "Permissions", value: typeRoles},
			}, members)
		},
	}
	opts.addFlags(cmd)
	cmd.Flags().BoolVar(&all, "all", false, "list all users of the installation")
	return cmd
}

func (c *program) listAllUsers(ctx context.Context, opts tableOptions) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	users, err := client.Users(ctx)
	if err != nil {
		return err
	}
	return printTable(c, opts, []column[apiv1.User]{
		{name: "email", title: "Email address", value: func(u apiv1.User) string { return firstOf(u.Email, u.Username) }},
		{name: "name", title: "Name", value: func(u apiv1.User) string { return u.DisplayName }},
		{name: "kind", title: "Kind", value: func(u apiv1.User) string { return u.Kind }},
		{name: "state", title: "State", value: func(u apiv1.User) string { return u.State }},
		{name: "id", title: "ID", value: func(u apiv1.User) string { return u.ID }},
		{name: "scopes", title: "Scopes", value: func(u apiv1.User) string { return strings.Join(u.Scopes, " ") }},
		{name: "last_login_at", title: "Last log-in", hidden: true, value: func(u apiv1.User) string { return firstOf(when(u.LastLoginAt), "never") }},
	}, users)
}

// userOf returns the user of an access.
func userOf(a apiv1.Access) apiv1.User {
	if len(a.Embedded.Users) == 0 {
		return apiv1.User{ID: a.ID}
	}
	return a.Embedded.Users[0]
}

func loginOf(a apiv1.Access) string {
	u := userOf(a)
	return firstOf(u.Email, u.Username, u.ID)
}

// typeRoles shows the roles by type, as the option --role takes them.
func typeRoles(a apiv1.Access) string {
	var roles []string
	for _, kind := range environmentTypes() {
		if role := a.TypeRoles[kind]; role != "" {
			roles = append(roles, kind+":"+role)
		}
	}
	return strings.Join(roles, ", ")
}

func environmentTypes() []string { return []string{"production", "staging", "development"} }

// member is what user:get shows.
type member struct {
	ID          string `json:"id"`
	Email       string `json:"email"`
	Name        string `json:"name"`
	Project     string `json:"project"`
	Role        string `json:"role"`
	Permissions string `json:"permissions"`
}

func (c *program) userGet() *cobra.Command {
	var opts infoOptions
	cmd := &cobra.Command{
		Use:   "user:get EMAIL",
		Short: "Show the roles of a user on the project",
		Args:  positional(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, m, err := c.selectMember(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			shown := member{m.ID, loginOf(m), userOf(m).DisplayName, s.project, m.Role, typeRoles(m)}
			return printInfo(c, opts, shown, []property{
				{"id", shown.ID},
				{"email", shown.Email},
				{"name", shown.Name},
				{"project", shown.Project},
				{"role", shown.Role},
				{"permissions", shown.Permissions},
			})
		},
	}
	opts.addFlags(cmd)
	return cmd
}

// selectMember finds a member of the project by e-mail address, username or ID.
func (c *program) selectMember(ctx context.Context, login string) (selection, apiv1.Access, error) {
	s, err := c.selectProject(ctx)
	if err != nil {
		return s, apiv1.Access{}, err
	}
	members, err := s.Members(ctx, s.project)
	if err != nil {
		return s, apiv1.Access{}, err
	}
	for _, m := range members {
		if u := userOf(m); strings.EqualFold(u.Email, login) && login != "" || u.Username == login || m.ID == login {
			return s, m, nil
		}
	}
	return s, apiv1.Access{}, fail(ExitFailure, "`sluice user:list` shows who has access", "%s has no access to the project %s", login, s.project)
}

// roleOptions are the roles that a user is to have.
type roleOptions struct{ roles []string }

func (o *roleOptions) addFlags(cmd *cobra.Command) {
	cmd.Flags().StringSliceVarP(&o.roles, "role", "r", nil, "admin or viewer on the project, or TYPE:ROLE, such as development:contributor; may be repeated")
}

// read returns the role on the project, "" when none was given, and those by type.
func (o *roleOptions) read() (project string, types []apiv1.TypeRole, err error) {
	for _, text := range o.roles {
		kind, role, byType := strings.Cut(text, ":")
		switch {
		case byType:
			types = append(types, apiv1.TypeRole{Type: kind, Role: role})
		case text == "admin" || text == "viewer":
			project = text
		default:
			return "", nil, usageError("use admin, viewer, or TYPE:ROLE such as development:contributor", "unknown role %q", text)
		}
	}
	return project, types, nil
}

func (c *program) userAdd() *cobra.Command {
	var opts roleOptions
	var force bool
	cmd := &cobra.Command{
		Use:   "user:add EMAIL",
		Short: "Give a user access to the project, or invite a person",
		Long: "Gives somebody who has an account access to the project. For an address without an account it makes an invitation and prints its " +
			"URL: whoever opens it can accept, so send it to that person only. Without roles by type, a viewer sees the environments of all types.",
		Example: "  sluice user:add jo@example.com -r development:contributor -r staging:viewer\n  sluice user:add ann@example.com -r admin",
		Args:    positional(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			role, types, err := opts.read()
			if err != nil {
				return err
			}
			s, err := c.selectProject(cmd.Context())
			if err != nil {
				return err
			}
			req := apiv1.InvitationCreate{Email: args[0], Role: firstOf(role, "viewer"), Permissions: types, Force: force}
			made, err := s.Invite(cmd.Context(), s.project, req)
			if err != nil {
				return err
			}
			if made.State == "pending" {
				c.note("%s is not known yet, or has not shown that the address is theirs.", args[0])
				return c.showInvitation(made)
			}
			c.note("%s has access to the project %s.", args[0], s.project)
			return nil
		},
	}
	opts.addFlags(cmd)
	cmd.Flags().BoolVar(&force, "force-invite", false, "replace an invitation that is open, or the roles that the user has")
	return cmd
}

func (c *program) userUpdate() *cobra.Command {
	var opts roleOptions
	cmd := &cobra.Command{
		Use:     "user:update EMAIL -r ROLE",
		Short:   "Change the roles of a user on the project",
		Long:    "Changes the roles that are given and leaves the others. The role none takes the access to the environments of a type.",
		Example: "  sluice user:update jo@example.com -r production:viewer -r staging:none",
		Args:    positional(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			role, types, err := opts.read()
			if err != nil {
				return err
			}
			s, m, err := c.selectMember(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if role != "" && role != m.Role {
				if _, err := s.SetRole(cmd.Context(), s.project, m.ID, role); err != nil {
					return err
				}
			}
			for _, t := range types {
				if t.Role == "none" {
					t.Role = ""
				}
				if err := s.SetTypeRole(cmd.Context(), s.project, t.Type, m.ID, t.Role); err != nil {
					return err
				}
			}
			c.note("Changed the roles of %s.", args[0])
			return nil
		},
	}
	opts.addFlags(cmd)
	_ = cmd.MarkFlagRequired("role") // the flag exists
	return cmd
}

func (c *program) userDelete() *cobra.Command {
	return &cobra.Command{
		Use:   "user:delete EMAIL",
		Short: "Take the access to the project from a user",
		Args:  positional(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, m, err := c.selectMember(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if err := c.confirm("%s loses the access to the project %s.", args[0], s.project); err != nil {
				return err
			}
			if err := s.RemoveMember(cmd.Context(), s.project, m.ID); err != nil {
				return err
			}
			c.note("%s has no access to the project %s any more.", args[0], s.project)
			return nil
		},
	}
}

func (c *program) userCreate() *cobra.Command {
	var req apiv1.UserCreate
	cmd := &cobra.Command{
		Use:   "user:create EMAIL",
		Short: "Create an account (admins of the installation)",
		Long: "Creates an account of a person, who logs in with the password that is read from standard input. Without scopes the user has access " +
			"to no project until somebody gives it: `sluice user:add`.",
		Args: positional(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			password, err := c.askSecret("Password for " + args[0] + ": ")
			if err != nil {
				return err
			}
			client, err := c.client()
			if err != nil {
				return err
			}
			req.Email, req.Password = args[0], password
			u, err := client.CreateUser(cmd.Context(), req)
			if err != nil {
				return err
			}
			c.note("Created the user %s.", u.Email)
			return nil
		},
	}
	cmd.Flags().StringVar(&req.FirstName, "first-name", "", "first name")
	cmd.Flags().StringVar(&req.LastName, "last-name", "", "last name")
	cmd.Flags().StringArrayVar(&req.Scopes, "scope", nil, "what the user may do, such as shop:admin; may be repeated")
	return cmd
}
