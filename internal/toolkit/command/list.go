package command

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

func newList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List commands",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return list(c.OutOrStdout(), c.Root()) },
	}
}

func list(w io.Writer, root *cobra.Command) error {
	if _, err := fmt.Fprintln(w, "Available commands:"); err != nil {
		return err
	}
	for _, c := range root.Commands() {
		if c.Hidden {
			continue
		}
		if _, err := fmt.Fprintf(w, "  %-28s %s\n", c.Name(), c.Short); err != nil {
			return err
		}
	}
	return nil
}
