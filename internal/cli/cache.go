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
		Short:   "Empty an environment's HTTP cache, or remove URLs or tags from it",
		Long: "Removes what the router keeps of the environment's pages. With a URL, only what it keeps of that one:\n" +
			"with every query, unless the URL has one. //HOST/PATH means http and https.\n" +
			"With --tag, only responses that the application gave that tag (X-Magento-Tags, Surrogate-Key, Cache-Tag).",
		Example: "  sluice cache:purge\n" +
			"  sluice cache:purge https://shop.example/sale.html\n" +
			"  sluice cache:purge --prefix https://shop.example/catalog/\n" +
			"  sluice cache:purge --tag cat_p_12 --tag cms_b_3",
		Args: positional(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				wanted.URL = args[0]
			}
			if wanted.Prefix && wanted.URL == "" {
				return usageError("sluice cache:purge --prefix https://shop.example/catalog/", "--prefix needs a URL")
			}
			if len(wanted.Tags) > 0 && wanted.URL != "" {
				return usageError("sluice cache:purge --tag cat_p_12", "use either --tag or a URL")
			}
			s, err := c.selectEnvironment(cmd.Context())
			if err != nil {
				return err
			}
			purged, err := s.PurgeCache(cmd.Context(), s.project, s.env, wanted)
			if err != nil {
				return err
			}
			c.note("Removed %d cached responses of %s.", purged.Removed, s.env)
			return nil
		},
	}
	cmd.Flags().BoolVar(&wanted.Prefix, "prefix", false, "also remove every URL that begins with it")
	cmd.Flags().StringSliceVar(&wanted.Tags, "tag", nil, "remove responses with this tag; may be repeated")
	return cmd
}
