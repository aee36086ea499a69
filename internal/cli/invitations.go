package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"sluice/apiv1"
)

// showInvitation prints the URL of an invitation, which is for one person.
func (c *program) showInvitation(v apiv1.Invitation) error {
	c.note("Whoever opens this address can accept the invitation, once, until %s:", when(v.ExpiresAt))
	return writeText(c.out, printable(v.ActivationURL)+"\n")
}

func (c *program) invitationList() *cobra.Command {
	var opts tableOptions
	cmd := &cobra.Command{
		Use:     "invitation:list",
		Aliases: []string{"invitations"},
		Short:   "List the invitations that nobody has accepted",
		Args:    positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := c.selectProject(cmd.Context())
			if err != nil {
				return err
			}
			all, err := s.Invitations(cmd.Context(), s.project)
			if err != nil {
				return err
			}
			return printTable(c, opts, []column[apiv1.Invitation]{
				{name: "email", title: "Email address", value: func(v apiv1.Invitation) string { return v.Email }},
				{name: "state", title: "State", value: func(v apiv1.Invitation) string { return v.State }},
				{name: "role", title: "Project role", value: func(v apiv1.Invitation) string { return v.Role }},
				{name: "permissions", title: "Permissions", value: func(v apiv1.Invitation) string {
					var roles []string
					for _, p := range v.Permissions {
						roles = append(roles, p.Type+":"+p.Role)
					}
					return strings.Join(roles, ", ")
				}},
				{name: "invited_by", title: "Invited by", value: func(v apiv1.Invitation) string { return v.InvitedBy }},
				{name: "expires_at", title: "Expires", value: func(v apiv1.Invitation) string { return when(v.ExpiresAt) }},
				{name: "url", title: "Address", value: func(v apiv1.Invitation) string { return v.ActivationURL }},
				{name: "id", title: "ID", hidden: true, value: func(v apiv1.Invitation) string { return v.ID }},
			}, all)
		},
	}
	opts.addFlags(cmd)
	return cmd
}

// selectInvitation finds an invitation by e-mail address or ID.
func (c *program) selectInvitation(ctx context.Context, name string) (selection, apiv1.Invitation, error) {
	s, err := c.selectProject(ctx)
	if err != nil {
		return s, apiv1.Invitation{}, err
	}
	all, err := s.Invitations(ctx, s.project)
	if err != nil {
		return s, apiv1.Invitation{}, err
	}
	for _, v := range all {
		if strings.EqualFold(v.Email, name) || v.ID == name {
			return s, v, nil
		}
	}
	return s, apiv1.Invitation{}, fail(ExitFailure, "`sluice invitation:list` shows who is invited", "%s is not invited to the project %s", name, s.project)
}

func (c *program) invitationResend() *cobra.Command {
	return &cobra.Command{
		Use:   "invitation:resend EMAIL",
		Short: "Print another URL of an invitation, in place of the earlier one",
		Args:  positional(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, v, err := c.selectInvitation(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if v, err = s.ResendInvitation(cmd.Context(), s.project, v.ID); err != nil {
				return err
			}
			return c.showInvitation(v)
		},
	}
}

func (c *program) invitationCancel() *cobra.Command {
	return &cobra.Command{
		Use:   "invitation:cancel EMAIL",
		Short: "Withdraw an invitation",
		Args:  positional(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, v, err := c.selectInvitation(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if err := s.CancelInvitation(cmd.Context(), s.project, v.ID); err != nil {
				return err
			}
			c.note("The invitation of %s is withdrawn.", v.Email)
			return nil
		},
	}
}
