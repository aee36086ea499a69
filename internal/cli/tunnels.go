package cli

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

func (c *program) tunnelSingle() *cobra.Command {
	var (
		relationship string
		port         int
	)
	cmd := &cobra.Command{
		Use:     "tunnel:single",
		Short:   "Open a tunnel to a service until this program is interrupted",
		Example: "  sluice tunnel:single -r database --port 3307",
		Args:    positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			s, err := c.selectEnvironment(ctx)
			if err != nil {
				return err
			}
			tunnels, err := c.prepared(ctx, s, relationship, port)
			if err != nil {
				return err
			}
			if len(tunnels) > 1 {
				return usageError("choose one with --relationship", "the application has %d relationships", len(tunnels))
			}
			login, line, err := c.forwards(ctx, s, tunnels)
			if err != nil {
				return err
			}
			c.note("The relationship %s is at %s until you press Ctrl-C.", tunnels[0].Relationship, tunnels[0].url())
			return c.openssh(ctx, "ssh", append(line, "-n", login)...)
		},
	}
	cmd.Flags().StringVarP(&relationship, "relationship", "r", "", "the relationship, where there are several")
	cmd.Flags().IntVar(&port, "port", 0, "port of this machine (default: the first free one from 30000 on)")
	return cmd
}

func (c *program) tunnelOpen() *cobra.Command {
	return &cobra.Command{
		Use:   "tunnel:open",
		Short: "Open tunnels to all services of an application",
		Long:  "Opens a port of this machine for each relationship of an application. They stay open until `sluice tunnel:close`.",
		Args:  positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			s, err := c.selectEnvironment(ctx)
			if err != nil {
				return err
			}
			open, err := c.openTunnels(ctx, s)
			if err != nil {
				return err
			}
			if len(open) > 0 {
				c.note("The tunnels are open already.")
			} else {
				g, err := c.startTunnels(ctx, s)
				if err != nil {
					return err
				}
				open = []tunnelGroup{g}
			}
			for _, t := range tunnelsOf(open) {
				if _, err := fmt.Fprintf(c.out, "%s: %s\n", printable(t.Relationship), printable(t.url())); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// chosenTunnels returns those of the selected environment, or with all those of every one.
func (c *program) chosenTunnels(ctx context.Context, all bool) ([]tunnelGroup, error) {
	if all {
		return c.openTunnels(ctx, selection{})
	}
	s, err := c.selectEnvironment(ctx)
	if err != nil {
		return nil, err
	}
	open, err := c.openTunnels(ctx, s)
	if err == nil && len(open) == 0 {
		return nil, fail(ExitFailure, "sluice tunnel:open", "no tunnels are open")
	}
	return open, err
}

func (c *program) tunnelList() *cobra.Command {
	var (
		opts tableOptions
		all  bool
	)
	cmd := &cobra.Command{
		Use:     "tunnel:list",
		Aliases: []string{"tunnels"},
		Short:   "List open tunnels",
		Args:    positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			open, err := c.chosenTunnels(cmd.Context(), all)
			if err != nil {
				return err
			}
			return printTable(c, opts, []column[tunnel]{
				{name: "port", title: "Port", value: func(t tunnel) string { return strconv.Itoa(t.Port) }},
				{name: "project", title: "Project", value: func(t tunnel) string { return t.Project }},
				{name: "environment", title: "Environment", value: func(t tunnel) string { return t.Environment }},
				{name: "app", title: "App", value: func(t tunnel) string { return t.App }},
				{name: "relationship", title: "Relationship", value: func(t tunnel) string { return t.Relationship }},
				{name: "url", title: "URL", value: tunnel.url, hidden: true},
			}, tunnelsOf(open))
		},
	}
	opts.addFlags(cmd)
	cmd.Flags().BoolVar(&all, "all", false, "those of every project and environment")
	return cmd
}

func (c *program) tunnelInfo() *cobra.Command {
	var (
		property string
		encode   bool
	)
	cmd := &cobra.Command{
		Use:   "tunnel:info",
		Short: "Show the relationships with the ports of open tunnels, and credentials",
		Long: "Shows the relationships as an application sees them, with host and port of the tunnels; with --encode as the value of " +
			"MAGENTO_CLOUD_RELATIONSHIPS, for programs that run on this machine.",
		Example: "  export MAGENTO_CLOUD_RELATIONSHIPS=\"$(sluice tunnel:info --encode)\"",
		Args:    positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			open, err := c.chosenTunnels(cmd.Context(), false)
			if err != nil {
				return err
			}
			rels := map[string][]map[string]any{}
			for _, t := range tunnelsOf(open) {
				var e map[string]any
				if err := json.Unmarshal(t.Endpoint, &e); err != nil {
					return fmt.Errorf("read the relationship %s: %w", t.Relationship, err)
				}
				e["host"], e["port"], e["ip"] = "127.0.0.1", t.Port, "127.0.0.1"
				name, _, _ := strings.Cut(t.Relationship, ".")
				rels[name] = append(rels[name], e)
			}
			switch {
			case property != "":
				return printProperty(c, rels, property)
			case encode:
				data, err := json.Marshal(rels)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintln(c.out, base64.StdEncoding.EncodeToString(data))
				return err
			default:
				return printJSON(c.out, rels)
			}
		},
	}
	cmd.Flags().StringVarP(&property, "property", "P", "", "show one property, such as database.0.port")
	cmd.Flags().BoolVar(&encode, "encode", false, "print it in base64")
	return cmd
}

func (c *program) tunnelClose() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "tunnel:close",
		Short: "Close tunnels",
		Args:  positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			open, err := c.chosenTunnels(cmd.Context(), all)
			if err != nil {
				return err
			}
			for _, g := range open {
				if err := c.control(cmd.Context(), g, "exit"); err != nil {
					return err
				}
				_ = os.Remove(g.file()) // it says nothing true any more
				for _, t := range g.Tunnels {
					c.note("Closed the tunnel to %s.", t.Relationship)
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "those of every project and environment")
	return cmd
}
