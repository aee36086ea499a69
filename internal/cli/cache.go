package cli

import (
	"github.com/spf13/cobra"

	"sluice/apiv1"
)

func (c *program) cachePurge() *cobra.Command {
	var wanted apiv1.CachePurge
	cmd := &cobra.Command{
		Use:     "cache:purge [URL]",
		Aliases: []string{"environment:cache:purge"},
		Short:   "Empty an environment's HTTP cache, or remove one URL from it",
		Long: "Removes what the router keeps of the environment's pages. With a URL, only what it keeps of that one:\n" +
			"with every query, unless the URL has one. //HOST/PATH means http and https.",
		Example: "  sluice cache:purge\n" +
			"  sluice cache:purge https://shop.example/sale.html\n" +
			"  sluice cache:purge --prefix https://shop.example/catalog/",
		Args: positional(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				wanted.URL = args[0]
			}
			if wanted.Prefix && wanted.URL == "" {
				return usageError("sluice cache:purge --prefix https://shop.example/catalog/", "--prefix needs a URL")
			}
			s, err := c.selectEnvironment(cmd.Context())
			if err != nil {
				return err
			}
			purged, err := s.PurgeCache(cmd.Context(), s.project, s.env, wanted)
			if err != nil {
				return err
			}
			c.note("Removed %d kept answers of %s.", purged.Removed, s.env)
			return nil
		},
	}
	cmd.Flags().BoolVar(&wanted.Prefix, "prefix", false, "also every URL that begins with it")
	return cmd
}
