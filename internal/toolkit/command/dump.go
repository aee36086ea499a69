package command

import (
	"context"

	"github.com/spf13/cobra"

	"sluice/internal/toolkit/dbdump"
)

// newDump is the command db-dump. People are asked before their shop
// is closed; scripts are not.
func newDump(p Process) *cobra.Command {
	o := dbdump.Options{}
	c := &cobra.Command{
		Use: "db-dump [databases]...", Short: "Dumps databases: main, quote, sales",
		RunE: func(c *cobra.Command, args []string) error {
			o.Databases = args
			return within(c.Context(), p, logged(c), func(ctx context.Context, s *session) error {
				if err := dbdump.Check(s.Kit, o); err != nil {
					return err
				}
				if p.Terminal && !flag(c, "no-interaction") && !confirmed(c, dbdump.Question) {
					return nil
				}
				return dbdump.Run(ctx, s.Kit, o)
			})
		},
	}
	c.Flags().BoolVarP(&o.RemoveDefiners, "remove-definers", "d", false, "Remove the DEFINER clauses of views and triggers")
	c.Flags().StringVarP(&o.Directory, "dump-directory", "a", "", "Write the dumps to this directory (default: var)")
	return c
}
