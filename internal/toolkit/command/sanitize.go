package command

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"sluice/internal/contract"
	"sluice/internal/toolkit/sanitize"
)

// newSanitize is the command data:sanitize, which the original does not have. It logs and tells
// its progress as a phase does.
func newSanitize(p Process) *cobra.Command {
	o := sanitize.Options{}
	c := &cobra.Command{
		Use: "data:sanitize", Short: "Takes personal data and credentials out of a copy of production's data", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o.Seed, _ = p.env(contract.SanitizeSeedVariable)
			err := within(c.Context(), p, phaseOptions(c), func(ctx context.Context, s *session) error {
				databases, err := ownDatabases(s)
				if err != nil {
					return err
				}
				return sanitize.Run(ctx, s.Kit, databases, o)
			})
			if _, refused := errors.AsType[*sanitize.RefusedError](err); refused {
				return &statusError{err, contract.SanitizeRefused}
			}
			return err
		},
	}
	c.Flags().StringVar(&o.Mode, "mode", sanitize.ModeFull, "What to do: "+strings.Join(sanitize.Modes(), ", "))
	return c
}

// ownDatabases are the databases that the application's connections lead to.
func ownDatabases(s *session) ([]sanitize.Database, error) {
	endpoints, err := s.databases.Endpoints()
	var out []sanitize.Database
	for _, e := range endpoints {
		name := e.Connections[0]
		out = append(out, sanitize.Database{Connection: name, Host: e.Host, Open: func(ctx context.Context) (sanitize.Session, error) { return s.databases.Session(ctx, name) }})
	}
	return out, err
}
