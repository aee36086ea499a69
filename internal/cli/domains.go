package cli

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"sluice/apiv1"
)

func (c *program) domainAdd() *cobra.Command {
	var (
		wait      waitOptions
		byDefault bool
	)
	cmd := &cobra.Command{
		Use:   "domain:add NAME",
		Short: "Add a domain to the project's production environment",
		Long: "Adds a domain. In routes.yaml, {all} stands for all domains of the project and {default} for the default one, " +
			"which is the first unless another is chosen. A running production environment is redeployed.",
		Example: "  sluice domain:add www.example.com\n  sluice domain:add shop.example.com --default",
		Args:    positional(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := c.selectProject(cmd.Context())
			if err != nil {
				return err
			}
			d, activities, err := s.AddDomain(cmd.Context(), s.project, apiv1.DomainChange{Name: args[0], IsDefault: byDefault})
			if err != nil {
				return err
			}
			if v := d.Verification; v != nil {
				c.note("Added the domain %s. It counts once you have shown that it is yours. Add this DNS record:", d.Name)
				c.note("   %s. IN %s \"%s\"", v.Name, v.Type, v.Value)
				c.note("Then: sluice domain:verify %s", d.Name)
				return nil
			}
			c.note("Added the domain %s. Let its DNS records point at the router.", d.Name)
			return c.redeployed(cmd.Context(), s, activities, wait)
		},
	}
	wait.addFlags(cmd)
	cmd.Flags().BoolVar(&byDefault, "default", false, "make it the domain that {default} stands for")
	return cmd
}

// redeployed waits for the deployment that a change of the domains started.
func (c *program) redeployed(ctx context.Context, s selection, activities []apiv1.Activity, wait waitOptions) error {
	if len(activities) == 0 {
		c.note("It takes effect with the next deployment.")
		return nil
	}
	return c.finish(ctx, s, activities, wait)
}

func (c *program) domainList() *cobra.Command {
	var opts tableOptions
	cmd := &cobra.Command{
		Use:     "domain:list",
		Aliases: []string{"domains"},
		Short:   "List the project's domains, the default one first",
		Args:    positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := c.selectProject(cmd.Context())
			if err != nil {
				return err
			}
			list, err := s.Domains(cmd.Context(), s.project)
			if err != nil {
				return err
			}
			if len(list) == 0 {
				c.note("The project has no domains; add one with: sluice domain:add NAME")
			}
			return printTable(c, opts, []column[apiv1.Domain]{
				{name: "name", title: "Name", value: func(d apiv1.Domain) string { return d.Name }},
				{name: "default", title: "Default", value: func(d apiv1.Domain) string { return strconv.FormatBool(d.IsDefault) }},
				{name: "verified", title: "Verified", value: func(d apiv1.Domain) string { return strconv.FormatBool(d.IsVerified) }},
				{name: "ssl", title: "SSL enabled", value: func(d apiv1.Domain) string { return strconv.FormatBool(d.SSL.HasCertificate) }},
				{name: "created_at", title: "Creation date", value: func(d apiv1.Domain) string { return when(d.CreatedAt) }},
				{name: "updated_at", title: "Updated date", hidden: true, value: func(d apiv1.Domain) string { return when(d.UpdatedAt) }},
			}, list)
		},
	}
	opts.addFlags(cmd)
	return cmd
}

func (c *program) domainGet() *cobra.Command {
	var opts infoOptions
	cmd := &cobra.Command{
		Use:   "domain:get NAME",
		Short: "Show a domain",
		Args:  positional(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := c.selectProject(cmd.Context())
			if err != nil {
				return err
			}
			d, err := s.Domain(cmd.Context(), s.project, args[0])
			if err != nil {
				return err
			}
			properties := []property{
				{"name", d.Name},
				{"is_default", strconv.FormatBool(d.IsDefault)},
				{"is_verified", strconv.FormatBool(d.IsVerified)},
				{"ssl.has_certificate", strconv.FormatBool(d.SSL.HasCertificate)},
				{"ssl.expires_on", when(d.SSL.ExpiresOn)},
				{"created_at", when(d.CreatedAt)},
				{"updated_at", when(d.UpdatedAt)},
			}
			if v := d.Verification; v != nil {
				properties = append(properties, property{"verification", v.Name + " " + v.Type + " " + v.Value})
			}
			return printInfo(c, opts, d, properties)
		},
	}
	opts.addFlags(cmd)
	return cmd
}

func (c *program) domainVerify() *cobra.Command {
	var wait waitOptions
	cmd := &cobra.Command{
		Use:   "domain:verify NAME",
		Short: "Verify a domain by its DNS record",
		Long: "Looks for the TXT record that `sluice domain:add` named and, when it is there, lets the domain count for the project. " +
			"The record can be removed afterwards.",
		Args: positional(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := c.selectProject(cmd.Context())
			if err != nil {
				return err
			}
			d, activities, err := s.VerifyDomain(cmd.Context(), s.project, args[0])
			if err != nil {
				return err
			}
			c.note("The domain %s is verified.", d.Name)
			return c.redeployed(cmd.Context(), s, activities, wait)
		},
	}
	wait.addFlags(cmd)
	return cmd
}

func (c *program) domainUpdate() *cobra.Command {
	var (
		wait      waitOptions
		byDefault bool
	)
	cmd := &cobra.Command{
		Use:   "domain:update NAME --default",
		Short: "Make a domain the default one",
		Args:  positional(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !byDefault {
				return usageError("usage: "+cmd.UseLine(), "nothing to change")
			}
			s, err := c.selectProject(cmd.Context())
			if err != nil {
				return err
			}
			d, activities, err := s.UpdateDomain(cmd.Context(), s.project, args[0], apiv1.DomainChange{IsDefault: true})
			if err != nil {
				return err
			}
			c.note("%s is the default domain.", d.Name)
			return c.redeployed(cmd.Context(), s, activities, wait)
		},
	}
	wait.addFlags(cmd)
	cmd.Flags().BoolVar(&byDefault, "default", false, "make it the domain that {default} stands for")
	return cmd
}

func (c *program) domainDelete() *cobra.Command {
	var wait waitOptions
	cmd := &cobra.Command{
		Use:   "domain:delete NAME",
		Short: "Remove a domain from the project",
		Args:  positional(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := c.selectProject(cmd.Context())
			if err != nil {
				return err
			}
			if err := c.confirm("This removes the domain %s from the project %s: its visitors will not reach the site any more.", args[0], s.project); err != nil {
				return err
			}
			activities, err := s.DeleteDomain(cmd.Context(), s.project, args[0])
			if err != nil {
				return err
			}
			c.note("Removed the domain %s.", args[0])
			return c.redeployed(cmd.Context(), s, activities, wait)
		},
	}
	wait.addFlags(cmd)
	return cmd
}
