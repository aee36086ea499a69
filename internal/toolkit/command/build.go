package command

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"sluice/internal/toolkit/buildstep"
	"sluice/internal/toolkit/shell"
)

// buildCommands do single things of the build.
func buildCommands(p Process) []*cobra.Command {
	return []*cobra.Command{
		{
			Use: "patch", Short: "Applies the patches of the project", Args: cobra.NoArgs,
			RunE: func(c *cobra.Command, _ []string) error {
				return within(c.Context(), p, logged(c), func(ctx context.Context, s *session) error {
					return shellStatus(buildstep.Patch(ctx, s.Kit))
				})
			},
		},
		{
			Use: "module:refresh", Short: "Enables modules that are not in app/etc/config.php", Args: cobra.NoArgs,
			RunE: func(c *cobra.Command, _ []string) error {
				return within(c.Context(), p, options{quiet: true}, func(ctx context.Context, s *session) error {
					names, err := buildstep.RefreshModules(ctx, s.Kit)
					if err != nil {
						return shellStatus(err)
					}
					_, err = fmt.Fprintln(c.OutOrStdout(), buildstep.EnabledModules(names))
					return err
				})
			},
		},
	}
}

// logged are the options of a command whose messages are its output.
func logged(c *cobra.Command) options {
	o := phaseOptions(c)
	o.phase = false
	return o
}

// shellStatus makes a command's own status the status of the process, as these commands
// promise.
func shellStatus(err error) error {
	if f, ok := errors.AsType[*shell.Failure](err); ok && f.Code > 0 {
		return &statusError{err, f.Code}
	}
	return err
}

// statusError is an error that ends the process with a status of its own.
type statusError struct {
	err    error
	status int
}

func (e *statusError) Error() string { return e.err.Error() }

func (e *statusError) Unwrap() error { return e.err }
