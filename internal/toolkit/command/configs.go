package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"sluice/internal/contract"
	"sluice/internal/toolkit/configcmd"
	"sluice/internal/toolkit/configstep"
	"sluice/internal/toolkit/tree"
)

// configCommands show and write configuration.
func configCommands(p Process) []*cobra.Command {
	return []*cobra.Command{
		{
			Use: "env:config:show [services|routes|variables]...", Short: "Shows the services, routes and variables of the environment",
			RunE: func(c *cobra.Command, args []string) error {
				return within(c.Context(), p, options{quiet: true}, func(_ context.Context, s *session) error {
					return configcmd.Show(c.OutOrStdout(), s.Platform, args)
				})
			},
		},
		{
			Use: "config:dump", Aliases: []string{"dump"}, Short: "Dumps the configuration that static content needs into app/etc/config.php", Args: cobra.NoArgs,
			RunE: func(c *cobra.Command, _ []string) error {
				return within(c.Context(), p, logged(c), func(ctx context.Context, s *session) error {
					return configstep.Dump(ctx, s.Kit)
				})
			},
		},
		{
			Use: "config:digest", Short: "Lists the keys of app/etc/config.php and env.php, with digests in place of the values", Args: cobra.NoArgs,
			RunE: func(c *cobra.Command, _ []string) error {
				return within(c.Context(), p, options{quiet: true}, func(_ context.Context, s *session) error {
					secret, _ := p.env(contract.DigestSecretVariable)
					return configcmd.Digest(c.OutOrStdout(), s.Kit, secret)
				})
			},
		},
		newWrite(p, "cloud:config:create", "Writes .magento.env.yaml from JSON", configcmd.Create),
		newWrite(p, "cloud:config:update", "Puts JSON over .magento.env.yaml", configcmd.Update),
		{
			Use: "cloud:config:validate", Short: "Checks .magento.env.yaml", Args: cobra.NoArgs,
			RunE: func(c *cobra.Command, _ []string) error { return validateConfig(c, p) },
		},
		newReference(p, "schema:generate", "Writes a reference of the variables of .magento.env.yaml", ".magento.env.md",
			"Starting schema dist file generation\n", "Dist file was successfully generated: %s\n", configcmd.Variables),
		newReference(p, "dev:generate:schema-error", "Writes a reference of the error codes", "dist/error-codes.md",
			"", "File %s was generated\n", configcmd.ErrorCodes),
	}
}

func validateConfig(c *cobra.Command, p Process) error {
	err := within(c.Context(), p, options{quiet: true}, func(ctx context.Context, s *session) error {
		return configcmd.Validate(ctx, c.OutOrStdout(), s.Kit)
	})
	switch {
	case errors.Is(err, configcmd.ErrInvalid):
		return exit(1) // it was printed
	case err != nil:
		_, _ = fmt.Fprintf(c.OutOrStdout(), "Command execution failed:\n%v\n", err) // the exit status tells too
		return exit(1)
	}
	return nil
}

func newWrite(p Process, name, short string, write func(io.Writer, *tree.Tree, string) error) *cobra.Command {
	return &cobra.Command{
		Use: name + " <configuration>", Short: short, Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			t, err := tree.Open(p.root())
			if err != nil {
				return err
			}
			return errors.Join(write(c.OutOrStdout(), t, args[0]), t.Close())
		},
	}
}

func newReference(p Process, name, short, file, start, done string, write func(io.Writer) error) *cobra.Command {
	return &cobra.Command{
		Use: name, Short: short, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			t, err := tree.Open(p.root())
			if err != nil {
				return err
			}
			defer t.Close() //nolint:errcheck // nothing is buffered in it
			if _, err := io.WriteString(c.OutOrStdout(), start); err != nil {
				return err
			}
			var text strings.Builder
			if err := write(&text); err != nil {
				return err
			}
			if err := t.Write(file, []byte(text.String())); err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), done, t.Path(file))
			return err
		},
	}
}
